"""The steps as Snakemake reads them from the Snakefile; what no step makes any more is cleared."""

import os

from labflake.content.atomic import remove
from labflake.content.contents import Contents
from labflake.processes.again import ChangedError
from labflake.project.experiments import Experiment
from labflake.project.options import flag
from labflake.project.settings import overrides
from labflake.steps import beside, demands, from_record, given, names, recorded, steps
from labflake.steps.changed import Change, settings
from labflake.steps.job import Graph
from labflake.steps.reading import Reading
from labflake.steps.session import Session
from labflake.steps.snakemake import engine, opened


def run(
    experiment: Experiment, change: Change, targets: list[str], session: Session
) -> tuple[bool, set[str]]:
    """Let Snakemake read the Snakefile and order its jobs; note what they follow from.

    Returns:
        Whether all went well, and what the jobs make.

    Raises:
        ChangedError: as `run`.
    """
    session.look.confirm()
    contents = session.contents

    def carry_out(due: recorded.Due) -> bool:
        session.told |= {first: recorded.note(step) for first, step in due.steps.items()}
        return from_record.carry_out(experiment, due, session)

    request = opened.Request(
        experiment=experiment,
        limits=session.limits,
        config=overrides(experiment),
        targets=targets,
        force=change.everything or bool(session.redo),
        differs=lambda job: steps.differs(job, session),
        perform=steps.perform,
        carry_out=carry_out,
        keep_going=flag("KEEP_GOING"),
        former=frozenset(contents.made()),
    )
    if not contents.graph:
        beside.clear_of_others(experiment)
    beside.renew(experiment, {p for step in contents.steps.values() for p in step["declared"]})
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


def _expect(session: Session, reading: Reading, graph: Graph) -> None:
    """Tell the steps what the graph was read from: all see the same state of the code."""
    for path in [path for job in graph.needed for path in job.outputs]:
        session.expected.pop(path, None)
    session.expected |= reading.code
    known = session.contents.graph if session.contents.graph.get("id") == session.graph else {}
    if differing := reading.differing(known.get("files", {})):
        raise session.changed(differing, "after this build had read it")


def _look_at_given(graph: Graph, session: Session, experiment: Experiment) -> None:
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
