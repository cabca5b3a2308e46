"""The executor and the scheduler of ours, as plugins of Snakemake that live in this process.

Snakemake hands over all jobs that are ready. They take turns here (`labflake.steps.turns`), so a
job gets what it asks for or is refused, and never less without a word.

For Snakemake they run elsewhere, and their files are brought there and back by this executor. So it
does nothing to outputs itself: it would touch them, leave `.snakemake_timestamp` in folders, and
refuse an input from the future. Contents decide here, and what a step made stays as it was made.
"""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType
from typing import Any

from snakemake_interface_executor_plugins.executors.base import AbstractExecutor, SubmittedJobInfo
from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry
from snakemake_interface_executor_plugins.settings import CommonSettings
from snakemake_interface_scheduler_plugins.base import SchedulerBase
from snakemake_interface_scheduler_plugins.registry import SchedulerPluginRegistry

from labflake.steps.limits import Limits
from labflake.steps.turns import Asked, Turns

NAME = "labflake"
_LOCAL = "local"  # of jobs that Snakemake keeps here: those that only gather
_SETTINGS = CommonSettings(
    non_local_exec=True,
    implies_no_shared_fs=False,
    job_deploy_sources=False,
    can_transfer_local_files=True,
    pass_envvar_declarations_to_cmd=False,
    auto_deploy_default_storage_provider=False,
)


class EnoughError(Exception):
    """All is known that Snakemake is asked for: it need not order any job."""


@dataclass
class Build:
    """What the executor does with the jobs of one build, and what became of them.

    Attributes:
        limits: how much runs at once.
        keep_going: whether other jobs go on where one failed.
        force: whether all jobs are performed.
        differs: tells whether a job is not as it was.
        begin: called with the graph before the first job; tells whether jobs are to be ordered.
        more: called with it when a checkpoint has added to it, before what it added.
        ready: called in the main thread when the first jobs are there.
        perform: performs one job; raises what is wrong.
        needed: the jobs that are performed.
        asked: those of which it is known whether they are needed.
        failures: what was raised.
    """

    limits: Limits
    keep_going: bool
    force: bool
    differs: Callable[[object], bool]
    begin: Callable[[Any], bool]
    more: Callable
    ready: Callable[[], None]
    perform: Callable
    needed: set = field(default_factory=set)
    failures: list[BaseException] = field(default_factory=list)
    asked: set = field(default_factory=set)

    def choose(self, dag) -> None:
        """Add to what is needed: the jobs that differ, whatever dates say, and what follows.

        What they need is needed, too, where it is not there: a file that was marked `temp()`. What
        a checkpoint decides has new jobs in the place of known ones: they follow what still runs.
        """
        new = [job for job in dag.jobs if job not in self.asked and not dag.finished(job)]
        self.asked.update(new)
        waiting = new if self.force else [job for job in new if job.output and self.differs(job)]
        for job in self.needed.intersection(dag.jobs):
            waiting += [] if dag.finished(job) else dag.depending[job]
        while waiting:
            job = waiting.pop()
            if job in self.needed or dag.finished(job):
                continue
            self.needed.add(job)
            waiting += dag.depending[job]
            above = dag.dependencies[job].items()
            waiting += [maker for maker, files in above if not all(map(os.path.lexists, files))]


def register(
    executor: type[AbstractExecutor], scheduler: type[SchedulerBase], shared: object
) -> None:
    """Let Snakemake know an executor and a scheduler by their name.

    Args:
        executor: what runs jobs.
        scheduler: what chooses among them.
        shared: what both have as `shared`.
    """
    own = {"shared": shared}
    for name, kind in ((NAME, executor), (_LOCAL, _Gathering)):
        module = ModuleType(f"snakemake_executor_plugin_{name}")
        vars(module).update(Executor=type("Executor", (kind,), own), common_settings=_SETTINGS)
        ExecutorPluginRegistry().register_plugin(module.__name__, module)
    module = ModuleType(f"snakemake_scheduler_plugin_{NAME}")
    vars(module).update(Scheduler=type("Scheduler", (scheduler,), own))
    SchedulerPluginRegistry().register_plugin(module.__name__, module)


class Scheduler(SchedulerBase):
    """Chooses all jobs that are ready: the executor lets them take turns."""

    def select_jobs(self, selectable_jobs, remaining_jobs, available_resources, input_sizes):
        """Return all of them."""
        return [*selectable_jobs]


class Silent(AbstractExecutor):
    """An executor that says nothing of jobs: the steps do that."""

    shared: Any

    def run_job(self, job) -> None:
        """Do nothing, and say that it is done."""
        self.report_job_submission(SubmittedJobInfo(job))
        self.report_job_success(SubmittedJobInfo(job))

    def shutdown(self) -> None:
        """Do nothing more."""

    def cancel(self) -> None:
        """Do nothing: nothing runs."""

    def printjob(self, job) -> None:
        """Say nothing: the step says it when it is done."""

    def print_job_error(self, job_info, msg=None, **kwargs) -> None:
        """Say nothing: the step has said it."""

    def handle_job_success(self, job) -> None:
        """Do nothing more."""

    def handle_job_error(self, job) -> None:
        """Do nothing more."""


class _Gathering(Silent):
    """Has the jobs that Snakemake keeps on this machine: rules that only gather."""


class Executor(Silent):
    """Performs each job in a thread when it is its turn."""

    shared: Build

    def __init__(self, workflow, logger) -> None:
        super().__init__(workflow, logger)
        self.build = self.shared
        self._turns = Turns(self.build.limits)
        self._begun = False
        self._gone: dict[Any, list] = {}  # what of a job's inputs has to be made again, by whom
        self._bringing = threading.Lock()
        self.build.choose(self.dag)
        if not self.workflow.dag_settings.forceall:
            self._run_what_is_chosen()
        if not self.build.begin(self.dag):
            raise EnoughError

    def _run_what_is_chosen(self) -> None:
        """Let Snakemake run these jobs, as if all others were up to date; and all that come."""
        self.dag.forcerules = set(self.dag.rules)
        self.dag.omitforce = {*self.dag.jobs} - self.build.needed
        self.workflow.async_run(self.dag.update_needrun())
        self.dag.update_priority()
        self.dag.update_ready()

    def run_jobs(self, jobs) -> None:
        """Take the jobs that are ready; before, take in what a checkpoint has changed."""
        if not self._begun:
            self._begun = True
            self.build.ready()
        if not self.build.asked.issuperset(jobs):
            self.build.choose(self.dag)
            self.build.more(self.dag)
        self._bring_back(jobs)
        for job in jobs:
            self.run_job(job)

    def _bring_back(self, jobs) -> None:
        """Note what has to be made once more: inputs that are gone again, since they are `temp()`.

        When their jobs were ready, nobody knew of these here, which a checkpoint has added.
        """
        needed = self.build.needed
        self._gone |= {job: gone for job in jobs if job in needed and (gone := self._lacking(job))}
        again = {maker for job in jobs for maker in self._gone.get(job, ())}
        if again - needed:
            needed.update(again)
            self.build.more(self.dag)

    def _lacking(self, job) -> list:
        """Return the jobs that make what is not there of a job's inputs, in their order."""
        found: list = []
        for maker, files in self.dag.dependencies[job].items():
            if not all(map(os.path.lexists, files)):
                found += [*self._lacking(maker), maker]
        return [*dict.fromkeys(found)]

    def run_job(self, job) -> None:
        """Let a job run when it is its turn, if it is needed."""
        if not job.output or job not in self.build.needed:  # a rule that only gathers; as it was
            super().run_job(job)
            return
        self.report_job_submission(SubmittedJobInfo(job))
        self._turns.submit(_asked(job), partial(self._perform, job))

    def _perform(self, job) -> None:
        try:
            if gone := self._gone.get(job):
                with self._bringing:
                    for maker in gone:
                        self.build.perform(maker)
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

    def shutdown(self) -> None:
        """Wait for what runs."""
        self._turns.wait()

    def cancel(self) -> None:
        """Let nothing else begin, and wait for what runs."""
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
