"""The steps of a build: set up, let Snakemake order them, clear what no step makes any more."""

import os
import shutil

from labflake import cache
from labflake.content.atomic import remove
from labflake.content.contents import Contents
from labflake.processes import determinism
from labflake.processes.again import ChangedError, Look
from labflake.processes.processes import Running
from labflake.project.experiments import Experiment
from labflake.project.options import flag
from labflake.project.settings import overrides
from labflake.steps import (
    demands,
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
from labflake.steps.changed import Change, settings
from labflake.steps.job import Graph
from labflake.steps.progress import Progress
from labflake.steps.reading import Reading
from labflake.steps.snakemake import engine, opened


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
    progress, profile = Progress(experiment), limits.profile()
    steps.session = session = steps.Session(
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
    if due and from_record.is_allowed(due, session.limits):
        good = from_record.run(experiment, due, session)
    else:
        good, made = _ask_snakemake(experiment, change, targets, session)
    made |= session.logs.union(*(step["outputs"] for step in contents.steps.values()))
    strays.say(experiment, before, made)
    session.cache.close(experiment.state)
    progress.say_warnings()
    if not good:
        return None
    if not targets:
        for step in contents.steps.values():  # also of those that did not run
            named = step["inputs"].keys() - {*step["declared"], *step["found"]}
            given.look_at_named(experiment, names.rule(step["name"]), named)
        seen.refuse_undeclared(contents.steps.values())
    return progress.counts


def _ask_snakemake(
    experiment: Experiment, change: Change, targets: list[str], session: steps.Session
) -> tuple[bool, set[str]]:
    """Let Snakemake read the Snakefile and order its jobs; note what they follow from.

    Returns:
        Whether all went well, and what the jobs make.

    Raises:
        ChangedError: as `run`.
    """
    session.look.confirm()
    contents = session.contents
    request = opened.Request(
        experiment=experiment,
        limits=session.limits,
        config=overrides(experiment),
        targets=targets,
        force=change.everything or bool(session.redo),
        differs=lambda job: steps.differs(job, session),
        perform=steps.perform,
        keep_going=flag("KEEP_GOING"),
    )
    reading = Reading(experiment, contents)

    counted: set[str] = set()

    def on_more(graph: Graph) -> None:
        counted.update(job.name for job in graph.needed)
        session.progress.count = len(counted)
        _look_at_given(graph, session, experiment)

    def on_start(graph: Graph) -> None:
        given.begin(experiment, whole=not targets)
        demands.check(graph.needed, request.limits)
        on_more(graph)
        _expect(session, reading, graph)

    try:
        good, graph = engine.execute(request, on_start, on_more, session.running.stop_on_signals)
    finally:
        if session.outdated:
            raise ChangedError(session.outdated)
    if good and not targets:
        _clear_leftovers(experiment, contents, graph)
        contents.graph = {"id": session.graph, "settings": settings()} | reading.of(graph)
        contents.graph["environment"] = session.environment
        recorded.keep(experiment, session)
    return good, graph.made()


def _expected(contents: Contents) -> dict[str, str]:
    """Return what files hold unless a step of this build makes them: results, and data."""
    made = {p: d for step in contents.steps.values() for p, d in step["outputs"].items()}
    return made | contents.guarded


def _expect(session: steps.Session, reading: Reading, graph: Graph) -> None:
    """Tell the steps what the graph was read from: all see the same state of the code."""
    for path in [path for job in graph.needed for path in job.outputs]:
        session.expected.pop(path, None)
    session.expected |= reading.code
    known = session.contents.graph if session.contents.graph.get("id") == session.graph else {}
    if differing := reading.differing(known.get("files", {})):
        raise session.changed(differing, "after this build had read it")


def _look_at_given(graph: Graph, session: steps.Session, experiment: Experiment) -> None:
    """Look at all that is read: also by complete checkpoints, and by what leads to them."""
    records = session.contents.steps
    done = [records[first] for first in _leading_to(graph.decided, session.contents)]
    read = {path: names.rule(step["name"]) for step in done for path in step["declared"]}
    for job in graph.jobs:
        given.refuse(job.rule, job.outputs)
        read |= dict.fromkeys(job.inputs, job.rule)
    session.made |= graph.made().union(*(step["outputs"] for step in done))
    given.check(experiment, read, session.made)


def _leading_to(paths: set[str], contents: Contents) -> set[str]:
    """Return the first output of each step that these files were made by, or from.

    The graph does not have all of them: with a complete checkpoint go the steps before it.
    """
    makers = {path: step for step in contents.steps.values() for path in step["outputs"]}
    found: set[str] = set()
    waiting = list(paths)
    while waiting:
        path = waiting.pop()
        ends = [i for i, letter in enumerate(path) if letter == "/"] + [len(path)]
        step = next((makers[path[:end]] for end in ends if path[:end] in makers), None)
        if step and (first := next(iter(step["outputs"]))) not in found:
            found.add(first)
            waiting += step["inputs"]
    return found


def _clear_leftovers(experiment: Experiment, contents: Contents, graph: Graph) -> None:
    """Remove what steps made that do not exist any more, unless somebody has it for his own now."""
    kept = {path for job in graph.jobs for path in job.inputs} | graph.made()
    now = {*graph.firsts()} | _leading_to(kept, contents)
    kept |= {
        path for first in now & contents.steps.keys() for path in contents.steps[first]["outputs"]
    }
    for first in [f for f in contents.steps if f not in now]:
        for path, digest in contents.steps.pop(first)["outputs"].items():
            full = experiment.generated / path
            if path in kept or given.is_data(path) or not os.path.lexists(full):
                continue
            if contents.digest(path) != digest:
                print(f"  {path} is made by no step any more; it was edited, and stays")
            else:
                remove(full)
