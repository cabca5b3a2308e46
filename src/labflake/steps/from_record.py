"""Run the steps that changed from what the Snakefile said of them, without Snakemake."""

import contextlib
import threading
from pathlib import Path

from labflake.content.atomic import remove
from labflake.processes.again import ChangedError
from labflake.project.experiments import Experiment
from labflake.project.options import flag
from labflake.steps import demands, given, names, ordered, own_names, recorded, steps
from labflake.steps.limits import Limits
from labflake.steps.session import Session
from labflake.steps.step import Step


def is_allowed(due: recorded.Due, limits: Limits) -> bool:
    """Tell whether steps get the threads that they were told; what is refused is an error.

    Raises:
        LabError: one asks for more than there is.
    """
    demands.refuse(due.steps.values(), limits)
    if due.first and flag("KEEP_GOING"):  # others need not wait for these
        return False
    return limits.cluster or all(step.threads <= limits.jobs for step in due.steps.values())


def run(experiment: Experiment, due: recorded.Due, session: Session) -> bool | None:
    """Run the steps that are due by what was recorded; return whether all went well.

    None: some that came first made something else of which steps follow than before, and now the
    Snakefile has to be read.

    Raises:
        ChangedError: as `carry_out`.
    """
    contents = session.contents
    outputs = [path for step in due.steps.values() for path in step.outputs]
    session.made |= contents.made().keys()
    session.made |= {*outputs}
    _look_at_given(experiment, session)
    for path in outputs:
        session.expected.pop(path, None)
    session.progress.count = len(due.steps)
    for number, part in enumerate(due.parts()):
        if number and not recorded.is_same_graph(experiment, contents):
            return None
        if not carry_out(experiment, part, session):
            return False
    return True


def carry_out(experiment: Experiment, due: recorded.Due, session: Session) -> bool:
    """Run steps, each after those that it needs; return whether all went well.

    Raises:
        ChangedError: what a step had read is not what it was.
    """
    session.running.stop_on_signals()

    fleeting = _Fleeting(due.fleeting)

    def perform(step: Step) -> None:
        own_names.make_room(step.outputs, session.contents)
        steps.carry_out(steps.named(step), session)
        fleeting.done(step.outputs[0])

    with contextlib.chdir(experiment.generated):
        order = ordered.Ordered(due.steps, due.needs, session.limits)
        errors = order.run(perform, flag("KEEP_GOING"))
    if session.outdated:
        raise ChangedError(session.outdated)
    if errors:
        from labflake.steps.snakemake import faults

        faults.say(errors)
    return not errors


class _Fleeting:
    """Outputs that are `temp()`: each goes when the last step is done that makes or reads it."""

    def __init__(self, after: dict[str, set[str]]) -> None:
        self._after = {path: {*firsts} for path, firsts in after.items()}
        self._of: dict[str, list[str]] = {}
        for path, firsts in after.items():
            for first in firsts:
                self._of.setdefault(first, []).append(path)
        self._lock = threading.Lock()

    def done(self, first: str) -> None:
        """Remove what nothing needs any more after this step."""
        for path in self._of.get(first, ()):
            with self._lock:
                self._after[path].discard(first)
                is_last = not self._after[path]
            if is_last:
                remove(Path(path))


def _look_at_given(experiment: Experiment, session: Session) -> None:
    """Look at what all steps read that no rule makes, as before a build by Snakemake."""
    given.begin(experiment, whole=True)
    every = session.contents.steps.values()
    told = [(names.rule(step["name"]), step["declared"]) for step in every]
    read = {path: rule for rule, declared in told for path in declared}
    given.check(experiment, read, session.made)
