"""The state of an experiment, found out without building anything."""

import os
from typing import NamedTuple

from lab import gate
from lab.errors import LabError
from lab.experiments import Experiment, relative
from lab.gate import inventory, record
from lab.pipeline.changed import Change, examine
from lab.pipeline.contents import Contents

BUILT, STALE, DATA, NOT_BUILT = "built", "stale", "data changed", "not built"
ALL = (BUILT, STALE, DATA, NOT_BUILT)


class State(NamedTuple):
    """One of the four states, and why it is not `built`."""

    name: str
    why: str = ""


def state(experiment: Experiment) -> State:
    """Return the state of an experiment; only files that look touched are read."""
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
        return State(STALE if contents.built else NOT_BUILT, "the steps or the software changed")
    changed = _that_count(change, contents)
    return (
        State(STALE, _some([_named(experiment, p) for p in changed])) if changed else State(BUILT)
    )


def _that_count(change: Change, contents: Contents) -> list[str]:
    """Return the changes on which results depend.

    A new commit, or a module that no document read, changes no result.
    """
    read = {p for document in contents.documents.values() for p in document["reads"]}
    made = {p for document in contents.documents.values() for p in document["outputs"]}
    return [*change.inputs, *change.tampered, *(p for p in change.documents if p in read | made)]


def _named(experiment: Experiment, path: str) -> str:
    return relative(experiment.generated / os.path.normpath(path))


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return ", ".join(names[:2]) + more
