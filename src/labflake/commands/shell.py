"""Open a shell where programs run as in a step (`make shell`)."""

import os
import sys

from labflake.content.contents import Contents
from labflake.processes.determinism import of_step
from labflake.project.experiments import current
from labflake.steps import variables


def main(argv: list[str]) -> int:
    """Replace this process by a shell in the generated folder, with the variables of steps."""
    experiment = current()
    experiment.generated.mkdir(parents=True, exist_ok=True)
    names = variables.of_cells(experiment, Contents(str(experiment.generated)))
    own = {"MPLCONFIGDIR": str(experiment.state / "fonts"), "PS1": f"{experiment.name} \\$ "}
    own["PROMPT_COMMAND"] = "trap 'exit 0' EXIT"  # a command that failed in it is none of make's
    print("a shell where programs run as in a step; exit ends it")
    sys.stdout.flush()
    os.chdir(experiment.generated)
    os.execvpe("bash", ["bash", "--noprofile", "--norc"], of_step(names) | own)
