"""Perform one step: leave it, restore it from the cache, or run it; content decides."""

import functools
import hashlib
import json
import os
import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from lab.atomic import move
from lab.experiments import Experiment
from lab.pipeline import commands, found, given, names, results, runner
from lab.pipeline import variables as variables_of
from lab.pipeline.cache import Cache
from lab.pipeline.cluster import Cluster
from lab.pipeline.contents import Contents
from lab.pipeline.limits import Limits
from lab.pipeline.progress import Progress
from lab.pipeline.seen import Seen


@dataclass
class Step:
    """One job of a rule, as the cache sees it. Paths are relative to the generated folder."""

    name: str
    command: str
    inputs: list[str]
    outputs: list[str]
    container: str = ""
    threads: int = 1
    memory: int = 0
    gpus: int = 0
    attempt: int = 1
    rule: str = ""
    marks: list[dict] = field(default_factory=list, repr=False)  # of each output, as `touch()`
    deciding: dict[str, str] = field(default_factory=dict)  # environment variables
    passed: list[str] = field(default_factory=list)
    declared: list[str] = field(default_factory=list)
    programs: dict[str, str] = field(default_factory=dict)  # of the machine, by name
    found: list[str] = field(default_factory=list)  # what it reads and does not declare
    seen: Seen = field(default_factory=Seen)
    template: str = field(default="", repr=False)
    variables: dict = field(default_factory=dict, repr=False)

    def command_into(self, folder: str) -> str:
        """Return the command with its outputs under the folder instead of their final places."""
        from snakemake.iocontainers import Namedlist
        from snakemake.utils import format as expand

        moved = Namedlist(
            toclone=self.variables["output"], custom_map=lambda f: os.path.join(folder, str(f))
        )
        return expand(self.template, **(self.variables | {"output": moved}))


@dataclass
class Session:
    """What the steps of one build share."""

    contents: Contents
    cache: Cache
    progress: Progress
    environment: str
    limits: Limits
    running: runner.Running
    redo: frozenset[str] = frozenset()
    said: set[str] = field(default_factory=set)  # notes that are printed once
    logs: set[str] = field(default_factory=set)  # of rules, which steps write in their places
    lock: threading.Lock = field(default_factory=threading.Lock)
    cluster: Cluster | None = None


session: Session | None = None


def perform(template: str, variables: dict, globals_: dict) -> None:
    """Perform the job whose rule function has these variables.

    Raises:
        runner.StepError: the command failed; its log has been shown.
    """
    assert session is not None, "steps run inside a build: use make"
    step = _describe(template, variables, globals_)
    session.logs |= {str(path) for path in variables["log"]}
    given.refuse(step.rule, step.outputs)
    redo = step.name in session.redo
    keys = functools.partial(found.keys, step, lambda: key_of(step, session), session.contents)
    built = [key for key in keys(None) if session.contents.is_built(key, step.outputs)]
    if built and not redo:
        _check_promises(step, {path: path for path in step.outputs}, session)
        session.contents.touch(step.outputs)
        session.progress.unchanged(step.name)
        return
    started = time.perf_counter()
    scratch = Path(".lab") / "running" / _short(step)
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    # Flat: a folder for each part of each path would take longer than to copy a small file.
    places = {path: f"{scratch}/{n}" for n, path in enumerate(step.outputs)}
    restored = None
    for key in () if redo else keys(session.cache):
        restored = session.cache.restore(key, places)
        if restored is not None:
            break
    if restored is None:
        session.progress.started(step.name)
        runner.run(step, scratch, session)
        step.found = []
        declared = key_of(step, session)
        step.found = step.seen.found()
        key = key_of(step, session)
        found.keep(step, declared, session.cache, session.contents)
        places = {path: f"{scratch}/{path}" for path in step.outputs}
    _check_promises(step, places, session)
    for place, digest in (restored or {}).items():
        session.contents.know(place, digest)
    made = _publish(step, key, places, session)
    shutil.rmtree(scratch, ignore_errors=True)
    took = time.perf_counter() - started
    if restored is None:
        session.cache.store(key, step.name, made, took, session.contents.digest)
    session.progress.finished(step.name, "ran" if restored is None else "cached", took)


def _check_promises(step: Step, places: dict[str, str], session: Session) -> None:
    """Refuse outputs that are not what `ensure()` says, wherever they are from."""
    places = [places[path] for path in step.outputs]
    problem = results.broken_promise(step, places)
    if problem:
        raise runner.failed(step, problem, session)


def name_of(job) -> str:
    """Return the name of a job."""
    return names.of(job.rule.name, job.wildcards)


def from_job(job) -> Step:
    """Return the step of a job that has not been started."""
    step = Step(
        name=name_of(job),
        command=job.format_wildcards(job.rule.shellcmd or ""),
        inputs=[str(f) for f in job.input],
        outputs=[str(f) for f in job.output],
        container=str(job.rule.container_img or ""),
        marks=marks_of(job.rule),
        deciding=variables_of.deciding(job.rule.workflow),
    )
    return _named(step, job.log, job.rule.workflow)


def _named(step: Step, logs: list, workflow) -> Step:
    """Add to the inputs what the command names: files of ours, and programs of the machine."""
    name = os.path.basename(os.path.dirname(workflow.main_snakefile))
    generated = str(Experiment(name).generated)
    step.declared = [*step.inputs, *step.outputs, *map(str, logs)]
    step.programs = {} if step.container else commands.programs(step.command)
    step.inputs += commands.files(step.command, step.declared, generated)
    for path in [] if step.container else step.inputs:
        step.programs |= commands.of_script(os.path.normpath(os.path.join(generated, path)))
    step.inputs += [path for path in step.programs.values() if path not in step.inputs]
    return step


def marks_of(rule) -> list[dict]:
    """Return how a rule marks each of its outputs: `touch()`, `ensure()`, `directory()` …."""
    return [getattr(output, "flags", {}) for output in rule.output]


def _describe(template: str, variables: dict, globals_: dict) -> Step:
    """Gather from Snakemake's variables what decides the result of a job."""
    from snakemake.utils import format as expand

    everything = globals_ | variables
    rule = variables["rule"]
    resources = variables["resources"]
    known = globals_["workflow"].get_rule(rule)
    step = Step(
        name=names.of(rule, variables["wildcards"]),
        rule=rule,
        command=expand(template, **everything),
        inputs=[str(f) for f in variables["input"]],
        outputs=[str(f) for f in variables["output"]],
        container=str(known.container_img or ""),
        marks=marks_of(known),
        threads=variables["threads"],
        memory=resources.get("mem_mb", 0) or 0,
        gpus=resources.get("gpu", 0) or 0,
        deciding=variables_of.deciding(globals_["workflow"]),
        passed=variables_of.passed(globals_["workflow"]),
        template=template,
        variables=everything,
    )
    return _named(step, variables["log"], globals_["workflow"])


def key_of(step: Step, session: Session) -> str:
    """Return the sha256 of all that decides the result: nothing else does.

    The command as it will run carries parameters, wildcards and the names of inputs and outputs;
    the contents of the inputs carry data and code; the environment stands for the packages. The
    folder of the experiment's own programs has no name here, so a copy of it computes nothing.
    """
    folder = f"../../scripts/{os.path.basename(session.contents.generated)}/"
    inputs = [(_in(folder, path), session.contents.digest(path)) for path in step.inputs]
    command = _in(folder, step.command)
    parts = [2, command, inputs, step.outputs, step.container, session.environment]
    parts += [step.deciding, found.part_of_key(step.found, session.contents, step.inputs)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _in(folder: str, text: str) -> str:
    """Return a text with the names in this folder relative to it; no text has a zero by itself."""
    return text.replace(folder, "\0/")


def _short(step: Step) -> str:
    """Return a folder name for the step that is the same in every build."""
    return hashlib.sha256("\0".join(step.outputs).encode()).hexdigest()[:16]


def _publish(step: Step, key: str, places: dict[str, str], session: Session) -> dict[str, str]:
    """Move complete outputs into place; note first what they are, and return it."""
    contents = session.contents
    digests = {path: contents.digest(place, complete=True) for path, place in places.items()}
    contents.record_step(key, step, digests)
    for path, place in places.items():
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        move(Path(place), target)
        contents.moved(place, path)
    contents.touch(step.outputs)  # newer than the inputs, for Snakemake
    return digests
