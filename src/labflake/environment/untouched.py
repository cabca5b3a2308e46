"""Is `.venv` still what was installed, or has somebody changed its packages by hand?

What is compared costs a few hundred looks at files: which distributions there are, when each was
installed, and the files beside them; their contents only where a time or size differs. An edit
inside the folder of a package is seen by `altered`.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from labflake.content.digests import sha256

SEAL = "labflake-packages"  # the file in `.venv` that says what its packages were


def seal(venv: Path) -> None:
    """Note what the packages are now: how they look, and what they hold."""
    noted = f"{_state(venv, _look)}\n{_state(venv, _content)}"
    (venv / SEAL).write_text(noted, encoding="utf-8")


def is_as_sealed(venv: Path) -> bool:
    """Tell whether the packages are what they were; so it is where nothing was noted."""
    try:
        look, _, content = (venv / SEAL).read_text(encoding="utf-8").partition("\n")
    except OSError:
        return True
    if look == _state(venv, _look):
        return True
    if content != _state(venv, _content):
        return False
    with contextlib.suppress(OSError):
        seal(venv)
    return True


def _state(venv: Path, mark: Callable[[str], tuple]) -> str:
    """Return a digest of the names of all packages, and of what marks each, and files beside."""
    parts = []
    for place in sorted(venv.glob("lib/python3*/site-packages")):
        with os.scandir(place) as entries:
            parts += [_part(entry, mark) for entry in entries if entry.name != "__pycache__"]
    return hashlib.sha256(repr(sorted(parts)).encode()).hexdigest()


def _part(entry: os.DirEntry, mark: Callable[[str], tuple]) -> tuple:
    path = entry.path
    if entry.name.endswith(".dist-info"):
        path = os.path.join(path, "RECORD")
    elif entry.is_dir():
        return (entry.name,)
    try:
        return entry.name, *mark(path)
    except OSError:
        return (entry.name, "gone")


def _look(path: str) -> tuple:
    stat = os.stat(path)
    return stat.st_size, int(stat.st_mtime)  # an image of a container keeps no more


def _content(path: str) -> tuple:
    return (sha256(path),)
