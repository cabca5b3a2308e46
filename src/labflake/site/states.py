"""The state of an experiment, found out without building anything."""

import os
from pathlib import Path
from typing import NamedTuple

from labflake.content.contents import Contents
from labflake.data_files import gate, recorded
from labflake.data_files.gate import inventory, record
from labflake.errors import LabError
from labflake.project.experiments import Experiment, relative
from labflake.steps.changed import Change, examine

BUILT, PULLED, STALE = "built", "pulled", "stale"
DATA, NOT_BUILT = "data changed", "not built"
ALL = (BUILT, PULLED, STALE, DATA, NOT_BUILT)


class State(NamedTuple):
    """One of the states, and why it is not `built`."""

    name: str
    why: str = ""


def state(experiment: Experiment) -> State:
    """Return the state of an experiment; only files that look touched, or were pulled, are read."""
    if recorded.is_pulled(experiment):
        return State(PULLED, "not built here, but as recorded")
    if not (experiment.state / "manifest.json").is_file():
        return State(NOT_BUILT)
    try:
        known = record.read(experiment.scripts / "hashes.txt")
        found = inventory.take(experiment.generated, known, (), gate.memory(experiment))
    except LabError as error:
        return State(DATA, str(error).splitlines()[0])
    if refused := found.of("changed", "extra"):
        return State(DATA, _some([finding.name for finding in refused]))
    contents = Contents(str(experiment.generated))
    change = examine(experiment, contents)
    if change.everything:
        return State(STALE if contents.graph else NOT_BUILT, "the steps or the software changed")
    missing = _not_built(change, contents)
    changed = [_named(experiment, path) for path in [*change.files, *missing]]
    return State(STALE, _some(changed)) if changed else State(BUILT)


def _not_built(change: Change, contents: Contents) -> list[str]:
    """Return the outputs of steps that a build of a part left, and the documents never made.

    A new commit changes no result.
    """
    steps = [first for first in change.steps if not change.files or first not in contents.steps]
    papers = [name for name in change.documents if name not in contents.documents]
    return steps + [f"outputs/{Path(name).stem}.pdf" for name in papers]


def _named(experiment: Experiment, path: str) -> str:
    return relative(experiment.generated / os.path.normpath(path))


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return ", ".join(names[:2]) + more
