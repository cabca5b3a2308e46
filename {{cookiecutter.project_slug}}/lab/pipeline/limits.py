"""How much of the machine a build may use: `JOBS`, `MEMORY` and `GPUS`."""

import os
import re
from dataclasses import dataclass

from lab.errors import LabError

_UNITS = {"": 1, "m": 1, "g": 1000, "t": 1_000_000}
_BINARY = {"k": 1024 / 1e6, "m": 1.048576, "g": 1073.741824, "t": 1099511.627776}


@dataclass(frozen=True)
class Limits:
    """`jobs` steps at once, together at most `memory` megabytes (10⁶ bytes) and `gpus` GPUs."""

    jobs: int
    memory: int
    gpus: int


def from_environment() -> Limits:
    """Return the limits that the person set, or those of the machine.

    Raises:
        LabError: a value is no number, or no size such as `16GB`.
    """
    return Limits(
        jobs=_count(
            "JOBS",
            len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count() or 1,
            1,
        ),
        memory=megabytes(os.environ.get("MEMORY") or f"{_machine_memory()}MB", "MEMORY"),
        gpus=_count("GPUS", _machine_gpus(), 0),
    )


def megabytes(text: str, name: str) -> int:
    """Return a size such as `16GB`, `512M` or `1.5 GiB` in megabytes (10⁶ bytes)."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*", text.lower())
    if not match:
        raise LabError(f"{name}={text} is no size\n  examples: 500MB, 16GB, 1.5GiB")
    number, unit, binary = float(match[1]), match[2], match[3]
    factor = _BINARY[unit] if binary and unit else _UNITS.get(unit, 0.001)
    return max(1, round(number * factor))


def _count(name: str, default: int, least: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdecimal() or int(text) < least:
        raise LabError(
            f"{name}={text} is no whole number of at least {least}\n  example: make {name}=4"
        )
    return int(text)


def _machine_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000


def _machine_gpus() -> int:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([v for v in visible.split(",") if v.strip() not in ("", "-1")])
    try:
        return len([n for n in os.listdir("/proc/driver/nvidia/gpus")])
    except OSError:
        return 0
