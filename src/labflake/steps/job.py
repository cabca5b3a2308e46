"""The jobs of a Snakefile as all others see them, without Snakemake's objects."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Job:
    """A rule with its wildcards. Paths are relative to the generated folder."""

    rule: str
    name: str
    inputs: list[str]
    outputs: list[str]
    is_checkpoint: bool = False
    wanted: dict[str, int] = field(default_factory=dict)  # of resources that have limits


@dataclass(frozen=True)
class Graph:
    """The jobs of an experiment, and what decides on them.

    Attributes:
        jobs: those with outputs.
        needed: those among them that this build performs.
        decided: outputs of complete checkpoints; these have left the graph.
        variables: of the environment, that the Snakefile declares to use.
    """

    jobs: list[Job]
    needed: list[Job]
    decided: set[str]
    variables: list[str]

    def made(self) -> set[str]:
        """Return what jobs make, also those of complete checkpoints."""
        return self.decided.union(*(job.outputs for job in self.jobs))

    def firsts(self) -> list[str]:
        """Return the first output of each job, and those of complete checkpoints."""
        of_jobs = {path for job in self.jobs for path in job.outputs}
        return [*(job.outputs[0] for job in self.jobs), *sorted(self.decided - of_jobs)]

    def deciding(self) -> list[str]:
        """Return the outputs on which further jobs depend."""
        own = [path for job in self.jobs if job.is_checkpoint for path in job.outputs]
        return [*own, *sorted(self.decided)]
