"""Remember the digest of every verified file with its stamp, so that it is not read again.

A file is believed to be unchanged if its size, mtime, ctime, inode and device are, on a file system
that deserves it. One that was modified a moment before it was hashed is not: a second write could
leave the same times.
"""

import json
from pathlib import Path
from typing import NamedTuple

from labflake.content.atomic import replacing
from labflake.content.digests import is_settled
from labflake.data_files.gate.tree import Stamp


class Known(NamedTuple):
    """What is known of one file; a stamp of which only the size is set matches no file."""

    digest: str
    stamp: Stamp


def known(digest: str, stamp: Stamp, moment: int, trusted: bool) -> Known:
    """Return what to remember of a file that was hashed at `moment` (nanoseconds).

    `trusted` says that its file system deserves that an unchanged stamp is believed.
    """
    size, modified, changed, *_ = stamp
    settled = is_settled(max(modified, changed), moment)
    return Known(digest, stamp if trusted and settled else of_size(size))


def of_size(size: int) -> Stamp:
    """Return a stamp that matches no file, and says how large it was."""
    return size, 0, 0, 0, 0


def read(path: Path) -> dict[str, Known]:
    """Read what is remembered; a damaged file is as good as none."""
    try:
        rows = json.loads(path.read_bytes()).items()
        return {name: Known(digest, tuple(stamp)) for name, (digest, stamp) in rows}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def write(path: Path, files: dict[str, Known]) -> None:
    """Write what is remembered; where that is not possible, the next check is slower."""
    try:
        with replacing(path) as part:
            part.write_text(json.dumps(files), encoding="ascii")
    except OSError:
        return
