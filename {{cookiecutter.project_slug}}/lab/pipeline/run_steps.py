"""The steps of a build: set up, let Snakemake order them, clear what no step makes any more."""

import hashlib
import os
import platform
import shutil
import sys
import time

from lab import determinism
from lab.experiments import Experiment, root
from lab.pipeline import (
    cache,
    cluster,
    demands,
    engine,
    given,
    jobs,
    language,
    limits,
    missing,
    own_names,
    profiles,
    steps,
    strays,
)
from lab.pipeline.changed import Change
from lab.pipeline.contents import Contents
from lab.pipeline.processes import Running
from lab.pipeline.progress import Progress
from lab.settings import overrides


def run(
    experiment: Experiment,
    contents: Contents,
    change: Change,
    targets: list[str],
    whole: bool,
    redo: frozenset[str],
    running: Running,
) -> dict[str, int] | None:
    """Run what is needed; return how many ran, were cached or unchanged; None if one failed."""
    if not (change.everything or change.inputs or change.tampered or targets or redo):
        return {"ran": 0, "cached": 0, "unchanged": 0}
    progress, profile = Progress(), profiles.chosen()
    steps.session = session = steps.Session(
        contents=contents,
        cache=cache.chosen(),
        progress=progress,
        environment=fingerprint(),
        limits=limits.from_environment(profile),
        redo=redo,
        running=running,
    )
    if profile:
        session.cluster = cluster.Cluster(profile, experiment.state, running, progress)
    jobs.recover(experiment)
    _prepare(experiment, change)
    os.environ.update(determinism.environment())
    request = engine.Request(
        experiment=experiment,
        limits=session.limits,
        config=overrides(experiment),
        targets=targets,
        force=change.everything or bool(redo),
        keep_going=bool(os.environ.get("KEEP_GOING")),
    )

    def on_start(dag) -> None:
        _check(dag, request, progress)
        running.stop_on_signals()  # not before: Snakemake sets its own

    before = strays.look(experiment)
    good, graph = engine.execute(request, on_start)
    made = session.logs.union(*(step["outputs"] for step in contents.steps.values()))
    strays.say(experiment, before, made.union(*(outputs for _, _, outputs in graph.jobs)))
    session.cache.close(experiment.state)
    if not good:
        return None
    if whole:
        _clear_leftovers(experiment, contents, graph)
    return progress.counts


def fingerprint() -> str:
    """Return the sha256 of what steps run on: locks, settings, Python, the kind of machine."""
    value = hashlib.sha256()
    for name in ("poetry.lock", "flake.lock"):
        path = root() / name
        value.update(path.read_bytes() if path.exists() else b"")
    value.update(determinism.fingerprint().encode())
    python = ".".join(platform.python_version_tuple()[:2])  # a patch changes no result
    value.update(f"{python} {sys.platform} {platform.machine()}".encode())
    return value.hexdigest()


def _prepare(experiment: Experiment, change: Change) -> None:
    """Make Snakemake see by modification times what the front check found by content."""
    own_names.recover(experiment.state / "running")
    shutil.rmtree(experiment.state / "running", ignore_errors=True)
    now = time.time()
    for path in change.inputs:
        full = experiment.generated / path
        if full.exists():
            os.utime(full, (now, now))
    for path in change.tampered:
        full = experiment.generated / path
        shutil.rmtree(full) if full.is_dir() else full.unlink(missing_ok=True)


def _check(dag, request: engine.Request, progress: Progress) -> None:
    """Refuse a job that asks for more than there is; count the jobs."""
    needed = [job for job in dag.needrun_jobs() if job.output]
    missing.check_targets(request, dag)
    given.check(request.experiment, dag, whole=not request.targets)
    for job in dag.jobs:
        language.check_files(job.rule, job.input)  # of functions, which only a job asks
    progress.count = engine.counted(dag)
    demands.check(needed, request.limits)


def _clear_leftovers(experiment: Experiment, contents: Contents, graph: engine.Graph) -> None:
    """Remove what steps made that do not exist any more."""
    now = {outputs[0] for _, _, outputs in graph.jobs}
    kept = {path for _, _, outputs in graph.jobs for path in outputs}
    for first in [f for f in contents.steps if f not in now]:
        for path in contents.steps.pop(first)["outputs"]:
            full = experiment.generated / path
            if path in kept or given.is_data(path) or not full.exists():
                continue
            shutil.rmtree(full) if full.is_dir() else full.unlink()
