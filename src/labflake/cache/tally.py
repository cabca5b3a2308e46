"""What the cache was good for: hits, misses and the time saved, of the last build and of all."""

import contextlib
import json
import os
from pathlib import Path

from labflake.cache.folder import Folder
from labflake.records import Record, as_dict

_BUILDS = "builds.jsonl"
_FOLD = 1 << 16  # bytes; then the lines of all builds become one


class Tally(Record):
    """How many steps came from the cache, how many ran, and the seconds that hits spared."""

    builds: int = 0
    hits: int = 0
    misses: int = 0
    saved: float = 0.0

    def __add__(self, other: "Tally") -> "Tally":
        """Return the sum of two tallies."""
        return Tally(*(a + b for a, b in zip(_values(self), _values(other), strict=True)))


def _values(tally: Tally) -> list:
    return list(as_dict(tally).values())


def record(tally: Tally, notes: Path, folder: Folder) -> None:
    """Note a build: as the last one of its experiment, and in the cache among all."""
    line = json.dumps(as_dict(tally)) + "\n"
    with contextlib.suppress(OSError):
        (notes / "cache.json").write_text(line, encoding="utf-8")
    with contextlib.suppress(OSError):
        if folder.place.is_dir():
            _append(folder, line.encode())


def _append(folder: Folder, line: bytes) -> None:
    """Add a line; two builds at the same moment may lose one on a network drive: a number less."""
    path = folder.place / _BUILDS
    new = not path.exists()
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(file, line)
        long = os.fstat(file).st_size > _FOLD
    finally:
        os.close(file)
    if long:
        text = json.dumps(as_dict(_sum(path))) + "\n"
        folder.place_file(path, lambda part: part.write_text(text, encoding="utf-8"))
    if long or new:
        folder.share(path, 0o666)


def last(notes: Path) -> Tally:
    """Return the tally of the last build of an experiment that used the cache."""
    return _sum(notes / "cache.json")


def every(place: Path) -> Tally:
    """Return the tally of all builds that used a cache."""
    return _sum(place / _BUILDS)


def _sum(path: Path) -> Tally:
    total = Tally()
    with contextlib.suppress(OSError):
        for line in path.read_bytes().splitlines():
            with contextlib.suppress(ValueError, TypeError):
                total += Tally(**json.loads(line))
    return total
