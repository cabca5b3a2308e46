"""A fence around a process: of a folder, it and all that it starts can read no more than it may.

It is Linux's own (Landlock, since 5.13), needs no privileges and costs nothing while the process
runs. The thread that goes behind the fence starts the process, and ends.
"""

import ctypes
import functools
import os
import struct
import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # of all machines
_NO_NEW_PRIVILEGES = 38
_READ_FILE = 1 << 2
_BENEATH = 1  # a rule for a file, or for all in a folder


def is_possible() -> bool:
    """Tell whether the system can do it."""
    return os.uname().sysname == "Linux" and _call(_CREATE, None, 0, 1) >= 1


class Fence:
    """Starts processes that can read of a folder only what they may, and all outside of it."""

    def __init__(self, folder: Path, readable: Iterable[str]) -> None:
        self._handle = _call(_CREATE, struct.pack("Q", _READ_FILE), 8, 0)
        for path in [*_around(folder), *readable]:
            self._allow(path)

    def _allow(self, path: str) -> None:
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            return  # what is not there cannot be read
        _call(_ADD, self._handle, _BENEATH, struct.pack("=Qi", _READ_FILE, place), 0)
        os.close(place)

    def start(self, *arguments, **options) -> subprocess.Popen:
        """Start a process, as `subprocess.Popen`."""
        found: list[subprocess.Popen | BaseException] = []

        def work() -> None:
            try:
                _library().prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
                _call(_RESTRICT, self._handle, 0)
                found.append(subprocess.Popen(*arguments, **options))
            except BaseException as error:  # of the one who asked
                found.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        os.close(self._handle)
        if isinstance(found[0], BaseException):
            raise found[0]
        return found[0]


def _around(folder: Path) -> list[str]:
    """Return all that is beside a folder, and beside each folder that it is in.

    A link to one of these folders is none of it: it would lead back inside.
    """
    real = os.path.realpath(folder)
    inside = {real, *map(str, Path(real).parents)}
    every = (each for above in Path(real).parents for each in _in(above))
    return [each.path for each in every if _target(each) not in inside]


def _in(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return [*found]
    except OSError:  # it may be entered, and not listed
        return []


def _target(entry: os.DirEntry[str]) -> str:
    """Return what an entry of a real folder is; only of a link the system has to be asked."""
    return os.path.realpath(entry.path) if entry.is_symlink() else entry.path


@functools.cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: object) -> int:
    return _library().syscall(number, *arguments)
