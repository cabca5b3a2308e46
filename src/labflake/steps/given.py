"""What no rule makes: data that no step may write, and files that are read without being data."""

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from labflake.content import patterns
from labflake.data_files import guarded
from labflake.data_files.guarded import Guarded
from labflake.errors import LabError
from labflake.programs import mentions
from labflake.project.experiments import Experiment, root
from labflake.project.options import is_locked
from labflake.steps import beside

_data = Guarded(())  # of the experiment that is built
_said: set[str] = set()  # files of this build


def begin(experiment: Experiment, whole: bool) -> None:
    """Begin to look at a build; `whole` says that it comes to all jobs that there are."""
    global _data
    _data = guarded.of(experiment)
    _said.clear()
    if whole:
        _notes(experiment).unlink(missing_ok=True)


def check(experiment: Experiment, read: dict[str, str], made: set[str]) -> None:
    """Look at what jobs read, before the first one starts and when a checkpoint has added some.

    Args:
        experiment: the experiment.
        read: for each file the rule that reads it.
        made: what the jobs make that this build has, or had.

    Raises:
        LabError: nobody declared one of the files, and LOCKED is set.
    """
    rest = read.keys() - made
    rest -= _of_git(experiment, rest)
    unknown = {p: r for p, r in read.items() if p in rest and not _is_known(experiment, p, made)}
    _note(experiment, unknown)
    for path in sorted(unknown.keys() - _said):
        _said.add(path)
        _say(unknown[path], path)


def look_at_named(experiment: Experiment, rule: str, named: Iterable[str]) -> None:
    """Look at what a command names outside the project, and its rule does not declare.

    Raises:
        LabError: there is something, and LOCKED is set.
    """
    if outside := [path for path in named if _is_outside(path)]:
        check(experiment, dict.fromkeys(outside, rule), set())


def _is_outside(path: str) -> bool:
    """Tell whether files, a folder or a pattern lie outside the project, and are no program."""
    if not os.path.isabs(path) or _is_program(path):
        return False
    return os.path.exists(path) or bool(patterns.meant(path))


def _is_program(path: str) -> bool:
    return mentions.is_software(path) or (os.path.isfile(path) and os.access(path, os.X_OK))


def _is_known(experiment: Experiment, path: str, made: set[str]) -> bool:
    if _is_made(path, made) or _data.holds(path):
        return True
    return beside.is_link(experiment, os.path.join(experiment.generated, path))


def _note(experiment: Experiment, unknown: dict[str, str]) -> None:
    """Note what is not declared, for builds that have nothing to do."""
    if unknown:
        notes = _notes(experiment)
        before = json.loads(notes.read_bytes()) if notes.exists() else {}
        notes.write_text(json.dumps(before | unknown), encoding="utf-8")


def check_notes(experiment: Experiment) -> None:
    """Look at what the last build read, where this one has nothing to do.

    Raises:
        LabError: it was not declared, and LOCKED or CI is set.
    """
    notes = _notes(experiment)
    for path, rule in json.loads(notes.read_bytes()).items() if notes.exists() else ():
        if is_locked():
            _say(rule, path)


def _notes(experiment: Experiment) -> Path:
    return experiment.state / "undeclared.json"


def is_data(path: str) -> bool:
    """Tell whether a path is data of the experiment that is built."""
    return _data.holds(path)


def refuse(rule: str, outputs: Iterable[str]) -> None:
    """Refuse a rule that would write data.

    Raises:
        LabError: One of its outputs is data.
    """
    _data.refuse(rule, outputs)


def _is_made(path: str, made: set[str]) -> bool:
    """Tell whether a rule makes a file, or a folder in which it lies."""
    parts = path.split("/")
    return any("/".join(parts[:count]) in made for count in range(len(parts), 0, -1))


def _of_git(experiment: Experiment, paths: Iterable[str]) -> set[str]:
    """Return those of the paths that git holds: all of the project but `generated` and `data`."""
    top, generated = os.path.join(root(), ""), str(experiment.generated)
    found = set()
    for path in paths:
        place = f"{os.path.normpath(os.path.join(generated, path))}{os.sep}"
        below = place[len(top) :].partition(os.sep)[0]
        if place.startswith(top) and below not in ("generated", "data"):
            found.add(path)
    return found


def _say(rule: str, path: str) -> None:
    name = os.path.basename(path)
    place = path if os.path.isabs(path) else "PLACE"
    text = f"rule {rule} reads {path}, which no rule makes and config.yaml does not declare"
    way = f"  declare it under data: as {name}: {{file: {place}}}, and write data({name!r}) here"
    if is_locked():
        raise LabError(f"{text}, and LOCKED or CI is set\n{way}")
    print(f"warning: {text}: its changes are not refused\n{way}", file=sys.stderr, flush=True)
