"""Makes the executed notebook of a report: `python -m lab notebook`."""

from pathlib import Path

from lab.errors import LabError
from lab.experiments import Experiment, current, relative


def main(argv: list[str]) -> int:
    """Execute the documents named, or the report of the current experiment; print the notebooks."""
    named = [Path(name).absolute() for name in argv]
    for path in named or [_report(current())]:
        print(relative(make(path)))
    return 0


def make(path: Path) -> Path:
    """Execute a document and return its notebook, the same bytes for the same content.

    Raises:
        LabError: a cell or an expression failed.
    """
    from lab.documents.executing import execute, notebook_path
    from lab.documents.source import read

    source, experiment = read(path), Experiment(path.parent.name)
    execute(source, experiment)
    return notebook_path(source, experiment)


def _report(experiment: Experiment) -> Path:
    path = experiment.scripts / "report.md"
    if not path.exists():
        raise LabError(f"{relative(path)} does not exist")
    return path
