"""A lock made of file names, for file systems without locks.

The file `lock.7` is a link to who holds it; making one is atomic. A dead holder is succeeded by
making `lock.8`, which one process can do only; the highest number counts, and stays. Whoever finds
a higher one than its own was too slow, and begins again.
"""

import contextlib
import os
from pathlib import Path

from labflake.project.experiments import relative


def take(path: Path) -> Path | None:
    """Take the lock by name; None where a living process has it."""
    number = max(_numbers(path), default=0)
    if number and not _is_free(_numbered(path, number)):
        return None
    mine, me = _numbered(path, number + 1), f"{_machine()} {os.getpid()} {_started(os.getpid())}"
    try:
        os.symlink(me, mine)
    except FileExistsError:
        return None
    if max(_numbers(path)) != number + 1:
        mine.unlink()
        return None
    for each in _numbers(path):
        if each <= number:
            _numbered(path, each).unlink(missing_ok=True)
    return mine


def give_back(name: Path) -> None:
    """Say that nobody has the lock any more."""
    free = name.with_name("lock-free")
    with contextlib.suppress(FileNotFoundError):  # `make clean` removed the folder
        free.unlink(missing_ok=True)
        os.symlink("free", free)
        os.replace(free, name)


def _numbers(path: Path) -> list[int]:
    names = (name.partition("lock.")[2] for name in os.listdir(path.parent))
    return [int(number) for number in names if number.isdecimal()]


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"lock.{number}")


def _holder(name: Path) -> list[str]:
    """Return machine, process and its start of who holds the lock; nothing if it is free."""
    try:
        return os.readlink(name).rsplit(" ", 2)
    except OSError:
        return []


def _is_free(name: Path) -> bool:
    """Tell whether the holder gave it back, or is not alive any more as far as we can see."""
    holder = _holder(name)
    if len(holder) < 3:
        return holder == ["free"]
    machine, process, started = holder
    return machine == _machine() and _started(int(process)) != started


def who(path: Path) -> str:
    """Say on which other machine the holder is, and what to do if that is gone; "" if on this."""
    name = _numbered(path, max(_numbers(path), default=0))
    holder = _holder(name)
    if len(holder) < 3 or holder[0] == _machine():
        return ""
    return f" (on {holder[0].split()[0]}; if that is gone: rm {relative(name)})"


def _machine() -> str:
    """Return what tells this machine, and this space of process numbers, from others."""
    try:
        space = os.readlink("/proc/self/ns/pid")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        space = boot = ""
    return f"{os.uname().nodename} {boot} {space}"


def _started(process: int) -> str:
    """Return when a process started, by which its number is told from a later use of it."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            state, *numbers = file.read().rpartition(b")")[2].split()
        return "gone" if state in (b"Z", b"X") else numbers[18].decode()
    except OSError:
        return "gone" if os.path.exists("/proc/self/stat") else _alive(process)


def _alive(process: int) -> str:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return "gone"
    except PermissionError:
        pass
    return "alive"
