"""What a job asks for, and whether there is that much: nobody gets less than asked without a word.

Snakemake tells a job that asks for too much the lower figure and runs it.
"""

from typing import TYPE_CHECKING

from labflake.errors import LabError
from labflake.steps.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from labflake.steps.step import Step

_OPTIONS = {"mem_mb": "MEMORY", "gpu": "GPUS"}


def check(jobs: "Iterable", limits: Limits) -> None:
    """Refuse jobs that ask for more than there is, before anything runs.

    Raises:
        LabError: names the first such step, what it asks for, and the limit.
    """
    for job in jobs:
        problem = excess(wanted(job), job.attempt, limits)
        if problem:
            raise LabError(f"step {job.rule.name} {problem}")


def refuse(steps: "Iterable[Step]", limits: Limits) -> None:
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


def wanted(job) -> dict[str, int]:
    """Return what a job asks for of each resource that has a limit."""
    every = {resource: asked(job, resource) for resource in _OPTIONS}
    return {resource: count for resource, count in every.items() if count}


def asked(job, resource: str) -> int:
    """Return what the rule says for this job, before Snakemake cuts it to what there is."""
    rule = job.rule
    found = rule.resources.get(resource)
    if found.is_evaluable():
        found, _ = rule.apply_input_function(
            found.evaluate,
            job.wildcards_dict,
            incomplete_checkpoint_func=lambda error: 0,
            raw_exceptions=True,
            input=job.input,
            attempt=job.attempt,
            threads=job.threads,
            rulename=rule.name,
            async_run=rule.workflow.async_run,
        )
    value = getattr(found, "value", None)
    return value if isinstance(value, int) else 0


def of(variables: dict, workflow):
    """Return the job that runs with these variables of its rule's function, or None."""
    running = list(workflow.scheduler.running)
    return next((j for j in running if workflow.dag.jobid(j) == variables["jobid"]), None)


def is_plain(rule, threads: int) -> bool:
    """Tell whether a step of the rule is the same whenever its wildcards are.

    A function may ask for its inputs, its attempt or its resources: then only Snakemake can tell.
    So it is where the step got fewer threads than it wants.
    """
    import inspect

    if not rule.shellcmd or "tmpdir" in rule.shellcmd or rule.resources["_cores"].is_evaluable():
        return False
    others = [r for name, r in rule.resources.items() if name != "tmpdir"]
    functions = [value for value in rule.params if callable(value)]
    return (
        rule.resources["_cores"].value == threads
        and not any(each.is_evaluable() for each in others)
        and all(len(inspect.signature(each).parameters) == 1 for each in functions)
    )
