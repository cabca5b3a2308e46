"""Write a file under a temporary name, and move it into place when it is complete."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def part_of(path: Path) -> Path:
    """Return an unused hidden name beside `path`."""
    return path.with_name(f".{path.name[:200]}.{os.urandom(4).hex()}.part")


@contextmanager
def replacing(path: Path, durable: bool = False) -> Iterator[Path]:
    """Give a temporary name; move it to `path` at the end, remove it if anything fails.

    `durable` also waits until the bytes are on the disk, so that a power cut
    cannot leave an empty file under the final name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(path)
    try:
        yield part
        if durable:
            flush(part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Wait until the bytes of `path` are on the disk."""
    with open(path, "rb") as handle:
        os.fsync(handle.fileno())
