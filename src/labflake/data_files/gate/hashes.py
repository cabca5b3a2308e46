"""Hash files on all cores: threads for large files, processes for many small ones."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from labflake.content import digests
from labflake.content.digests import SMALL, answer

if TYPE_CHECKING:
    from subprocess import Popen

MANY = 2000  # below this, starting processes costs more than they save


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
        waiting = [pool.submit(answer, path) for path in large]
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
    for path, each in answers:
        found[path] = each
        done(sizes[path])


def _start(share: Sequence[str]) -> "Popen":
    """Start a worker and hand it its files; it reads all names before it answers."""
    import subprocess

    command = [sys.executable, "-I", "-S", digests.__file__]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    process.stdin.write(b"\0".join(os.fsencode(path) for path in share))
    process.stdin.close()
    return process


def _answers(process: "Popen", share: Sequence[str]) -> Iterator[tuple[str, str | OSError]]:
    assert process.stdout
    with process:
        for path, found in zip(share, process.stdout, strict=True):
            text = found.decode().rstrip("\n")
            if text.startswith("!"):
                code = int(text[1:])
                yield path, OSError(code, os.strerror(code), path)
            else:
                yield path, text
