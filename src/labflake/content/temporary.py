"""Folders for a while that are removed also if the program that made them is killed.

Each is locked while its program runs. Whoever needs one removes those of the same name that nobody
holds any more.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def folder(name: str, within: str | os.PathLike | None = None) -> Iterator[Path]:
    """Give a new folder, `within` another or where the system has its temporary files."""
    place = Path(within or tempfile.gettempdir())
    prefix = f"labflake-{name}-"
    for old in place.glob(f"{prefix}*"):
        _remove_if_left(old)
    handle, path = _locked(prefix, place)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(handle)


def _locked(prefix: str, place: Path) -> tuple[int, Path]:
    """Return a new folder that is open and locked."""
    while True:  # somebody may remove it before we have it
        path = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
        try:
            handle = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            continue
        if _is_free(handle) is not False and path.is_dir():
            return handle, path
        os.close(handle)


def _remove_if_left(path: Path) -> None:
    """Remove a folder of ours if the program that made it is gone."""
    try:
        if path.lstat().st_uid != os.geteuid():
            return
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        if _is_free(handle):
            shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(handle)


def _is_free(handle: int) -> bool | None:
    """Lock an open folder; tell whether nobody else has it, None where that cannot be known."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
