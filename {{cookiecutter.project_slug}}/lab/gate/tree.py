"""The data files on disk, each with the stamp by which a change is noticed."""

import os
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import chain
from pathlib import Path

from lab.folders import walk

Stamp = tuple[int, int, int, int]  # size, mtime, ctime (nanoseconds) and inode


def stamp(stat: os.stat_result) -> Stamp:
    """Return what identifies one state of a file."""
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


@dataclass
class Tree:
    """Files by their names below the generated folder; `roots` are files or folders of data."""

    stamps: dict[str, Stamp] = field(default_factory=dict)
    roots: dict[str, tuple[int, int]] = field(default_factory=dict)  # number of files, and bytes

    def seal(self) -> str | None:
        """Return a digest of all names and stamps; None if they do not fit into 64 bits."""
        try:
            numbers = array("q", chain.from_iterable(self.stamps.values()))
        except OverflowError:
            return None
        names = "\0".join(self.stamps).encode("utf-8", "surrogateescape")
        return blake2b(names + b"\0\0" + numbers.tobytes(), digest_size=20).hexdigest()


def look(generated: Path, roots: Iterable[str]) -> Tree:
    """Return the files of all roots that are there."""
    tree = Tree()
    for root in roots:
        path = f"{generated}/{root}"
        if os.path.isdir(path):
            found = _below(path, len(str(generated)) + 1)
        elif os.path.exists(path):
            found = {root: stamp(os.stat(path))}
        else:
            continue
        tree.stamps.update(found)
        tree.roots[root] = len(found), sum(each[0] for each in found.values())
    return tree


def _below(path: str, cut: int) -> dict[str, Stamp]:
    return {
        name[cut:]: (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
        for name, stat in walk(path)
    }
