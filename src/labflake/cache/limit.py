"""The size of a cache, and what goes when it is over its limit: what was used longest ago."""

import contextlib
import json
import os
import time

from labflake.cache.copying import on_disk
from labflake.cache.folder import Folder
from labflake.content.sizes import megabytes
from labflake.project.options import option
from labflake.records import Record

LIMIT = "20GB"
_KEEP = 0.8  # of the limit; so the folder is not read through after every build


class Size(Record):
    """How much is in a cache: results of steps, and bytes on the disk."""

    results: int
    bytes: int


def limit() -> int:
    """Return the bytes that a cache may take: `CACHE_SIZE`."""
    return megabytes(option("CACHE_SIZE") or LIMIT, "CACHE_SIZE") * 1_000_000


def measure(folder: Folder) -> Size:
    """Return the size of the cache, by reading its folders."""
    size = Size(0, 0)
    for path, stat in folder.files():
        size.results += path.endswith(".json")
        size.bytes += on_disk(stat.st_size)
    return size


def keep(folder: Folder, most: int) -> Size | None:
    """Bring a cache under its limit after a build; return what went, or None if nothing had to.

    The folders are read only when the sum of what builds have added goes beyond the limit. That sum
    is an estimate, because nobody locks it, and every reading corrects it.
    """
    if not folder.added:
        return None
    total = _noted(folder)
    if total is not None and total + folder.added <= most:
        _note(folder, total + folder.added)
        return None
    return shrink(folder, most)


def shrink(folder: Folder, most: int) -> Size | None:
    """Remove what was used longest ago until the cache is well under its limit, if it is above.

    An entry and its objects are marked at the same use. If one of them goes before the others, who
    wants the result finds it incomplete and computes it.
    """
    found = [(max(s.st_mtime, s.st_atime), on_disk(s.st_size), p) for p, s in folder.files()]
    total = sum(size for _, size, _ in found)
    gone = Size(0, 0)
    for _, size, path in sorted(found) if total > most else ():
        if total - gone.bytes <= most * _KEEP:
            break
        with contextlib.suppress(OSError):
            os.unlink(path)
            gone.bytes += size
            gone.results += path.endswith(".json")
    _note(folder, total - gone.bytes)
    return gone if gone.bytes else None


def _noted(folder: Folder) -> int | None:
    try:
        return json.loads((folder.place / "size.json").read_bytes())["bytes"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _note(folder: Folder, total: int) -> None:
    data = {"bytes": total, "at": round(time.time())}
    with contextlib.suppress(OSError):
        folder.place_file(folder.place / "size.json", lambda p: p.write_text(json.dumps(data)))
        folder.added = 0
