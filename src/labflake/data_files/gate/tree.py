"""The data files on disk, each with the stamp by which a change is noticed."""

import os
from array import array
from collections.abc import Iterable
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

from labflake.content.digests import mark
from labflake.content.folders import walk
from labflake.errors import LabError

Stamp = tuple[int, int, int, int, int]  # size, mtime, ctime (nanoseconds), inode and device


def stamp(stat: os.stat_result) -> Stamp:
    """Return what identifies one state of a file."""
    size, modified, changed, inode = mark(stat)
    return size, modified, changed, inode, stat.st_dev


class Tree:
    """Files by their names below the generated folder; `roots` are files or folders of data."""

    def __init__(self) -> None:
        self.roots: dict[str, tuple[int, int]] = {}  # number of files, and bytes
        self._names: list[str] = []
        self._numbers: list[int] = []  # five for each name

    @cached_property
    def stamps(self) -> dict[str, Stamp]:
        """Return the stamp of each file."""
        columns = [self._numbers[start::5] for start in range(5)]
        return dict(zip(self._names, zip(*columns, strict=True), strict=True))

    def seal(self) -> str | None:
        """Return a digest of all names and stamps; None if they do not fit into 64 bits."""
        try:
            numbers = array("q", self._numbers)
        except OverflowError:
            return None
        names = "\0".join(self._names).encode("utf-8", "surrogateescape")
        return blake2b(names + b"\0\0" + numbers.tobytes(), digest_size=20).hexdigest()

    def add(self, root: str, files: Iterable[tuple[str, os.stat_result]], cut: int) -> None:
        """Add the files of one root; the first `cut` characters of their paths are left out."""
        first = len(self._names)
        name, number = self._names.append, self._numbers.extend
        for path, stat in files:
            name(path[cut:])
            # As `stamp` has them; to call it 100,000 times would be a tenth of the whole time.
            number((stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, stat.st_dev))
        self.roots[root] = len(self._names) - first, sum(self._numbers[5 * first :: 5])


def look(generated: Path, roots: Iterable[str]) -> Tree:
    """Return the files of all roots that are there; a root inside another one counts once."""
    tree, cut = Tree(), len(str(generated)) + 1
    for root in sorted(roots):
        path = f"{generated}/{root}"
        if any(root.startswith(f"{other}/") for other in tree.roots):
            continue
        if os.path.isdir(path):
            tree.add(root, walk(path), cut)
        elif os.path.isfile(path):
            tree.add(root, [(path, os.stat(path))], cut)
        elif os.path.exists(path):
            raise LabError(f"{path} is neither a file nor a folder")
    return tree
