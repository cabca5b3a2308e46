"""How much of the machine a build may use: `JOBS`, `MEMORY` and `GPUS`."""

import os

from labflake.content.sizes import megabytes
from labflake.errors import LabError
from labflake.project.options import option
from labflake.records import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labflake.steps.profiles import Profile


class Limits(Frozen):
    """`jobs` steps at once, together at most `memory` megabytes (10⁶ bytes) and `gpus` GPUs.

    None is no limit: on a cluster its queue decides, and `jobs` is how many are in it at once.
    """

    jobs: int
    memory: int | None
    gpus: int | None
    cluster: bool = False


def profile() -> "Profile | None":
    """Return the profile that `PROFILE` names; None is this machine.

    Raises:
        LabError: there is no such profile, or a setting in it cannot be understood.
    """
    name = option("PROFILE")
    if name in ("", "local"):
        return None
    from labflake.steps import profiles

    return profiles.load(name)


def from_options(profile: "Profile | None" = None) -> Limits:
    """Return the limits that the person set, or those of the machine; on a cluster, of its profile.

    Raises:
        LabError: a value is no number, no size such as `16GB`, or more GPUs than there are.
    """
    if profile:
        size = option("MEMORY")
        return Limits(
            jobs=count("JOBS", profile.jobs, 1),
            memory=megabytes(size, "MEMORY") if size else None,
            gpus=count("GPUS", 0, 0) if option("GPUS") else None,
            cluster=True,
        )
    return Limits(
        jobs=count("JOBS", _processors(), 1),
        memory=megabytes(option("MEMORY") or f"{_installed()}MB", "MEMORY"),
        gpus=_gpus(),
    )


def check() -> None:
    """Refuse options that cannot be understood, without a look at the machine.

    Raises:
        LabError: as `profile` and `from_options`.
    """
    on_cluster = profile()
    count("JOBS", 1, 1)
    if size := option("MEMORY"):
        megabytes(size, "MEMORY")
    if option("GPUS"):
        count("GPUS", 0, 0) if on_cluster else _gpus()


def count(name: str, default: int, least: int) -> int:
    """Return the whole number that the option of this name holds.

    Raises:
        LabError: it is no whole number, or less than `least`.
    """
    text = option(name) or str(default)
    if not text.isdecimal() or int(text) < least:
        raise LabError(
            f"{name}={text} is no whole number of at least {least}\n  example: make {name}=4"
        )
    return int(text)


def _installed() -> int:
    from labflake.processes import memory

    return memory.installed()


def _gpus() -> int:
    """Return how many GPUs a build may use at once."""
    from labflake.steps import gpus

    visible = gpus.visible()
    wanted = count("GPUS", len(visible or ()), 0)
    if visible is not None and wanted > len(visible):
        raise LabError(
            f"GPUS={wanted}, and {len(visible)} can be seen here: {','.join(visible) or 'none'}\n"
            "  CUDA_VISIBLE_DEVICES or the driver says which there are"
        )
    return wanted


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
