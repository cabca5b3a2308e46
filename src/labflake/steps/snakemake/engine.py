"""Snakemake in this process: it reads the Snakefile, and hands over the jobs that are ready.

Content decides elsewhere (`labflake.steps.steps`) whether a job has anything to do.
"""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from labflake.steps import beside, steps
from labflake.steps.job import Graph
from labflake.steps.recorded import Due
from labflake.steps.snakemake import adjusted, faults, language, missing
from labflake.steps.snakemake.opened import Request, Snakefile, refuse_what_is_beside
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
    return _with_files_beside(request, lambda: _execute(request, on_start, on_more, on_ready))


def _execute(
    request: Request,
    on_start: Callable[[Graph], None],
    on_more: Callable[[Graph], None],
    on_ready: Callable[[], None],
) -> tuple[bool, Graph]:
    adjusted.load()
    from snakemake.settings import types as settings

    from labflake.steps.snakemake import executor, jobs

    told: Due | None = None
    graph: Graph | None = None

    def begin(dag) -> bool:
        nonlocal told, graph
        missing.refuse_given(request, dag)
        missing.check_targets(request, dag)
        refuse_what_is_beside(request.experiment)
        language.check_jobs(dag.jobs)  # also what functions say, which only a job asks
        graph = _graph(dag, build.needed)
        on_start(graph)
        told = jobs.told(dag, build.needed) if request.carry_out else None
        return told is None

    def more(dag) -> None:
        missing.refuse_given(request, dag)
        language.check_jobs(dag.jobs)
        on_more(_graph(dag, build.needed))

    commands: dict = {}

    def perform(job) -> None:
        step = jobs.step_to_run(job, commands)
        request.perform(step, jobs.is_told(job, step))

    build = executor.Build(
        limits=request.limits,
        keep_going=request.keep_going,
        force=request.force,
        differs=lambda job: request.differs(jobs.job_of(job)),
        begin=begin,
        more=more,
        ready=on_ready,
        perform=perform,
    )
    executor.register(executor.Executor, executor.Scheduler, build)
    with Snakefile(request) as snakefile:
        inner = snakefile.workflow
        request.targets = missing.as_made(request.experiment, inner, request.targets)
        dag = snakefile.reader.dag(
            settings.DAGSettings(
                targets=frozenset(request.targets),
                # Else Snakemake would take what a checkpoint left as what it decides.
                forceall=request.force or any(rule.is_checkpoint for rule in inner.rules),
                rerun_triggers=frozenset({settings.RerunTrigger.MTIME}),
                max_checksum_file_size=0,
                max_inventory_wait_time=0,  # it would stumble over a file where a folder is to be
            )
        )
        try:
            _hand_over(dag, keep_going=request.keep_going)
            good = True
        except executor.EnoughError:
            good = True
        except missing.GivenError:
            raise
        except Exception as error:
            if not _started(inner) or faults.own(error):
                raise faults.as_ours(request.experiment, inner, error) from None
            good = False
            faults.say_of_jobs(request.experiment, inner, build.failures or [error])
        missing.check_targets(request, inner.dag)
        if not (graph and told):
            return good, _graph(inner.dag, set())
    assert request.carry_out
    return request.carry_out(told), graph


def _hand_over(dag, **options: bool) -> None:
    """Let Snakemake read the graph, and hand over the jobs."""
    from snakemake.settings import types as settings

    from labflake.steps.snakemake.executor import NAME

    dag.execute_workflow(
        executor=NAME,
        execution_settings=settings.ExecutionSettings(
            lock=False,
            ignore_incomplete=True,
            keep_metadata=False,
            keep_incomplete=True,
            latency_wait=0,
            retries=0,
            **options,
        ),
        scheduling_settings=settings.SchedulingSettings(
            scheduler=NAME, subsample=None, max_jobs_per_timespan=None
        ),
    )


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
    return _with_files_beside(request, lambda: _read(request, brought, complete))


def _read(
    request: Request,
    brought: Callable[[str], bool],
    complete: Callable[[list[Step]], list[str]],
) -> list[list[Step]]:
    adjusted.load()
    from snakemake.settings import types as settings

    from labflake.steps.snakemake import executor, planned

    states: list[list[Step]] = []

    def decided(dag) -> list[str]:
        missing.refuse_given(request, dag)
        language.check_jobs(dag.jobs)
        states.append([_described(job) for job in planned.jobs(dag)])
        return complete(states[-1])

    executor.register(planned.Executor, planned.Scheduler, planned.Plan(decided))
    with Snakefile(request, is_build=False) as snakefile, _signals_kept():
        dag = snakefile.reader.dag(
            settings.DAGSettings(
                targets=frozenset(request.targets),
                forceall=True,
                rerun_triggers=frozenset({settings.RerunTrigger.MTIME}),
            )
        )
        try:
            planned.add_brought(snakefile.workflow, request.experiment, brought)
            _hand_over(dag, no_hooks=True)
        except executor.EnoughError:
            pass
        except missing.GivenError:
            raise
        except Exception as error:
            raise faults.as_ours(request.experiment, snakefile.workflow, error) from None
        return states


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Undo what Snakemake does to a signal when it begins to order jobs."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _described(job) -> Step:
    from labflake.steps.snakemake import jobs

    return steps.named(jobs.step_of(job))


def _started(workflow) -> bool:
    return getattr(workflow, "scheduler", None) is not None


def _with_files_beside(request: Request, read: Callable[[], _Result]) -> _Result:
    """Return what `read` does; where files are missing that are beside the Snakefile, again."""
    while True:
        try:
            return read()
        except beside.MissingError as error:
            if not beside.bring(request.experiment, error.files):
                raise
        except missing.GivenError as error:
            alone = replace(request, targets=[error.path], given={error.path})
            _read(alone, lambda path: False, lambda known: [])  # Snakemake says what it lacks
            request.given.add(error.path)


def _graph(dag, needed: set) -> Graph:
    from labflake.steps.snakemake import jobs

    known = {id(job): jobs.job_of(job) for job in dag.jobs if job.output}
    return Graph(
        jobs=[*known.values()],
        needed=[
            replace(known[id(job)], wanted=jobs.wanted(job))
            for job in dag.jobs
            if job.output and job in needed
        ],
        # A complete checkpoint leaves the graph when the steps that it decides on are known.
        decided=set(map(str, dag.workflow.checkpoints.created_output)),
        variables=sorted(dag.workflow.envvars),
    )
