"""Put `.venv` aside while another is made, and back where that fails, also after a kill."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from . import NOTE


@contextlib.contextmanager
def replaced(venv: Path) -> Iterator[None]:
    """Put `.venv` aside while a new one is made, and back if that fails."""
    place = _place(venv)
    if os.path.lexists(venv):
        _put(venv, place)
    try:
        yield
    except BaseException:
        shutil.rmtree(venv, ignore_errors=True)
        if os.path.lexists(place):
            place.rename(venv)
        raise
    _remove(place)


def _put(venv: Path, place: Path) -> None:
    """Move `.venv`; what lies in the image of a container can be copied only."""
    try:
        venv.rename(place)
    except OSError as problem:
        if problem.errno != errno.EXDEV:
            raise
        part = place.with_suffix(".part")
        _remove(part)
        shutil.copytree(venv, part, symlinks=True)
        part.rename(place)
        (venv / NOTE).unlink(missing_ok=True)  # from here on the copy is the one that works
        shutil.rmtree(venv)


def recover(venv: Path) -> None:
    """Put back what an attempt that was killed has left aside."""
    place = _place(venv)
    if os.path.lexists(place):
        _remove(place if (venv / NOTE).exists() else venv)
        if os.path.lexists(place):
            place.rename(venv)


def _place(venv: Path) -> Path:
    return venv.with_name(".venv.replaced")


def _remove(place: Path) -> None:
    """Remove a folder, or a link to one that belongs to another project."""
    if place.is_symlink():
        place.unlink()
    shutil.rmtree(place, ignore_errors=True)
