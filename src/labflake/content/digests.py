"""What a file holds, and what shows that it still does: one hash, one mark, one rule for both.

Standard library only, and alone: as a program it hashes the files whose names it is told.
"""

import contextlib
import hashlib
import os
import sys
import time

TICK = 20_000_000  # ns in which a file may change again without a new time
_COARSE = 2_000_000_000  # the same where the file system counts seconds
SMALL = 1 << 16  # bytes; what is not larger is read at once
_BLOCK = 1 << 20
_LATELY = 600  # seconds; the kernel writes by itself after about 30


def sha256(path: str | os.PathLike, flushed: bool = False) -> str:
    """Return the SHA-256 of a file in hexadecimal.

    Args:
        path: the file.
        flushed: write a large file that was changed lately to the disk before it is read. Else a
            process that has it in its memory (`np.memmap`) could change it without a new time.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        if flushed:
            _flush(handle)
        start = os.read(handle, SMALL)
        digest = hashlib.sha256(start)
        if start:
            buffer = bytearray(_BLOCK if len(start) == SMALL else 1)
            view = memoryview(buffer)
            while count := os.readv(handle, [buffer]):
                digest.update(view[:count])
    finally:
        os.close(handle)
    return digest.hexdigest()


def _flush(handle: int) -> None:
    stat = os.fstat(handle)
    if stat.st_size > SMALL and time.time() - stat.st_mtime < _LATELY:
        with contextlib.suppress(OSError):
            os.fsync(handle)


def in_a_record(path: str | os.PathLike) -> str:
    """Return the hash of a file as the record of an installed package spells it."""
    import base64

    digest = base64.urlsafe_b64encode(bytes.fromhex(sha256(path)))
    return f"sha256={digest.decode().rstrip('=')}"


def mark(stat: os.stat_result) -> list[int]:
    """Return what differs whenever somebody wrote to a file or put another one in its place."""
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def was_written(before: list | None, after: list | None) -> bool:
    """Tell by two marks whether somebody wrote to a file; a new link or owner is nothing written.

    Who puts the old content back, with its date, has written all the same.
    """
    if not before or not after or before[:3] != after[:3]:
        return before != after
    return before[3] != after[3] and before[4:] == after[4:]


def is_settled(changed: int, moment: int) -> bool:
    """Tell whether a file that is read at this moment will get another time if it changes.

    Args:
        changed: when it was changed last, in nanoseconds.
        moment: when it is read, in nanoseconds.
    """
    whole_seconds = changed % 1_000_000_000 == 0
    return changed < moment - (_COARSE if whole_seconds else TICK)


def answer(path: str) -> tuple[str, str | OSError]:
    """Return a path with the digest of its file, or with the error that it gave."""
    try:
        return path, sha256(path, flushed=True)
    except OSError as error:
        return path, error


def _work() -> None:
    """Hash the files whose names come on standard input, in a process of its own."""
    for name in sys.stdin.buffer.read().split(b"\0"):
        _, found = answer(os.fsdecode(name))
        print(f"!{found.errno}" if isinstance(found, OSError) else found)


if __name__ == "__main__":
    _work()
