"""Runs inside a step whose rule says `run:`: reads the Snakefile, and runs the block."""

import pickle
import sys
from pathlib import Path

from labflake.errors import LabError
from labflake.processes import scripted
from labflake.project.experiments import find
from labflake.project.settings import overrides
from labflake.steps.limits import Limits
from labflake.steps.snakemake import adjusted

_LIMITS = Limits(jobs=1, memory=None, gpus=None)


def run(file: str) -> None:
    """Run the block that a file describes, in the generated folder of its experiment."""
    adjusted.load()
    from labflake.steps.snakemake import blocks, faults, opened

    name, rule, given = pickle.loads(bytes.fromhex(Path(file).read_text(encoding="utf-8")))
    experiment = find(name)
    request = opened.Request(experiment, _LIMITS, overrides(experiment))
    with opened.Snakefile(request) as snakefile:
        workflow = snakefile.workflow
        function = workflow.get_rule(rule).run_func
        scripted.watch()  # what the Snakefile reads decides by its values
        try:
            function(**blocks.arguments(function, given))
        except Exception as error:
            print(faults.traced(workflow, error), end="", file=sys.stderr)
            sys.exit(faults.explain(experiment, workflow, error))


if __name__ == "__main__":
    try:
        run(sys.argv[1])
    except LabError as error:
        sys.exit(f"error: {error}")
