"""Perform one step: leave it, restore it from the cache, or run it; content decides."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from labflake.cache import Cache
from labflake.content import folders
from labflake.content.atomic import move, remove
from labflake.content.contents import Contents
from labflake.content.digests import was_written
from labflake.content.removal import Removal
from labflake.environment import NOTE
from labflake.errors import LabError
from labflake.processes.again import EDITED, Look
from labflake.programs import commands, packages, pins
from labflake.project.experiments import Experiment, relative
from labflake.project.surroundings import explained
from labflake.records import Record, field
from labflake.steps import changed, found, given, logs, own_names, recorded, results, runner
from labflake.steps.limits import Limits
from labflake.steps.progress import Progress
from labflake.steps.step import Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from labflake.steps.cluster import Cluster
    from labflake.steps.job import Job
    from labflake.steps.step import Known

    class Circumstances(Protocol):
        """What the key of a step holds besides the step."""

        @property
        def contents(self) -> Known:
            """Return what knows the contents of its inputs."""

        environment: str


_SOFTWARE = f"../../.venv/{NOTE}"  # says what `.venv` is


class OutdatedError(runner.StepError):
    """What a step was to be made from, or was made from, is not what it was: nothing is kept."""

    def __init__(self, what: str) -> None:
        LabError.__init__(self, what)


class Session(Record):
    """What the steps of one build share."""

    contents: Contents
    cache: Cache
    progress: Progress
    environment: str
    limits: Limits
    running: runner.Running
    look: Look
    redo: frozenset[str] = frozenset()
    said: set[str] = field(default_factory=set)  # notes that are printed once
    logs: set[str] = field(default_factory=set)  # of rules, which steps write in their places
    graph: str = ""  # which reading of the Snakefile the steps belong to
    software: str = field(default_factory=changed.environment)  # what `.venv` is
    expected: dict[str, str] = field(default_factory=dict)  # what each file holds in this build
    told: dict[str, dict] = field(default_factory=dict)  # of steps that can run without Snakemake
    made: set[str] = field(default_factory=set)  # by the jobs of this build, done or not
    outdated: str = ""  # what changed meanwhile: the build starts again
    lock: threading.Lock = field(default_factory=threading.Lock)
    cluster: Cluster | None = None
    removal: Removal = field(default_factory=Removal)  # of folders in which steps ran

    def known(self, path: str) -> str:
        """Return the digest of a file as this build saw it."""
        return self.expected.get(path) or self.contents.digest(path)

    def changed(self, path: str, when: str) -> OutdatedError:
        """Note that the build has to start again, and why: the first reason is the one to say."""
        name = relative(Path(self.contents.generated, path))
        self.outdated = self.outdated or f"{name} changed {when}"
        return OutdatedError(self.outdated)

    def confirm_packages(self, all_count: bool) -> None:
        """Refuse what was made with packages that somebody edited.

        Args:
            all_count: not only labflake.

        Raises:
            OutdatedError: there are some.
        """
        if self.look.finds_edits() if all_count else self.look.finds_own_edits():
            self.outdated = self.outdated or EDITED
            raise OutdatedError(self.outdated)


session: Session | None = None


def perform(step: Step, is_plain: bool) -> None:
    """Perform a step of a job.

    Args:
        step: as its rule describes it.
        is_plain: that it is the same in every build under the same graph.

    Raises:
        runner.StepError: as `carry_out`.
    """
    assert session is not None, "steps run inside a build: use make"
    if is_plain:
        session.told[step.outputs[0]] = recorded.note(step)
    own_names.make_room(step.outputs, session.contents)
    carry_out(named(step), session)


def carry_out(step: Step, session: Session) -> None:
    """Leave a step as it is, restore its result from the cache, or run it.

    Raises:
        runner.StepError: the command failed, and its log has been shown; or an input changed.
    """
    session.logs |= {*step.logs}
    given.refuse(step.rule, step.outputs)
    _look_at_inputs(step, session)
    redo = step.name in session.redo
    built = [key for key in _keys(step, session) if session.contents.is_built(key, step.outputs)]
    if built and not redo:
        _check_promises(step, {path: path for path in step.outputs}, session)
        _confirm_record(step, session)
        session.progress.unchanged(step.name)
        return
    if problem := results.fault_of_protected(step):
        raise runner.failed(step, problem, session)
    started = time.perf_counter()
    logs.of(Experiment(Path.cwd().name), step.name).unlink(missing_ok=True)  # of another run
    try:
        step.scratch.parent.mkdir(parents=True, exist_ok=True)
        found = None if redo else _restore(step, session)
        how, (key, made) = ("cached", found) if found else ("ran", _make(step, session))
    except OSError as error:
        raise runner.failed(step, _trouble(error), session) from None
    took = time.perf_counter() - started
    if how == "ran":
        kept = made | _logs(step, session.contents)
        session.cache.store(key, step.name, kept, took, session.contents.digest)
    session.progress.finished(step.name, how, took)


def _trouble(error: OSError) -> str:
    """Say what the machine refused, and where; of another user's files also the way out."""
    if isinstance(error, PermissionError) and (said := explained(error)):
        return said
    file = f": {relative(Path(os.fsdecode(error.filename)))}" if error.filename else ""
    return f"{(error.strerror or str(error)).lower()}{file}"


def _keys(step: Step, session: Session, cache: Cache | None = None) -> Iterator[str]:
    """Give the keys that the step may have, by what it is known to read here, or by the cache."""
    return found.keys(step, lambda: key_of(step, session), session.contents, cache)


def _restore(step: Step, session: Session) -> tuple[str, dict[str, str]] | None:
    """Restore the outputs of a step; return its key and their digests, None if it has to run."""
    # Files: a folder for each step would take longer than to copy what is small.
    every = {path: f"{step.scratch}.{n}" for n, path in enumerate(step.kept())}
    try:
        for key in _keys(step, session, session.cache):
            if (restored := session.cache.restore(key, every)) is not None:
                return key, _take_over(step, key, every, restored, session)
        return None
    finally:
        for place in every.values():
            remove(Path(place))


def _take_over(
    step: Step, key: str, every: dict[str, str], restored: dict[str, str], session: Session
) -> dict[str, str]:
    """Put what came from the cache where it belongs; return the digests of the outputs."""
    places = {path: every[path] for path in step.outputs}
    for place, digest in restored.items():
        session.contents.know(place, digest)
    for path in step.logs:
        _put(every[path], path)
    _look_at_named(step)
    _check_promises(step, places, session)
    return _publish(step, key, places, session)


def _make(step: Step, session: Session) -> tuple[str, dict[str, str]]:
    """Run the step; return its key, and the digests of the outputs."""
    session.removal.take(step.scratch)
    try:
        step.scratch.mkdir()
        return _run(step, step.scratch, session)
    finally:
        session.removal.take(step.scratch)


def _run(step: Step, scratch: Path, session: Session) -> tuple[str, dict[str, str]]:
    session.progress.started(step.name)
    if step.message:
        session.progress.say(f"  {step.message}")
    for path in [path for path in step.logs if not path.startswith(("/", "..", "~"))]:
        remove(Path(path))  # it is of another run
    for path in step.kept():  # a step may write under the final names
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    runner.run(step, scratch, session, lambda: _confirm_inputs(step, session))
    key = _key_of_what_was_read(step, session)
    places = {path: f"{scratch}/{path}" for path in step.outputs}
    _look_at_named(step)
    _check_promises(step, places, session)
    return key, _publish(step, key, places, session)


def _look_at_named(step: Step) -> None:
    """Look at what the command names outside the project; what it wrote is not there any more."""
    experiment = Experiment(os.path.basename(os.getcwd()))
    named = {*step.inputs} - {*step.declared} - {*step.programs.values()}
    given.look_at_named(experiment, step.rule, named)


def _logs(step: Step, contents: Contents) -> dict[str, str]:
    """Return the digest of each log of a step that ran; one that it did not write is empty."""
    for path in map(Path, step.logs):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        logs.hide(path)
    return {path: contents.digest(path) for path in step.logs}


def _key_of_what_was_read(step: Step, session: Session) -> str:
    """Return the key with what the step was seen to read; the cache learns what that is."""
    read, step.found = step.found, []
    declared = key_of(step, session)
    if not read:
        return declared
    step.found = read
    found.keep(step, declared, session.cache, session.contents)
    return key_of(step, session)


def _look_at_inputs(step: Step, session: Session) -> None:
    """Take the digest of each input, and what shows whether somebody writes to it.

    All steps of a build see the same of a file: what the gate let pass, what the Snakefile read,
    what a step of this build made.
    """
    if session.outdated:
        raise OutdatedError(session.outdated)
    step.before = session.contents.marks(step.rules_inputs())
    for path in step.inputs:
        digest = step.digest(path, session.contents)
        if not digest and path in step.before:
            raise runner.failed(step, f"it needs {path}, which no step has made", session)
        if session.expected.setdefault(path, digest) != digest:
            raise session.changed(path, "after this build had read it")


def _confirm_inputs(step: Step, session: Session) -> None:
    """Refuse what was made from files that are not after it what they were before."""
    contents, step.found = session.contents, step.seen.found()
    for path in found.paths(step.found):
        step.digest(path, contents)
    _leave_out_what_it_writes(step, contents)
    before, after = step.before, contents.marks(step.rules_inputs())
    written = [p for p in {**before, **after} if was_written(before.get(p), after.get(p))]
    # In its last moment a file may change without a new time, and on some drives at any.
    written += [path for path, digest in step.used.items() if contents.digest(path) != digest]
    written += step.seen.changed()
    written += [_SOFTWARE] if changed.environment() != session.software else []
    if written:
        session.progress.ended(step.name)
        raise session.changed(written[0], f"while step {step.name} ran")


def _check_promises(step: Step, places: dict[str, str], session: Session) -> None:
    """Refuse outputs that are not what `ensure()` says, wherever they are from."""
    problem = results.broken_promise(step, [places[path] for path in step.outputs])
    if problem:
        raise runner.failed(step, problem, session)


def named(step: Step) -> Step:
    """Add to the inputs what the command names: files of ours, and programs of the machine."""
    generated = str(Experiment(os.path.basename(os.getcwd())).generated)
    step.declared = [*step.inputs, *step.outputs, *step.logs]
    step.programs = {} if step.container else commands.programs(step.command)
    step.inputs += commands.files(step.command, step.declared, generated)
    parts = commands.parts(step.command, step.inputs, generated)
    step.inputs += [path for path in parts if path not in step.inputs]
    for path in [] if step.container else step.inputs:
        step.programs |= commands.of_script(os.path.normpath(os.path.join(generated, path)))
    step.inputs = [*dict.fromkeys([*step.inputs, *step.programs.values()])]
    step.asked = packages.asked(step.command, step.inputs, generated, step.container)
    step.pins = pins.of(step.asked)
    return step


def differs(job: Job, session: Session) -> bool:
    """Tell whether a job is not, or not certainly, as it was recorded when it was made."""
    contents, inputs = session.contents, dict.fromkeys(job.inputs)
    record = contents.steps.get(job.outputs[0])
    if not record or record["graph"] != session.graph or record["declared"] != [*inputs]:
        return True
    known = record["inputs"] | record["outputs"]
    names = {folder: folders.names(folder) for folder in record["listed"]}
    return names != record["listed"] or any(
        contents.present(path) != digest for path, digest in known.items()
    )


def _leave_out_what_it_writes(step: Step, contents: Contents) -> None:
    """Let files out that a command names, outside the project, and that it wrote itself."""
    named = {*step.inputs} - {*step.rules_inputs()}
    outside = [path for path in named if os.path.isabs(path)]
    for path in [p for p in outside if contents.digest(p) != step.used.get(p)]:
        step.inputs.remove(path)
        step.used.pop(path, None)


class _AsUsed:
    """The contents of files as one step was told about them, however they are now."""

    def __init__(self, step: Step, contents: Known) -> None:
        self.step, self.contents, self.generated = step, contents, contents.generated

    def digest(self, path: str) -> str:
        return self.step.digest(path, self.contents)


def key_of(step: Step, session: Circumstances) -> str:
    """Return the sha256 of all that decides the result: nothing else does.

    The command as it will run carries parameters, wildcards and the names of inputs and outputs;
    the contents of the inputs carry data and code; the pins stand for the packages that the step
    can see, the environment for Python, the kind of machine, and how `save` writes. The folder of
    the experiment's own programs has no name here, so a copy of it computes nothing.
    """
    used = _AsUsed(step, session.contents)
    folder = f"../../scripts/{os.path.basename(used.generated)}/"
    inputs = [(_in(folder, path), used.digest(path)) for path in step.inputs]
    command = _in(folder, step.command)
    parts = [3, command, inputs, step.outputs, step.container, session.environment]
    parts += [step.pins, step.deciding, found.part_of_key(step.found, used, step.inputs)]
    parts += [step.logs] if step.logs else []  # they come back with the result
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def seen_packages(step: Step) -> dict:
    """Return what the step asks for of the packages, and the pins of those that it gets."""
    return pins.noted(step.asked | found.asked(step.found))


def _in(folder: str, text: str) -> str:
    """Return a text with the names in this folder relative to it; no text has a zero by itself."""
    return text.replace(folder, "\0/")


def _publish(step: Step, key: str, places: dict[str, str], session: Session) -> dict[str, str]:
    """Move complete outputs into place; note first what they are, and return it."""
    contents = session.contents
    for path in results.protected(step):
        results.protect(places[path])
    made = {path: contents.digest(place) for path, place in places.items()}
    contents.record_step(
        _entry(step, key, made, session) | {"inside": _inside(step, places, contents)}
    )
    for path, place in places.items():
        _put(place, path)
        contents.moved(place, path)
    session.expected |= made
    return made


def _put(place: str, path: str) -> None:
    """Move something to where it belongs, whatever is there."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir() or target.is_symlink() or os.path.isdir(place):
        remove(target)
    move(Path(place), target)


def _entry(step: Step, key: str, made: dict[str, str], session: Session) -> dict:
    """Return what is noted of a step: what it was made from, and what it made."""
    files = found.paths(step.found)
    listed = [path for path in step.found if path.endswith("/")]
    every = dict.fromkeys([*step.inputs, *files])
    return {
        "key": key,
        "name": step.name,
        "command": step.command,
        "graph": session.graph,
        "inputs": {path: step.digest(path, session.contents) for path in every},
        "declared": step.rules_inputs(),
        "found": step.found,
        "container": step.container,
        "packages": seen_packages(step),
        "listed": {path: folders.names(path) for path in listed},
        "outputs": made,
        "temporary": _temporary(step),
    }


def _temporary(step: Step) -> list[str]:
    """Return the outputs that Snakemake removes when nothing needs them any more."""
    return [p for p, flags in zip(step.outputs, step.marks, strict=False) if "temp" in flags]


def _inside(step: Step, places: dict[str, str], contents: Contents) -> dict[str, str]:
    """Return the digests of the files in temporary folders: they count when the folder is gone."""
    return {
        path + name[len(places[path]) :]: contents.digest(name)
        for path in _temporary(step)
        for name in contents.files([places[path]])
        if name != places[path]
    }


def _confirm_record(step: Step, session: Session) -> None:
    """Note that a step is right as it was recorded, under the graph that this build read."""
    record = session.contents.steps[step.outputs[0]]
    record["graph"] = session.graph
    session.expected |= record["outputs"]
