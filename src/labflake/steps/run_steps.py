"""The steps of a build: set up, and run from the record or as the Snakefile orders them."""

import os
import shutil

from labflake import cache
from labflake.content.contents import Contents
from labflake.processes import determinism
from labflake.processes.again import Look
from labflake.processes.processes import Running
from labflake.programs import commands
from labflake.project.experiments import Experiment
from labflake.steps import (
    from_record,
    given,
    limits,
    names,
    own_names,
    recorded,
    seen,
    steps,
    strays,
)
from labflake.steps.changed import Change
from labflake.steps.progress import Progress
from labflake.steps.session import Session


def run(
    experiment: Experiment,
    contents: Contents,
    change: Change,
    targets: list[str],
    redo: frozenset[str],
    running: Running,
    look: Look,
) -> dict[str, int] | None:
    """Run what is needed; return how many ran, were cached or unchanged; None if one failed.

    Raises:
        ChangedError: what a step, or the Snakefile, had read is not what it was.
    """
    if not (change.everything or change.steps or targets or redo):
        return {"ran": 0, "cached": 0, "unchanged": 0}
    commands.ask_bash()
    progress, profile = Progress(experiment), limits.profile()
    steps.session = session = Session(
        contents=contents,
        cache=cache.chosen(),
        progress=progress,
        environment=determinism.conditions(),
        limits=limits.from_options(profile),
        redo=redo,
        running=running,
        look=look,
        graph=os.urandom(8).hex() if change.everything else contents.graph["id"],
        expected=_expected(contents),
    )
    if profile:
        from labflake.steps import cluster

        session.cluster = cluster.Cluster(profile, experiment.state, running, progress)
    if (experiment.state / "jobs").exists():
        from labflake.steps import jobs

        jobs.recover(experiment)
    own_names.recover(experiment.state / "running")
    shutil.rmtree(experiment.state / "running", ignore_errors=True)
    os.environ.update(determinism.environment())
    before = strays.look(experiment)
    again = not (change.everything or targets or redo)
    due = recorded.due(experiment, contents, change.steps, session.environment) if again else None
    made: set[str] = set()
    good = None
    try:
        if due and from_record.is_allowed(due, session.limits):
            good = from_record.run(experiment, due, session)
            if good is None:
                session.graph, change.everything = os.urandom(8).hex(), True
        if good is None:
            from labflake.steps import from_snakefile

            good, made = from_snakefile.run(experiment, change, targets, session)
    finally:
        session.removal.wait()
    made |= session.logs | contents.made().keys()
    strays.say(experiment, before, made)
    session.cache.close(experiment.state)
    progress.say_warnings()
    if not good:
        return None
    if not targets:
        for step in contents.steps.values():  # also of those that did not run
            named = step["inputs"].keys() - {*step["declared"], *step["found"]}
            if named:
                given.look_at_named(experiment, names.rule(step["name"]), named)
        seen.refuse_undeclared(contents.steps.values())
    return progress.counts


def _expected(contents: Contents) -> dict[str, str]:
    """Return what files hold unless a step of this build makes them: results, and data."""
    return contents.made() | contents.guarded
