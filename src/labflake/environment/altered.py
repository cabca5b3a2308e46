"""Which packages of `.venv` have files that are not those of their wheel, as its record has them.

A record has the hash of each file; read is only what is newer than the record.
"""

import csv
import os
import time
from collections.abc import Iterator
from importlib import machinery
from pathlib import Path

from labflake.content.digests import in_a_record

from . import as_seen

ODD = "lab-odd-files.txt"  # in `.venv`: what differs from the record in the wheel itself
_IMPORTED = (*machinery.all_suffixes(), ".pth")
_Package = tuple[str, str, list[list[str]]]  # name, place of its notes, lines of its record


def packages(venv: Path) -> dict[str, str]:
    """Return the packages with a file that was changed, removed or added, each with such a file.

    Where none has, it is noted how all files look: the next time it takes a third of the time.
    """
    if as_seen.is_still(venv):
        return {}
    moment = time.time_ns()
    folders: dict[str, int] = {}
    there = _files(venv, folders)
    found = _packages_of(venv, there)
    if not found:
        as_seen.note(venv, folders, there, moment)
    return found


def _packages_of(venv: Path, there: dict[str, os.stat_result]) -> dict[str, str]:
    """Compare the files that are there with the records of the packages."""
    odd = _odd(venv)
    found: dict[str, str] = {}
    recorded: set[str] = set()
    for name, info, record in _packages(venv):
        written = there[f"{info}/RECORD"].st_mtime_ns
        recorded.update(path for path, _, _ in record)
        for path, digest, size in record:
            if (
                digest
                and path not in odd
                and (
                    not _is_as_recorded(path, there, size)
                    or (there[path].st_mtime_ns > written and in_a_record(venv / path) != digest)
                )
            ):
                found.setdefault(name, path)
    added = (p for p in there if p.endswith(_IMPORTED) and p not in recorded and _is_inside(p))
    return found | {os.path.basename(path): path for path in added}


def installed(venv: Path) -> dict[str, int]:
    """Return what is installed, and since when."""
    records = venv.glob("lib/python3*/site-packages/*.dist-info/RECORD")
    return {str(path): path.stat().st_mtime_ns for path in records}


def lines_of(record: Path) -> list[list[str]]:
    """Return path, hash and size of each file in a record; "" for a hash of another kind."""
    with open(record, encoding="utf-8", newline="") as file:
        lines = [line for line in csv.reader(file) if len(line) == 3]
    for line in lines:
        line[1] *= line[1].startswith("sha256=")
    return lines


def _is_as_recorded(path: str, there: dict[str, os.stat_result], size: str) -> bool:
    return path in there and (not size or there[path].st_size == int(size))


def _is_inside(path: str) -> bool:
    """Tell whether a file lies in the folder of a package; those beside it are sealed."""
    return path.partition("/site-packages/")[2].count("/") > 0


def _odd(venv: Path) -> set[str]:
    try:
        return set((venv / ODD).read_text(encoding="utf-8").splitlines())
    except OSError:
        return set()


def _files(venv: Path, times: dict[str, int]) -> dict[str, os.stat_result]:
    """Look at each file, by its path in `.venv`; what Python compiles itself is left out.

    Args:
        venv: the environment.
        times: gets of each folder when names in it changed last, as it was before they were read.
    """
    found, folders = {}, [os.path.join(venv, name) for name in os.listdir(venv)]
    folders = [f for f in folders if os.path.isdir(f) and not os.path.islink(f)]
    start = len(os.path.join(venv, ""))
    while folders:
        folder = folders.pop()
        times[folder[start:]] = os.stat(folder).st_mtime_ns
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    if look := _look(entry):
                        found[entry.path[start:]] = look
                    else:  # a link to nothing: what it will lead to, none can see
                        times[folder[start:]] = time.time_ns()
                elif entry.name != "__pycache__":
                    folders.append(entry.path)
    return found


def _look(entry: os.DirEntry) -> os.stat_result | None:
    try:
        return entry.stat()
    except OSError:
        return None


def _packages(venv: Path) -> Iterator[_Package]:
    """Yield what is installed with a record; its paths become those in `.venv`."""
    for record in sorted(venv.glob("lib/python3*/site-packages/*.dist-info/RECORD")):
        site = record.parent.parent.relative_to(venv).as_posix()
        lines = lines_of(record)
        for line in lines:
            path = f"{site}/{line[0]}"
            line[0] = os.path.normpath(path) if ".." in path else path
        yield record.parent.name.split("-")[0], f"{site}/{record.parent.name}", lines
