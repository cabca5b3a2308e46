"""Snakemake in this process: it reads the Snakefile, orders the jobs and respects the limits.

Content decides elsewhere (`lab.pipeline.steps`) whether a job has anything to do. All that this project uses
of Snakemake's interior is in this file; `poetry.lock` pins the version that it fits.
"""

import io
import logging
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field

from lab.errors import LabError
from lab.experiments import Experiment, relative
from lab.pipeline.limits import Limits


@dataclass
class Request:
    """What one run of Snakemake shall do."""

    experiment: Experiment
    limits: Limits
    config: dict
    targets: list[str] = field(default_factory=list)
    force: bool = False
    keep_going: bool = False


@dataclass
class Graph:
    """The jobs of an experiment, each as (rule, inputs, outputs), in an order that respects them."""

    jobs: list[tuple[str, list[str], list[str]]]


def execute(request: Request, on_start) -> tuple[bool, Graph]:
    """Run what is needed; return whether all went well, and the jobs.

    Args:
        request: what to run.
        on_start: called with Snakemake's DAG before the first job starts.

    Raises:
        LabError: the Snakefile cannot be read, an input is missing, or a job asks for too much.
    """
    from snakemake import jobs
    from snakemake.exceptions import WorkflowError
    from snakemake.scheduling.greedy import SchedulerSettings as GreedySettings
    from snakemake.settings import types as settings

    # Snakemake deletes old outputs before a job runs; `lab.pipeline.steps` replaces them when the new ones
    # are complete, and leaves them where nothing changed.
    jobs.Job.remove_existing_output = _keep
    with _api(request) as (api, workflow):
        dag = workflow.dag(
            settings.DAGSettings(
                targets=frozenset(request.targets),
                forceall=request.force,
                rerun_triggers=frozenset({settings.RerunTrigger.MTIME}),
                max_checksum_file_size=0,
            )
        )
        inner = workflow._workflow
        inner._onstart = lambda log: on_start(inner.dag)
        try:
            dag.execute_workflow(
                executor="local",
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
                    scheduler="greedy", subsample=64, max_jobs_per_timespan=None
                ),
                scheduler_settings=GreedySettings(omit_prioritize_by_temp_and_input=True),
            )
            good = True
        except WorkflowError as error:
            if getattr(inner, "dag", None) is None or not _started(inner):
                raise LabError(_explain(request, error)) from None
            good = False
        return good, _graph(inner.dag)


def read(request: Request):
    """Return Snakemake's DAG of the experiment without running anything.

    Raises:
        LabError: as `execute`.
    """
    from snakemake.exceptions import WorkflowError
    from snakemake.settings import types as settings

    with _api(request) as (api, workflow):
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
            inner._build_dag()
        except WorkflowError as error:
            raise LabError(_explain(request, error)) from None
        return inner.dag


async def _keep(job) -> None:
    """Keep the outputs that are there."""


def _started(workflow) -> bool:
    return getattr(workflow, "scheduler", None) is not None


class _api:
    """Snakemake's interface with the Snakefile read, its own messages held back."""

    def __init__(self, request: Request) -> None:
        self.request = request

    def __enter__(self):
        from snakemake.api import SnakemakeApi
        from snakemake.settings import types as settings

        logging.getLogger("snakemake").setLevel(logging.CRITICAL + 1)
        request = self.request
        self.api = SnakemakeApi(
            settings.OutputSettings(
                quiet=frozenset({settings.Quietness.ALL}),
                enable_file_logging=False,
                keep_logger=True,
                skip_plugin_handlers=True,
            )
        )
        self.api.__enter__()
        configfile = request.experiment.scripts / "config.yaml"
        request.experiment.generated.mkdir(parents=True, exist_ok=True)
        try:
            workflow = self.api.workflow(
                resource_settings=settings.ResourceSettings(
                    cores=request.limits.jobs,
                    resources={"mem_mb": request.limits.memory, "gpu": request.limits.gpus},
                ),
                config_settings=settings.ConfigSettings(
                    configfiles=[configfile] if request.experiment.config() else [],
                    config=request.config,
                ),
                snakefile=request.experiment.scripts / "Snakefile",
                workdir=request.experiment.generated,
            )
            workflow._workflow  # reads nothing yet: errors of the Snakefile come with the DAG
        except BaseException:
            self.api.__exit__(None, None, None)
            raise
        return self.api, workflow

    def __exit__(self, *error) -> None:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            self.api.__exit__(None, None, None)


def _explain(request: Request, error: Exception) -> str:
    """Say what Snakemake found wrong, without its traceback."""
    cause = error.__cause__ or error
    while cause and not isinstance(cause, LabError):
        cause = cause.__cause__ or cause.__context__
    if cause:
        return str(cause)
    text = str(error).strip() or type(error).__name__
    place = relative(request.experiment.scripts / "Snakefile")
    line = getattr(error, "lineno", None)
    return f"{place}{f':{line}' if line else ''}: {text}"


def _graph(dag) -> Graph:
    jobs = [
        (job.rule.name, [str(f) for f in job.input], [str(f) for f in job.output])
        for job in dag.jobs
        if job.output
    ]
    return Graph(jobs)
