"""Remembers what the cells of a document gave, and tells when it still holds.

A cell's results hold as long as the code of all cells, the inline expressions, every file that the
cells read, the data of the experiment and the locks are the same. One change, and all cells run.
"""

import hashlib
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from lab.documents.results import Executed
from lab.documents.source import Source
from lab.experiments import Experiment, root

_LARGE = 50_000_000  # bytes; larger files are known by size and times, which every change alters
_LOCKS = ("poetry.lock", "flake.lock")
_EQUIPMENT = ("kernel.py", "cells.py", "memory.py")


def recall(source: Source, header_expressions: list[str]) -> Executed | None:
    """Return what the last run of the cells gave, if a run now would give the same."""
    try:
        saved = json.loads(_place(source).read_text(encoding="utf-8"))
        same = saved["code"] == _code_key(source, header_expressions)
        same = same and saved["files"] == {p: _content(p) for p in saved["files"]}
        same = same and saved["data"] == _data(source)
    except (OSError, ValueError, KeyError):
        return None
    if not same:
        return None
    return Executed(**saved["executed"])


def remember(source: Source, header_expressions: list[str], executed: Executed) -> None:
    """Keep what the cells gave; a run that failed or started other programs is not kept."""
    place = _place(source)
    place.unlink(missing_ok=True)
    if executed.problems or executed.notes.get("programs"):
        return
    notes = executed.notes
    files = {p for kind in ("read", "listed", "written") for p in notes.get(kind, ())}
    saved = {
        "code": _code_key(source, header_expressions),
        "files": {p: _content(p) for p in sorted(files)},
        "data": _data(source),
        "executed": asdict(executed),
    }
    place.parent.mkdir(parents=True, exist_ok=True)
    new = place.with_suffix(".new")
    new.write_text(json.dumps(saved), encoding="utf-8")
    new.replace(place)


def _place(source: Source) -> Path:
    state = Experiment(source.path.parent.name).state
    return state / "documents" / f"{source.path.stem}.json"


def _code_key(source: Source, header_expressions: list[str]) -> str:
    """Return the hash of all that is run, of the locks and of the Python that runs it."""
    here = Path(__file__).parent
    files = [*(root() / name for name in _LOCKS), *(here / name for name in _EQUIPMENT)]
    parts = [
        sys.version,
        sys.platform,
        os.environ.get("SEED", ""),
        *(_content(str(f)) for f in files),
    ]
    for cell in source.cells:
        parts += [cell.kind, cell.code if cell.kind == "code" else "", *cell.expressions]
    return hashlib.sha256(json.dumps([parts, header_expressions]).encode()).hexdigest()


def _content(path: str) -> str:
    """Return the hash of a file's content or of a folder's list of names."""
    try:
        if os.path.isdir(path):
            names = [n for n in os.listdir(path) if n[0] not in ".#" and n[-1] != "~"]
            return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()
        if os.stat(path).st_size > _LARGE:
            return repr(_times(path))
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "missing"


def _times(path: str) -> tuple[int, ...]:
    stat = os.stat(path)
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


def _data(source: Source) -> str:
    """Return a hash of names, sizes and times of the experiment's data.

    Libraries that read files by themselves, without Python's `open`, are not seen while the
    cells run. So any change among the data makes the cells run again.
    """
    found = []
    for folder, _, names in os.walk(Experiment(source.path.parent.name).generated / "assets/data"):
        for name in names:
            path = os.path.join(folder, name)
            found.append((path, _times(path)))
    return hashlib.sha256(json.dumps(sorted(found)).encode()).hexdigest()
