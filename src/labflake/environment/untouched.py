"""Is `.venv` still what was installed, or has somebody changed its packages by hand?

What is compared costs a few hundred looks at files: which distributions there are, when each was
installed, and the files beside them. An edit inside the folder of a package is not noticed.
"""

import hashlib
import os
from pathlib import Path

SEAL = "labflake-packages"  # the file in `.venv` that says what its packages were


def seal(venv: Path) -> None:
    """Note what the packages are now."""
    (venv / SEAL).write_text(_state(venv), encoding="utf-8")


def is_as_sealed(venv: Path) -> bool:
    """Tell whether the packages are what they were; so it is where nothing was noted."""
    try:
        noted = (venv / SEAL).read_text(encoding="utf-8")
    except OSError:
        return True
    return noted == _state(venv)


def _state(venv: Path) -> str:
    """Return a digest of the names of all packages, and of when each was installed."""
    parts = []
    for place in sorted(venv.glob("lib/python3*/site-packages")):
        with os.scandir(place) as entries:
            parts += [_mark(entry) for entry in entries if entry.name != "__pycache__"]
    return hashlib.sha256(repr(sorted(parts)).encode()).hexdigest()


def _mark(entry: os.DirEntry) -> tuple:
    path = entry.path
    if entry.name.endswith(".dist-info"):
        path = os.path.join(path, "RECORD")
    elif entry.is_dir():
        return (entry.name,)
    try:
        stat = os.stat(path)
    except OSError:
        return (entry.name, "gone")
    return entry.name, stat.st_size, int(stat.st_mtime)  # an image of a container keeps no more
