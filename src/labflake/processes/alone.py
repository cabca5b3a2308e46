"""One make at a time: a lock that ends with its holder, also where the file system has none.

Builds and all that works on the data of an experiment take the same one. The system's lock belongs
to an open file: processes that inherit it keep it, and it ends with the last of them. Where there
is none (NFS without its daemon, Lustre), names of files are the lock.
"""

import errno
import fcntl
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from labflake.processes import named_lock
from labflake.project.experiments import Experiment

_PAUSE = 0.2  # s between two looks at a lock that somebody holds
_TAKEN = (errno.EAGAIN, errno.EACCES)
_NONE_HERE = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


class NoLocksError(Exception):
    """The file system has no locks."""


@contextmanager
def alone(experiment: Experiment) -> Iterator[None]:
    """Hold the lock of the experiment, and wait for who holds it now."""
    from labflake.processes import orphans

    path = experiment.state / "lock"
    waiting = f"another make is building {experiment.name}; waiting for it"
    release, told = None, False
    while release is None:
        handle = _open(path)
        release = _taken(handle, path)
        if release is None:
            os.close(handle)
            if not told:
                print(f"{waiting}{named_lock.who(path)}", flush=True)
            told = True
            time.sleep(_PAUSE)
    orphans.lock_of_build = handle  # for the keeper to hold, too
    yield
    release()  # not if the work failed: what it left behind may still write, and has the lock
    os.close(handle)


def try_lock(handle: int) -> bool:
    """Lock an open file for all that inherit it; tell whether nobody else has it.

    Raises:
        NoLocksError: the file system has no locks.
    """
    for way in (_lock_file, fcntl.flock):
        try:
            way(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _TAKEN:
                return False
            if error.errno not in _NONE_HERE:
                raise
        else:
            return True
    raise NoLocksError


def unlock(handle: int) -> None:
    """Give a lock back, also for those who inherited it."""
    for way in (_lock_file, fcntl.flock):
        with suppress(OSError):
            way(handle, fcntl.LOCK_UN)


def _lock_file(handle: int, kind: int) -> None:
    """Lock the whole file as other machines see it, too: flock does not reach everywhere."""
    if not hasattr(fcntl, "F_OFD_SETLK"):
        raise OSError(errno.ENOSYS, "not on this system")
    lock = fcntl.F_UNLCK if kind == fcntl.LOCK_UN else fcntl.F_WRLCK
    fcntl.fcntl(handle, fcntl.F_OFD_SETLK, struct.pack("hhqqi", lock, 0, 0, 0, 0))


def _open(path: Path) -> int:
    """Open the file of the lock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)


def _taken(handle: int, path: Path):
    """Take the lock; return what gives it back, None where somebody else has it."""
    try:
        if not try_lock(handle):
            return None
    except NoLocksError:
        name = named_lock.take(path)
        return None if name is None else lambda: named_lock.give_back(name)
    with_name = os.path.exists(path) and os.path.samestat(os.fstat(handle), os.stat(path))
    # Without its name nobody else would find it: `make clean` removed it meanwhile.
    return (lambda: unlock(handle)) if with_name else None
