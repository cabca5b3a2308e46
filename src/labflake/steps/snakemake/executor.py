"""The executor and the scheduler of ours, as plugins of Snakemake that live in this process.

Snakemake hands over all jobs that are ready. They take turns here (`labflake.steps.turns`), so a
job gets what it asks for or is refused, and never less without a word.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType

from snakemake_interface_executor_plugins.executors.base import AbstractExecutor, SubmittedJobInfo
from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry
from snakemake_interface_executor_plugins.settings import CommonSettings
from snakemake_interface_scheduler_plugins.base import SchedulerBase
from snakemake_interface_scheduler_plugins.registry import SchedulerPluginRegistry

from labflake.steps.limits import Limits
from labflake.steps.turns import Asked, Turns

NAME = "labflake"
_SETTINGS = CommonSettings(
    non_local_exec=False,
    implies_no_shared_fs=False,
    job_deploy_sources=False,
    pass_envvar_declarations_to_cmd=False,
    auto_deploy_default_storage_provider=False,
)


@dataclass
class Build:
    """What the executor does with the jobs of one build, and what became of them.

    Attributes:
        limits: how much runs at once.
        keep_going: whether other jobs go on where one failed.
        begin: called with the graph before the first job.
        more: called with it when a checkpoint has added to it, before what it added.
        ready: called in the main thread when the first jobs are there.
        perform: performs one job; raises what is wrong.
        failures: what was raised.
    """

    limits: Limits
    keep_going: bool
    begin: Callable
    more: Callable
    ready: Callable[[], None]
    perform: Callable
    failures: list[BaseException] = field(default_factory=list)


def register(build: Build) -> None:
    """Let Snakemake know the executor of a build, and the scheduler, by their name."""
    executor = ModuleType(f"snakemake_executor_plugin_{NAME}")
    own = type("Executor", (_Executor,), {"build": build})
    vars(executor).update(Executor=own, common_settings=_SETTINGS)
    ExecutorPluginRegistry().register_plugin(executor.__name__, executor)
    scheduler = ModuleType(f"snakemake_scheduler_plugin_{NAME}")
    vars(scheduler).update(Scheduler=_Scheduler)
    SchedulerPluginRegistry().register_plugin(scheduler.__name__, scheduler)


class _Scheduler(SchedulerBase):
    """Chooses all jobs that are ready: the executor lets them take turns."""

    def select_jobs(self, selectable_jobs, remaining_jobs, available_resources, input_sizes):
        return [*selectable_jobs]


class _Executor(AbstractExecutor):
    """Performs each job in a thread when it is its turn."""

    build: Build

    def __init__(self, workflow, logger) -> None:
        super().__init__(workflow, logger)
        self._turns = Turns(self.build.limits)
        self._decided = self._count()
        self._begun = False
        self.build.begin(self.dag)

    def _count(self) -> int:
        """Return how many outputs checkpoints have made: then the graph is another one."""
        return len(self.workflow.checkpoints.created_output)

    def run_jobs(self, jobs) -> None:
        if not self._begun:
            self._begun = True
            self.build.ready()
        if self._decided != self._count():
            self._decided = self._count()
            self.build.more(self.dag)
        for job in jobs:
            self.run_job(job)

    def run_job(self, job) -> None:
        self.report_job_submission(SubmittedJobInfo(job))
        if job.output:
            self._turns.submit(_asked(job), partial(self._perform, job))
        else:  # a rule that only gathers
            self.report_job_success(SubmittedJobInfo(job))

    def _perform(self, job) -> None:
        try:
            self.build.perform(job)
        except BaseException as error:
            self._fail(job, error)
        else:
            self.report_job_success(SubmittedJobInfo(job))

    def _fail(self, job, error: BaseException) -> None:
        """Note what went wrong; at the last attempt nothing else starts, but to keep going."""
        self.build.failures.append(error)
        is_last = job.attempt > job.restart_times
        dropped = self._turns.drop() if is_last and not self.build.keep_going else []
        for each in [job, *(call.args[0] for call in dropped)]:
            self.report_job_error(SubmittedJobInfo(each))

    def printjob(self, job) -> None:
        """Say nothing: the step says it when it is done."""

    def print_job_error(self, job_info, msg=None, **kwargs) -> None:
        """Say nothing: the step has said it."""

    def handle_job_success(self, job) -> None:
        """Do nothing more."""

    def handle_job_error(self, job) -> None:
        """Do nothing more."""

    def shutdown(self) -> None:
        self._turns.wait()

    def cancel(self) -> None:
        self._turns.drop()
        self._turns.wait()


def _asked(job) -> Asked:
    resources = job.resources
    memory, gpus = (amount(resources, name) for name in ("mem_mb", "gpu"))
    return Asked(threads=job.threads, memory=memory, gpus=gpus, priority=job.priority)


def amount(resources, name: str) -> int:
    """Return a resource of a job; what is not known before its input is there counts as 0."""
    value = resources.get(name, 0)
    return value if isinstance(value, int) else 0
