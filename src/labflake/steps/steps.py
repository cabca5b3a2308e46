"""Perform one step: leave it, restore it from the cache, or run it; content decides."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from labflake.cache import Cache
from labflake.content import folders
from labflake.content.atomic import remove
from labflake.content.contents import Contents
from labflake.programs import commands, mentions, packages, pins
from labflake.project.experiments import Experiment, relative
from labflake.project.surroundings import explained
from labflake.steps import (
    failures,
    found,
    given,
    inputs,
    keys,
    logs,
    own_names,
    published,
    recorded,
    results,
    runner,
)
from labflake.steps.session import Session
from labflake.steps.step import Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labflake.steps.job import Job


session: Session | None = None


def perform(step: Step, is_plain: bool) -> None:
    """Perform a step of a job.

    Args:
        step: as its rule describes it.
        is_plain: that it is the same in every build under the same graph.

    Raises:
        StepError: as `carry_out`.
    """
    assert session is not None, "steps run inside a build: use make"
    if is_plain:
        session.told[step.outputs[0]] = recorded.note(step)
    own_names.make_room(step.outputs, session.contents)
    carry_out(named(step), session)


def carry_out(step: Step, session: Session) -> None:
    """Leave a step as it is, restore its result from the cache, or run it.

    Raises:
        StepError: the command failed, and its log has been shown; or an input changed.
    """
    session.logs |= {*step.logs}
    given.refuse(step.rule, step.outputs)
    inputs.look(step, session)
    redo = step.name in session.redo
    built = [key for key in _keys(step, session) if session.contents.is_built(key, step.outputs)]
    if built and not redo:
        _check_promises(step, {path: path for path in step.outputs}, session)
        published.confirm(step, session)
        session.progress.unchanged(step.name)
        return
    if problem := results.fault_of_protected(step):
        raise failures.failed(step, problem, session)
    started = time.perf_counter()
    logs.of(Experiment(Path.cwd().name), step.name).unlink(missing_ok=True)  # of another run
    try:
        step.scratch.parent.mkdir(parents=True, exist_ok=True)
        restored = None if redo else _restore(step, session)
        how, (key, made) = ("cached", restored) if restored else ("ran", _make(step, session))
    except OSError as error:
        raise failures.failed(step, _trouble(error), session) from None
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
    return found.keys(step, lambda: keys.key_of(step, session), session.contents, cache)


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
        published.put(every[path], path)
    _look_at_named(step)
    _check_promises(step, places, session)
    return published.publish(step, key, places, session)


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
    runner.run(step, scratch, session, lambda: inputs.confirm(step, session))
    key = _key_of_what_was_read(step, session)
    places = {path: f"{scratch}/{path}" for path in step.outputs}
    _look_at_named(step)
    _check_promises(step, places, session)
    return key, published.publish(step, key, places, session)


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
    declared = keys.key_of(step, session)
    if not read:
        return declared
    step.found = read
    found.keep(step, declared, session.cache, session.contents)
    return keys.key_of(step, session)


def _check_promises(step: Step, places: dict[str, str], session: Session) -> None:
    """Refuse outputs that are not what `ensure()` says, wherever they are from."""
    problem = results.broken_promise(step, [places[path] for path in step.outputs])
    if problem:
        raise failures.failed(step, problem, session)


def named(step: Step) -> Step:
    """Add to the inputs what the command names: files of ours, and programs of the machine."""
    generated = str(Experiment(os.path.basename(os.getcwd())).generated)
    step.declared = [*step.inputs, *step.outputs, *step.logs]
    step.programs = {} if step.container else commands.programs(step.command)
    step.inputs += commands.files(step.command, step.declared, generated)
    parts = commands.parts(step.command, step.inputs, generated)
    step.inputs += [path for path in parts if path not in step.inputs]
    places = (os.path.normpath(os.path.join(generated, path)) for path in step.inputs)
    for path in [] if step.container else mentions.ours(places):
        step.programs |= commands.of_script(path)
    step.inputs = [*dict.fromkeys([*step.inputs, *step.programs.values()])]
    step.asked = packages.asked(step.command, step.inputs, generated, step.container)
    step.pins = pins.of(step.asked)
    return step


def differs(job: Job, session: Session) -> bool:
    """Tell whether a job is not, or not certainly, as it was recorded when it was made."""
    contents, declared = session.contents, dict.fromkeys(job.inputs)
    record = contents.steps.get(job.outputs[0])
    if not record or record["graph"] != session.graph or record["declared"] != [*declared]:
        return True
    known = record["inputs"] | record["outputs"]
    names = {folder: folders.names(folder) for folder in record["listed"]}
    return names != record["listed"] or any(
        contents.present(path) != digest for path, digest in known.items()
    )
