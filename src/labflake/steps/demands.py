"""Whether there is as much as a job asks for: nobody gets less than asked without a word."""

from collections.abc import Iterable

from labflake.errors import LabError
from labflake.steps.limits import Limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labflake.steps.job import Job
    from labflake.steps.step import Step

_OPTIONS = {"mem_mb": "MEMORY", "gpu": "GPUS"}


def check(jobs: Iterable["Job"], limits: Limits) -> None:
    """Refuse jobs that ask for more than there is, before anything runs.

    Raises:
        LabError: names the first such step, what it asks for, and the limit.
    """
    for job in jobs:
        problem = excess(job.wanted, 1, limits)
        if problem:
            raise LabError(f"step {job.rule} {problem}")


def refuse(steps: Iterable["Step"], limits: Limits) -> None:
    """Refuse steps that ask for more than there is.

    Raises:
        LabError: as `check`.
    """
    for step in steps:
        if problem := excess(step.wanted, step.attempt, limits):
            raise LabError(f"step {step.rule} {problem}")


def excess(wanted: dict[str, int], attempt: int, limits: Limits) -> str | None:
    """Return what a step asks for and cannot get at its present attempt, or None."""
    most = {"mem_mb": limits.memory, "gpu": limits.gpus}
    for resource, asked in wanted.items():
        limit = most[resource]
        if limit is not None and asked > limit:
            option = _OPTIONS[resource]
            again = f" at attempt {attempt}" if attempt > 1 else ""
            return (
                f"asks for {resource}={asked}{again}, and {option} allows {limit}\n"
                f"  give it more: make {option}=…   or ask for less in the Snakefile"
            )
    return None
