"""Snakemake in this process: it reads the Snakefile, and hands over the jobs that are ready.

Content decides elsewhere (`labflake.steps.steps`) whether a job has anything to do.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from labflake.project.experiments import Experiment
from labflake.steps import beside, steps
from labflake.steps.job import Graph
from labflake.steps.snakemake import adjusted, faults, language, missing
from labflake.steps.snakemake.opened import Request, Snakefile, refuse_empty_folders
from labflake.steps.step import Step

_Result = TypeVar("_Result")


def execute(
    request: Request,
    on_start: Callable[[Graph], None],
    on_more: Callable[[Graph], None],
    on_ready: Callable[[], None],
) -> tuple[bool, Graph]:
    """Perform what is needed; return whether all went well, and the jobs.

    Args:
        request: what to run.
        on_start: called with the jobs before the first one starts.
        on_more: called with them when a checkpoint has added some.
        on_ready: called in the main thread when Snakemake has set up all that it uses.

    Raises:
        LabError: the Snakefile cannot be read, an input is missing, or a job asks for too much.
    """
    return _with_files_beside(
        request.experiment, lambda: _execute(request, on_start, on_more, on_ready)
    )


def _execute(
    request: Request,
    on_start: Callable[[Graph], None],
    on_more: Callable[[Graph], None],
    on_ready: Callable[[], None],
) -> tuple[bool, Graph]:
    adjusted.load()
    from snakemake.settings import types as settings

    from labflake.steps.snakemake import executor, jobs

    def begin(dag) -> None:
        missing.check_targets(request, dag)
        refuse_empty_folders(request.experiment)
        for job in dag.jobs:
            language.check_job(job)  # also what functions say, which only a job asks
        on_start(_graph(dag))

    build = executor.Build(
        limits=request.limits,
        keep_going=request.keep_going,
        begin=begin,
        more=lambda dag: on_more(_graph(dag)),
        ready=on_ready,
        perform=lambda job: request.perform(jobs.step_to_run(job), jobs.is_plain(job)),
    )
    executor.register(build)
    with Snakefile(request) as workflow:
        adjusted.adjust()
        adjusted.ask(lambda job: request.differs(jobs.job_of(job)))
        inner = workflow._workflow
        request.targets = missing.as_made(request.experiment, inner, request.targets)
        dag = workflow.dag(
            settings.DAGSettings(
                targets=frozenset(request.targets),
                forceall=request.force,
                rerun_triggers=frozenset({settings.RerunTrigger.MTIME}),
                max_checksum_file_size=0,
                max_inventory_wait_time=0,  # it would stumble over a file where a folder is to be
            )
        )
        try:
            dag.execute_workflow(
                executor=executor.NAME,
                execution_settings=settings.ExecutionSettings(
                    lock=False,
                    ignore_incomplete=True,
                    keep_metadata=False,
                    keep_incomplete=True,
                    keep_going=request.keep_going,
                    latency_wait=0,
                    retries=0,
                ),
                scheduling_settings=settings.SchedulingSettings(
                    scheduler=executor.NAME, subsample=None, max_jobs_per_timespan=None
                ),
            )
            good = True
        except Exception as error:
            if not _started(inner) or faults.own(error):
                raise faults.as_ours(request.experiment, inner, error) from None
            good = False
            faults.say_of_jobs(request.experiment, inner, build.failures or [error])
        missing.check_targets(request, inner.dag)
        return good, _graph(inner.dag)


def read(
    request: Request,
    brought: Callable[[str], bool],
    complete: Callable[[list[Step]], list[str]],
) -> list[list[Step]]:
    """Return the steps of the experiment without running anything.

    Args:
        request: what to read.
        brought: tells whether a file is data, which a build brings before all steps.
        complete: gets all steps, each after all that it needs, and returns the names of those
            checkpoints among them whose results can be read: what they decide is read, and the
            steps come again.

    Returns:
        The steps, each after what it needs, as known before the first checkpoint, and after each
        round of such ones.

    Raises:
        LabError: as `execute`.
    """
    return _with_files_beside(request.experiment, lambda: _read(request, brought, complete))


def _read(
    request: Request,
    brought: Callable[[str], bool],
    complete: Callable[[list[Step]], list[str]],
) -> list[list[Step]]:
    adjusted.load()
    from snakemake.settings import types as settings
    from snakemake_interface_storage_plugins.io import Mtime

    with Snakefile(request) as workflow:
        workflow.dag(
            settings.DAGSettings(
                targets=frozenset(request.targets),
                forceall=True,
                rerun_triggers=frozenset({settings.RerunTrigger.MTIME}),
            )
        )
        inner = workflow._workflow
        try:
            inner._prepare_dag(forceall=True, ignore_incomplete=True, lock_warn_only=True)
            for path in {str(f) for rule in inner.rules for f in rule.input if brought(str(f))}:
                inner.iocache.exists_local[path] = True
                inner.iocache.mtime[path] = Mtime(local=0, local_target=0)
            inner._build_dag()
            known = _jobs(inner.dag)
            states = [[*map(_described, known)]]
            while decided := complete(states[-1]):
                done = [j for j, s in zip(known, states[-1], strict=True) if s.name in decided]
                inner.dag._finished.update(done)
                inner.async_run(inner.dag.update_checkpoint_dependencies(done))
                known = _jobs(inner.dag)
                states.append([*map(_described, known)])
        except Exception as error:
            raise faults.as_ours(request.experiment, inner, error) from None
        return states


def _described(job) -> Step:
    from labflake.steps.snakemake import jobs

    return steps.named(jobs.step_of(job))


def _jobs(dag) -> list:
    levels = dag.toposorted()
    return [job for level in levels for job in sorted(level, key=str) if job.output]


def _started(workflow) -> bool:
    return getattr(workflow, "scheduler", None) is not None


def _with_files_beside(experiment: Experiment, read: Callable[[], _Result]) -> _Result:
    """Return what `read` does; where files are missing that are beside the Snakefile, again."""
    while True:
        try:
            return read()
        except beside.MissingError as error:
            if not beside.bring(experiment, error.files):
                raise


def _graph(dag) -> Graph:
    from labflake.steps.snakemake import jobs

    known = {id(job): jobs.job_of(job) for job in dag.jobs if job.output}
    needed = [j for j in dag.jobs if j.output and (dag.needrun(j) or dag.finished(j))]
    return Graph(
        jobs=[*known.values()],
        needed=[replace(known[id(job)], wanted=jobs.wanted(job)) for job in needed],
        # A complete checkpoint leaves the graph when the steps that it decides on are known.
        decided=set(map(str, dag.workflow.checkpoints.created_output)),
        variables=sorted(dag.workflow.envvars),
    )
