"""Run one step in this terminal, with its inputs (`make debug STEP=fit`)."""

from labflake.commands.redo import step_named
from labflake.errors import LabError
from labflake.processes.alone import alone
from labflake.project.experiments import current
from labflake.steps import debugging, graph


def main(argv: list[str]) -> int:
    """Run the step that STEP names, where `breakpoint()` and print work; store nothing.

    Raises:
        LabError: there is no such step, or several.
    """
    experiment = current()
    nodes = graph.read(experiment)
    wanted = graph.named(nodes, step_named("debug"))
    if len(wanted) > 1:
        some = ", ".join(wanted[:5])
        raise LabError(f"one step at a time, please\n  STEP can be: {some}")
    with alone(experiment):
        return 1 if debugging.run(experiment, nodes[wanted[0]].step) else 0
