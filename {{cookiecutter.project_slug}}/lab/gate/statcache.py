"""Remember the digest of every verified file with its stat, so that it is not read again.

A file is believed to be unchanged if its size, mtime, ctime and inode are. One that was
modified less than two seconds before it was hashed is not: a second write could leave the
same times (the rule of git's index).
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from lab.atomic import replacing

RACY = 2_000_000_000  # nanoseconds


@dataclass(frozen=True)
class Known:
    """What is known of one file."""

    digest: str
    size: int
    modified: int = 0
    changed: int = 0
    inode: int = 0

    def matches(self, stat: os.stat_result) -> bool:
        """Return whether the file with this stat is the one that was hashed."""
        return (
            self.modified == stat.st_mtime_ns
            and self.size == stat.st_size
            and self.changed == stat.st_ctime_ns
            and self.inode == stat.st_ino
        )


def known(digest: str, stat: os.stat_result, moment: int) -> Known:
    """Return what to remember of a file that was hashed at `moment` (nanoseconds)."""
    if max(stat.st_mtime_ns, stat.st_ctime_ns) > moment - RACY:
        return Known(digest, stat.st_size)
    return Known(digest, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)


def read(path: Path) -> dict[str, Known]:
    """Read what is remembered; a damaged file is as good as none."""
    try:
        items = json.loads(path.read_bytes()).items()
        return {name: Known(*fields) for name, fields in items}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def write(path: Path, files: dict[str, Known]) -> None:
    """Write what is remembered; where that is not possible, the next check is slower."""
    rows = {
        name: (each.digest, each.size, each.modified, each.changed, each.inode)
        for name, each in files.items()
    }
    try:
        with replacing(path) as part:
            part.write_text(json.dumps(rows), encoding="ascii")
    except OSError:
        return
