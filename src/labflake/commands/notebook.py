"""Makes the executed notebook of a report: `python -m labflake notebook`."""

import os
from pathlib import Path

from labflake.content.contents import Contents
from labflake.documents import run_documents
from labflake.documents.document import checked
from labflake.documents.making import notebook_path
from labflake.errors import LabError
from labflake.processes import again, processes
from labflake.processes.alone import alone
from labflake.project.experiments import Experiment, current, relative


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
