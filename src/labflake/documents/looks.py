"""What files are when somebody looks at them, to tell later whether they are still the same.

Standard library only: it runs in the kernels of documents, too.
"""

import os
import stat as kinds
import time

from labflake.content.digests import is_settled, mark, sha256
from labflake.content.filesystems import trusted

Look = list  # size, times and inode; the digest, too, where those are not believed; [] if missing


def look(path: str | os.PathLike) -> Look:
    """Return what tells whether a file changes from now on."""
    try:
        stat = os.stat(path)
        while stat.st_ctime_ns <= (now := time.time_ns()) and not is_settled(stat.st_ctime_ns, now):
            time.sleep(0.005)
            stat = os.stat(path)
        return [*mark(stat), *_content(path, stat)]
    except OSError:
        return []


def _content(path: str | os.PathLike, stat: os.stat_result) -> list[str]:
    """Return the digest of a file whose times are not to be believed, else nothing."""
    if not kinds.S_ISREG(stat.st_mode) or trusted(path, stat):
        return []
    return [sha256(path)]
