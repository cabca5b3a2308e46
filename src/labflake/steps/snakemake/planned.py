"""The plan: an executor that runs nothing, and goes on where a checkpoint's result can be read."""

from collections.abc import Callable
from dataclasses import dataclass, field

from snakemake_interface_scheduler_plugins.base import SchedulerBase

from labflake.project.experiments import Experiment
from labflake.steps import names
from labflake.steps.snakemake import executor

_BROUGHT = "brought_by_labflake"


@dataclass
class Plan:
    """What is to be found out.

    Attributes:
        decided: gets the graph, and returns the names of the steps among those that decide on
            others whose results can be read.
        awaited: these names.
    """

    decided: Callable[[object], list[str]]
    awaited: set[str] = field(default_factory=set)

    def ask(self, dag) -> None:
        """Find what more can be read, unless Snakemake has not taken in yet what it was told.

        Raises:
            executor.EnoughError: nothing more can be.
        """
        if self.leading(dag):
            return
        self.awaited = set(self.decided(dag))
        if not self.awaited:
            raise executor.EnoughError

    def leading(self, dag) -> set:
        """Return the jobs that are awaited, with all that leads to them."""
        waiting = [job for job in dag.jobs if _name(job) in self.awaited and not dag.finished(job)]
        found: set = set()
        while waiting:
            job = waiting.pop()
            if job not in found:
                found.add(job)
                waiting += dag.dependencies[job]
        return found


class Executor(executor.Silent):
    """Says of each job that it is done."""

    shared: Plan

    def __init__(self, workflow, logger) -> None:
        super().__init__(workflow, logger)
        self.shared.ask(self.dag)

    def shutdown(self) -> None:
        """Look once more at what is there when nothing is left to do."""
        self.shared.ask(self.dag)


class Scheduler(SchedulerBase):
    """Chooses what leads to a result that can be read."""

    shared: Plan

    def select_jobs(self, selectable_jobs, remaining_jobs, available_resources, input_sizes):
        """Return the jobs among these that lead to it."""
        self.shared.ask(self.dag)
        leading = self.shared.leading(self.dag)
        return [job for job in selectable_jobs if job in leading]


def jobs(dag) -> list:
    """Return the jobs with outputs, each after all that it needs."""
    levels = [sorted(level, key=str) for level in dag.toposorted()]
    return [job for level in levels for job in level if job.output and job.rule.name != _BROUGHT]


def _name(job) -> str:
    return names.of(job.rule.name, job.wildcards)


def add_brought(workflow, experiment: Experiment, brought: Callable[[str], bool]) -> None:
    """Add a rule for the data that are not there, and that a build brings before all steps."""
    asked = {str(file) for rule in workflow.rules for file in rule.input}
    outputs = [output for rule in workflow.rules for output in rule.output]
    paths = sorted(path for path in asked if brought(path))
    own = [p for p in paths if not any(output.match(p) for output in outputs)]
    if not own:
        return
    quoted = ", ".join(repr(path.replace("{", "{{").replace("}", "}}")) for path in own)
    file = experiment.state / f"{_BROUGHT}.smk"
    file.parent.mkdir(parents=True, exist_ok=True)
    text = f"rule {_BROUGHT}:\n    output: {quoted}\n    shell: 'false'\n"
    file.write_text(text, encoding="utf-8")
    try:
        workflow.include(file)
    finally:
        file.unlink()
