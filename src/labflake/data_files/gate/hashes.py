"""Hash files on all cores: threads for large files, processes for many small ones."""

import contextlib
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from subprocess import Popen

BUFFER = 1 << 20
SMALL = 1 << 16
LATELY = 600  # seconds; the kernel writes by itself after about 30
MANY = 2000  # below this, starting processes costs more than they save


def sha256(path: str | os.PathLike) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    handle = os.open(path, os.O_RDONLY)
    try:
        _settle(handle)
        start = os.read(handle, SMALL)
        digest = hashlib.sha256(start)
        if start:
            _rest(handle, digest, bytearray(BUFFER if len(start) == SMALL else 1))
    finally:
        os.close(handle)
    return digest.hexdigest()


def _settle(handle: int) -> None:
    """Write a large file that was changed lately to the disk, before it is read.

    A process that has the file in its memory (`np.memmap`) could change it further without a new
    time, until the pages that it changed are written.
    """
    stat = os.fstat(handle)
    if stat.st_size > SMALL and time.time() - stat.st_mtime < LATELY:
        with contextlib.suppress(OSError):
            os.fsync(handle)


def _rest(handle: int, digest: "hashlib._Hash", buffer: bytearray) -> None:
    view = memoryview(buffer)
    while count := os.readv(handle, [buffer]):
        digest.update(view[:count])


def sha256s(
    sizes: dict[str, int], done: Callable[[int], None] = lambda size: None
) -> dict[str, str | OSError]:
    """Hash many files, given with their sizes; a file that cannot be read gives its error.

    `done` is called with the size of each file that was hashed, one call at a time.
    """
    from concurrent.futures import ThreadPoolExecutor, as_completed

    small = [path for path, size in sizes.items() if size <= SMALL]
    if len(small) < MANY:
        small = []
    large = sorted(sizes.keys() - set(small), key=sizes.__getitem__, reverse=True)
    found: dict[str, str | OSError] = {}
    with ThreadPoolExecutor(cores()) as pool:
        shares = [small[start :: cores()] for start in range(cores())] if small else []
        # A lone generator would start its process only when it is asked for its first line.
        started = [(_start(share), share) for share in shares]
        waiting = [pool.submit(_hash_one, path) for path in large]
        for process, share in started:
            _note(_answers(process, share), sizes, found, done)
        _note((future.result() for future in as_completed(waiting)), sizes, found, done)
    return found


def cores() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _note(
    answers: Iterable[tuple[str, str | OSError]],
    sizes: dict[str, int],
    found: dict[str, str | OSError],
    done: Callable[[int], None],
) -> None:
    for path, answer in answers:
        found[path] = answer
        done(sizes[path])


def _hash_one(path: str) -> tuple[str, str | OSError]:
    try:
        return path, sha256(path)
    except OSError as error:
        return path, error


def _start(share: Sequence[str]) -> "Popen":
    """Start a worker and hand it its files; it reads all names before it answers."""
    import subprocess

    command = [sys.executable, "-I", "-S", os.path.abspath(__file__)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    process.stdin.write(b"\0".join(os.fsencode(path) for path in share))
    process.stdin.close()
    return process


def _answers(process: "Popen", share: Sequence[str]) -> Iterator[tuple[str, str | OSError]]:
    assert process.stdout
    with process:
        for path, answer in zip(share, process.stdout, strict=True):
            text = answer.decode().rstrip("\n")
            if text.startswith("!"):
                code = int(text[1:])
                yield path, OSError(code, os.strerror(code), path)
            else:
                yield path, text


def _work() -> None:
    """Hash the files whose names come on standard input, in a process of its own."""
    for name in sys.stdin.buffer.read().split(b"\0"):
        _, answer = _hash_one(os.fsdecode(name))
        print(f"!{answer.errno}" if isinstance(answer, OSError) else answer)


if __name__ == "__main__":
    _work()
