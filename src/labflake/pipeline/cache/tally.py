"""What the cache was good for: hits, misses and the time saved, of the last build and of all."""

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

_BUILDS = "builds.jsonl"
_FOLD = 1 << 16  # bytes; then the lines of all builds become one


@dataclass
class Tally:
    """How many steps came from the cache, how many ran, and the seconds that hits spared."""

    builds: int = 0
    hits: int = 0
    misses: int = 0
    saved: float = 0.0

    def __add__(self, other: "Tally") -> "Tally":
        """Return the sum of two tallies."""
        return Tally(*(a + b for a, b in zip(_values(self), _values(other), strict=True)))


def _values(tally: Tally) -> list:
    return list(asdict(tally).values())


def record(tally: Tally, notes: Path, place: Path) -> None:
    """Note a build: as the last one of its experiment, and in the cache among all."""
    line = json.dumps(asdict(tally)) + "\n"
    with contextlib.suppress(OSError):
        (notes / "cache.json").write_text(line, encoding="utf-8")
    with contextlib.suppress(OSError):
        if place.is_dir():
            _append(place / _BUILDS, line.encode())


def _append(path: Path, line: bytes) -> None:
    """Add a line; two builds at the same moment may lose one on a network drive: a number less."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(file, line)
        long = os.fstat(file).st_size > _FOLD
    finally:
        os.close(file)
    if long:
        part = path.with_name(f"new-{os.getpid()}")
        part.write_text(json.dumps(asdict(_sum(path))) + "\n", encoding="utf-8")
        os.replace(part, path)


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
