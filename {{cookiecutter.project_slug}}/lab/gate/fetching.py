"""Fetch declared data into a temporary place, verify it there, then move it into place."""

import contextlib
import hashlib
import json
import os
import shutil
from pathlib import Path

from lab.atomic import flush, replacing
from lab.errors import LabError
from lab.experiments import Experiment
from lab.folders import walk
from lab.gate import drift, hashes, record
from lab.gate.inventory import DATA
from lab.sources.job import Job, Source


def ensure(
    experiment: Experiment, declared: dict[str, Source], known: record.Record, locked: bool
) -> None:
    """Fetch every source whose data is not there, or whose declaration changed.

    Raises:
        LabError: Data cannot be fetched, or is not what is recorded.
    """
    fetched = Fetched(experiment)
    for name, source in declared.items():
        if not _is_there(experiment, name) or fetched.differs(name, source):
            if locked and not known.below(DATA + name):
                raise LabError(
                    f"assets/data/{name} is not recorded, and LOCKED or CI is set\n"
                    "  record it: make without them, then commit hashes.txt"
                )
            fetch(experiment, name, source, known)
            fetched.note(name, source)


def fetch(experiment: Experiment, name: str, source: Source, known: record.Record) -> None:
    """Fetch one source, and move it into place if it is what is recorded.

    Raises:
        LabError: It cannot be fetched, or differs from the record.
    """
    scratch = experiment.generated / DATA / ".fetch" / _slug(name)
    scratch.mkdir(parents=True, exist_ok=True)
    target = scratch / "new"
    _remove(target)
    source.fetch(Job(experiment, name, target, scratch))
    expected = known.below(DATA + name)
    found = _digests(target, DATA + name)
    final = experiment.generated / DATA / name
    if expected and found != expected:
        place(target, drift.aside(experiment, name))
        drift.refuse(experiment, {name: source}, known)
    place(target, final)
    _remove(scratch)
    with contextlib.suppress(OSError):
        scratch.parent.rmdir()
    print(f"fetched {DATA}{name}   {source.described()}")


def place(target: Path, final: Path) -> None:
    """Move a fetched file or folder to its name; what has that name is replaced."""
    final.parent.mkdir(parents=True, exist_ok=True)
    if target.is_file() and not target.is_symlink():
        flush(target)
    if target.is_dir() or (final.is_dir() and not final.is_symlink()):
        _remove(final)
    os.replace(target, final)


def _digests(path: Path, name: str) -> dict[str, str]:
    """Return the digests of a file, or of all files in a folder, by their final names."""
    if path.is_dir():
        sizes = {each: stat.st_size for each, stat in walk(str(path))}
    else:
        sizes = {str(path): path.stat().st_size}
    answers = hashes.sha256s(sizes)
    for answer in answers.values():
        if isinstance(answer, OSError):
            raise answer
    return {name + each.removeprefix(str(path)): answer for each, answer in answers.items()}


def _is_there(experiment: Experiment, name: str) -> bool:
    return (experiment.generated / DATA / name).exists()


def _slug(name: str) -> str:
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:16]


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


class Fetched:
    """What the data on disk was fetched from, so that a changed declaration is noticed."""

    def __init__(self, experiment: Experiment) -> None:
        self.path = experiment.state / "sources.json"
        try:
            self.identities = dict(json.loads(self.path.read_bytes()))
        except (OSError, ValueError, TypeError):
            self.identities = {}

    def differs(self, name: str, source: Source) -> bool:
        """Return whether the data came from another declaration than this one."""
        return self.identities.get(name, _identity(source)) != _identity(source)

    def note(self, name: str, source: Source) -> None:
        """Remember where the data came from."""
        self.identities[name] = _identity(source)
        with replacing(self.path) as part:
            part.write_text(json.dumps(self.identities, sort_keys=True), encoding="utf-8")


def _identity(source: Source) -> str:
    text = json.dumps([type(source).__name__, source.identity()], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
