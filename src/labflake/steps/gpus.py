"""GPUs: which there are, and ids of its own for each step that runs on them."""

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from labflake.errors import LabError
from labflake.processes.alone import NoLocksError, try_lock, unlock

_WAIT = 0.5  # s between looks at GPUs that all have a user


def visible() -> list[str] | None:
    """Return the ids of the GPUs that may be used; None where nothing tells which there are."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [v.strip() for v in chosen.split(",") if v.strip() not in ("", "-1")]
    try:
        return [str(i) for i in range(len(os.listdir("/proc/driver/nvidia/gpus")))]
    except OSError:
        return None


@contextlib.contextmanager
def lease(wanted: int, limit: int, waiting: Callable[[], None]) -> Iterator[tuple[list[str], list]]:
    """Hold GPUs that nobody else on this machine holds, in this make or another of this user.

    Each id has a file, and a lock on it that ends with the last process that has it open: a crash
    gives the id back.

    Args:
        wanted: how many.
        limit: how many the build may use, where nothing tells which there are.
        waiting: called once if others hold them now.

    Yields:
        The ids, and the open files that a step inherits.
    """
    ids = visible()
    ids = [str(i) for i in range(limit)] if ids is None else ids
    held: list = []
    try:
        told = False
        while len(held := _take(ids, wanted)) < wanted:
            _release(held)
            if not told:
                waiting()
            told = True
            import random

            time.sleep(_WAIT * random.uniform(0.5, 1.5))
        yield [id_ for id_, _ in held], [handle for _, handle in held]
    finally:
        _release(held)


def _take(ids: list[str], wanted: int) -> list[tuple[str, int]]:
    """Lock up to as many ids as wanted; return each with its open file."""
    held: list[tuple[str, int]] = []
    for id_ in ids[: len(ids) if wanted else 0]:
        handle = os.open(_folder() / re.sub(r"\W", "-", id_), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            free = try_lock(handle)
        except NoLocksError:
            os.close(handle)
            raise LabError(f"{_folder()} has no locks: GPUs cannot be given to steps") from None
        if free:
            held.append((id_, handle))
        else:
            os.close(handle)
        if len(held) == wanted:
            break
    return held


def _release(held: list[tuple[str, int]]) -> None:
    for _, handle in held:
        unlock(handle)
        os.close(handle)
    held.clear()


def _folder() -> Path:
    """Return the folder of the locks: the same for every session of this user on this machine."""
    folder = Path("/tmp") / f"labflake-gpus-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise LabError(f"{folder} belongs to somebody else: GPUs cannot be given to steps")
    return folder
