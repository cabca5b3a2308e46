"""Write a file under a temporary name, and move it into place when it is complete."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def part_of(path: Path) -> Path:
    """Return an unused hidden name beside `path`, which is not longer than a disk takes."""
    start = os.fsencode(path.name)[:200].decode(errors="ignore")
    return path.with_name(f".{start}.{os.urandom(4).hex()}.part")


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


def rewrite(path: Path, content: bytes) -> None:
    """Replace what a person's file holds: whole or not at all; permissions and links stay."""
    target = Path(os.path.realpath(path))
    with replacing(target) as part:
        part.write_bytes(content)
        if target.exists():
            shutil.copymode(target, part)


def move(old: Path, new: Path) -> None:
    """Move a file or folder, also to another disk; it is complete at one of both places."""
    try:
        os.replace(old, new)
        return
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
    part = part_of(new)
    try:
        if is_folder(old):
            shutil.copytree(old, part, symlinks=True)
        else:
            shutil.copy2(old, part, follow_symlinks=False)
        os.replace(part, new)
    except BaseException:
        remove(part)
        raise
    remove(old)


def is_folder(path: Path) -> bool:
    """Tell whether a path is a folder itself, and no link to one."""
    return path.is_dir() and not path.is_symlink()


def remove(path: Path) -> None:
    """Remove a file, a link, or a folder with all that is in it, if it is there."""
    shutil.rmtree(path) if is_folder(path) else path.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Wait until the bytes of `path` are on the disk."""
    with open(path, "rb") as handle:
        os.fsync(handle.fileno())
