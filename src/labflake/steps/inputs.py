"""The inputs of a step: what they hold before it runs, and that nobody wrote to them meanwhile."""

import os

from labflake.content.contents import Contents
from labflake.content.digests import was_written
from labflake.environment import NOTE
from labflake.steps import changed, failures, found
from labflake.steps.session import OutdatedError, Session
from labflake.steps.step import Step

_SOFTWARE = f"../../.venv/{NOTE}"  # says what `.venv` is


def look(step: Step, session: Session) -> None:
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
            raise failures.failed(step, f"it needs {path}, which no step has made", session)
        if session.expected.setdefault(path, digest) != digest:
            raise session.changed(path, "after this build had read it")


def confirm(step: Step, session: Session) -> None:
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


def _leave_out_what_it_writes(step: Step, contents: Contents) -> None:
    """Let files out that a command names, outside the project, and that it wrote itself."""
    named = {*step.inputs} - {*step.rules_inputs()}
    outside = [path for path in named if os.path.isabs(path)]
    for path in [p for p in outside if contents.digest(p) != step.used.get(p)]:
        step.inputs.remove(path)
        step.used.pop(path, None)
