"""A job of Snakemake as one of ours, and as the step that it is."""

import inspect
import os
import re
from collections.abc import Collection

from labflake.errors import LabError
from labflake.processes.handed import named
from labflake.programs import mentions
from labflake.steps import names, variables
from labflake.steps.job import Job
from labflake.steps.recorded import Due, has_handlers
from labflake.steps.snakemake import blocks, given, language, places, scripts, sources
from labflake.steps.snakemake.executor import amount
from labflake.steps.step import Step, scratch_of

_LIMITED = ("mem_mb", "gpu")
_OF_JOB = {
    *("input", "output", "params", "wildcards", "threads", "resources", "log", "jobid"),
    *("name", "rule", "rulename", "bench_iteration"),
}
_WILDCARD = re.compile(r"\{\s*(\w+)\s*(?:,((?:[^{}]|\{\d*(?:,\d*)?\})*))?\s*\}")
_OF_THE_MACHINE = re.compile(r"tmpdir|\{\s*resources\s*[!:}]")  # in a command
_MARKS = ("directory", "ensure", "protected", "temp", "touch")


def job_of(job) -> Job:
    """Return a job as others see it."""
    return Job(
        rule=job.rule.name,
        name=names.of(job.rule.name, job.wildcards),
        inputs=[sources.own(str(path)) for path in job.input],
        outputs=[*map(str, job.output), *language.results_among_notes(job)],
        is_checkpoint=job.is_checkpoint,
    )


def wanted(job) -> dict[str, int]:
    """Return what a job asks for of each resource that has a limit, at its present attempt."""
    resources = job.resources
    every = {name: amount(resources, name) for name in _LIMITED}
    return {name: count for name, count in every.items() if count}


def step_of(job) -> Step:
    """Gather what decides the result of a job, and what it may use."""
    rule, workflow, resources = job.rule, job.rule.workflow, job.resources
    known, notes = job_of(job), language.notes(job)
    outputs = known.outputs
    scratch = str(scratch_of(outputs))
    moved = named(job.output, lambda path: os.path.join(scratch, str(path)))
    command = _command(job, moved, scratch)
    return Step(
        name=known.name,
        rule=known.rule,
        command=command.text,
        moved=command.moved,
        files=command.files,
        sources=command.sources,
        benchmark=str(job.benchmark or ""),
        message=job.message or "",
        priority=job.priority,
        is_local=language.is_local(rule),
        inputs=known.inputs,
        outputs=outputs,
        logs=[path for path in notes if path not in outputs],
        notes=notes,
        container=str(rule.container_img or ""),
        containers=workflow.globals["config"].get("containers") or {},
        marks=_every_mark(job),
        threads=job.threads,
        memory=amount(resources, "mem_mb"),
        gpus=amount(resources, "gpu"),
        minutes=amount(resources, "runtime"),
        wanted=wanted(job),
        is_checkpoint=known.is_checkpoint,
        attempt=job.attempt,
        deciding=variables.deciding(workflow.envvars),
        passed=variables.passed(workflow.envvars, workflow.globals["config"]),
    )


def step_to_run(job, commands: dict) -> Step:
    """Return the step of a job that runs; only then it is known how often it may be tried.

    Its result is that of the command of its first attempt: what a later one asks for is how it is
    made, and not what it is. Else it would not be found when it is looked for.

    Args:
        job: what runs.
        commands: those of first attempts, by job.
    """
    step = step_of(job)
    step.attempts = job.restart_times + 1
    if step.attempt == 1:
        commands[job] = step.command
    step.command = commands.get(job, step.command)
    return step


def told(dag, needed: Collection) -> Due | None:
    """Return the steps of these jobs, if they are the same before anything is made as after it.

    Then they need no Snakemake to be run. It has to order them where more jobs follow from what
    these make, where something is asked only when a job starts, or where more is to be done.
    """
    workflow, needed = dag.workflow, [job for job in needed if job.output]
    if any(rule.is_checkpoint for rule in workflow.rules) or not all(map(_is_fixed, needed)):
        return None
    if any(map(has_handlers, workflow.linemaps)):
        return None
    firsts = {job: str(job.output[0]) for job in needed}
    try:
        steps = {first: step_to_run(job, {}) for job, first in firsts.items()}
    except LabError:  # a script may be made by another step; else its job says what is wrong
        return None
    files = {os.path.abspath(path) for step in steps.values() for path in step.sources}
    if not all(map(mentions.is_ours, files)) or any(map(_is_bound, steps.values())):
        return None
    return Due(
        steps,
        {
            first: {firsts[other] for other in dag.dependencies[job] if other in firsts}
            for job, first in firsts.items()
        },
        {},
    )


def is_plain(job) -> bool:
    """Tell whether a step is the same whenever its wildcards are.

    A function may ask for its inputs, its attempt or its resources: then only Snakemake can tell.
    So it is where the step got fewer threads than it wants.
    """
    rule = job.rule
    threads = rule.resources["_cores"]
    if _OF_THE_MACHINE.search(rule.shellcmd or "") or threads.is_evaluable():
        return False
    if not rule.shellcmd and rule.resources["tmpdir"].is_evaluable():
        return False
    others = [each for name, each in rule.resources.items() if name != "tmpdir"]
    functions = [value for value in rule.params if callable(value)]
    return (
        threads.value == job.threads
        and job.attempt == 1
        and not any(each.is_evaluable() for each in others)
        and all(len(inspect.signature(each).parameters) == 1 for each in functions)
    )


def is_told(job, step: Step) -> bool:
    """Tell whether a step can be kept, to be run by what is told of it now."""
    return is_plain(job) and not _is_bound(step)


def _is_bound(step: Step) -> bool:
    """Tell whether a step names what is gone when the Snakefile is closed."""
    return sources.are_in([step.command, step.moved, *step.files.values()])


def _is_fixed(job) -> bool:
    """Tell whether nothing of a job is asked of a function of the Snakefile when it starts."""
    marks = [getattr(path, "flags", {}) for path in job.rule.output]
    promised = [(each.get("ensure") or {}).get("checksum") for each in marks]
    asked = any(map(callable, [*job.rule.params, *promised]))
    return is_plain(job) and not asked and not any("temp" in each for each in marks)


def _command(job, moved, scratch: str) -> scripts.Command:
    """Return how a job is started."""
    if job.rule.script or job.rule.notebook:
        return scripts.of(job, moved, scratch)
    if job.rule.shellcmd is None:
        return blocks.of(job, moved, scratch)
    return scripts.Command(_shell(job), _shell(job, output=moved), {})


def _shell(job, **others: object) -> str:
    """Return the command of a job; names in it mean what they mean where its rule is written."""
    own = job.rule.run_func.__globals__
    if own is not job.rule.workflow.globals:  # of a module
        others = {name: each for name, each in own.items() if name not in _OF_JOB} | others
    try:
        others |= {"resources": given.available(job)}
        return sources.own(job.format_wildcards(job.rule.shellcmd, **others))
    except Exception as error:
        own = error.__context__ or error
        place = places.place(job.rule, "shell:")
        raise LabError(f"{place}: {type(own).__name__}: {own}") from None


def _every_mark(job) -> list[dict]:
    own = [_marks(path, job.wildcards) for path in job.rule.output]
    return own + [{"touch": True} for _ in language.results_among_notes(job)]


def _marks(output, wildcards) -> dict:
    """Return how a rule marks an output; a checksum that is a function has its value."""
    flags = getattr(output, "flags", {})
    marks = {name: flags[name] for name in _MARKS if name in flags}
    checksum = (marks.get("ensure") or {}).get("checksum")
    if callable(checksum):
        marks["ensure"] = marks["ensure"] | {"checksum": checksum(wildcards)}
    return marks


def fits(pattern: str, path: str) -> bool:
    """Tell whether a path is of the form of a pattern with wildcards."""
    text, last, known = "", 0, set()
    for found in _WILDCARD.finditer(pattern):
        name, form = found[1], found[2] or ".+"
        text += re.escape(pattern[last : found.start()])
        text += f"(?P={name})" if name in known else f"(?P<{name}>{form})"
        last = found.end()
        known.add(name)
    return bool(re.fullmatch(text + re.escape(pattern[last:]), path))
