"""Makes the executed notebook of a report: `python -m labflake notebook`."""

import os
from pathlib import Path

from labflake import again
from labflake.alone import alone
from labflake.document import checked, notebook_path
from labflake.errors import LabError
from labflake.experiments import Experiment, current, relative
from labflake.pipeline import processes, run_documents
from labflake.pipeline.contents import Contents


def main(argv: list[str]) -> int:
    """Execute the documents named, or the report of the current experiment; print the notebooks."""
    again.mend_packages(again.environment())
    for source in [checked(name) for name in argv] or [_report(current())]:
        experiment = Experiment(source.parent.name)
        os.makedirs(experiment.state, exist_ok=True)
        with alone(experiment), processes.kept(experiment.state) as running:
            contents = Contents(str(experiment.generated))
            run_documents.make(contents, [source], running, notebook=True)
        print(relative(notebook_path(source)))
    return 0


def _report(experiment: Experiment) -> Path:
    path = experiment.scripts / "report.md"
    if not path.exists():
        raise LabError(f"{relative(path)} does not exist")
    return path
