"""Run a step again, with all that follows, whatever the cache holds (`make redo STEP=fit`)."""

from labflake.commands import build
from labflake.errors import LabError
from labflake.project.experiments import current
from labflake.project.options import flag, option
from labflake.steps import graph


def main(argv: list[str]) -> int:
    """Run the step named by STEP again and what follows from it; ONLY=1 leaves the rest."""
    experiment = current()
    nodes = graph.read(experiment)
    wanted = graph.named(nodes, step_named("redo"))
    if flag("ONLY"):
        outputs = [p for n in wanted for p in nodes[n].step.outputs]
        return build.run(experiment, outputs, frozenset(wanted))
    return build.run(experiment, [], frozenset([*wanted, *graph.followers(nodes, wanted)]))


def step_named(command: str) -> str:
    """Return the name that STEP holds.

    Raises:
        LabError: STEP is not set.
    """
    name = option("STEP").strip()
    if not name:
        raise LabError(f"which step?\n  example: make {command} STEP=fit   their names: make plan")
    return name
