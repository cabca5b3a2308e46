"""What files are when somebody looks at them, to tell later whether they are still the same.

Standard library only: it runs in the kernels of documents, too.
"""

import hashlib
import os
import stat as kinds
import time

from labflake.content.filesystems import trusted

_TICK_NS = 20_000_000  # a file that changed this recently may change again with the same times
Look = list  # size, times and inode; the digest, too, where those are not believed; [] if missing


def look(path: str | os.PathLike) -> Look:
    """Return what tells whether a file changes from now on."""
    try:
        stat = os.stat(path)
        while 0 <= time.time_ns() - max(stat.st_mtime_ns, stat.st_ctime_ns) < _TICK_NS:
            time.sleep(0.005)
            stat = os.stat(path)
        return [*_seen(stat), *_content(path, stat)]
    except OSError:
        return []


def _seen(stat: os.stat_result) -> Look:
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def _content(path: str | os.PathLike, stat: os.stat_result) -> list[str]:
    """Return the digest of a file whose times are not to be believed, else nothing."""
    if not kinds.S_ISREG(stat.st_mode) or trusted(path, stat):
        return []
    with open(path, "rb") as file:
        return [hashlib.file_digest(file, "sha256").hexdigest()]
