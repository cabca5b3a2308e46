"""Makes reports and presentations of their Markdown sources: `python -m labflake document PATH`."""

import os
from pathlib import Path

from labflake.content.contents import Contents
from labflake.documents.making import Built, Making
from labflake.errors import LabError
from labflake.project.experiments import Experiment, relative, root


def main(argv: list[str]) -> int:
    """Build each document that is named, with its experiment locked."""
    from labflake.documents import run_documents
    from labflake.processes import processes
    from labflake.processes.alone import alone

    if not argv:
        raise LabError(
            "which document?\n  python -m labflake document scripts/<experiment>/report.md"
        )
    for source in map(checked, argv):
        experiment = Experiment(source.parent.name)
        os.makedirs(experiment.state, exist_ok=True)
        with alone(experiment), processes.kept(experiment.state) as running:
            contents = Contents(str(experiment.generated))
            run_documents.make(contents, [source], running)
            contents.save()
    return 0


def build(source: Path, notebook: bool = False) -> Built:
    """Build a document in this process: `report.md` a report, anything else a presentation.

    Raises:
        LabError: the document is not right; each line begins with `scripts/…/report.md:LINE:`.
            No output of an earlier build is left then.
    """
    from labflake.documents.building import fulfil

    source = checked(source)
    contents = Contents(str(Experiment(source.parent.name).generated))
    making = Making(contents, source, notebook, alone=True)
    return making.finish(fulfil(making.order))


def checked(name: str | Path) -> Path:
    """Return the whole path of a document.

    Raises:
        LabError: there is no such document, or it is not in a folder of an experiment.
    """
    source = Path(os.path.abspath(name))
    if not source.is_file():
        raise LabError(f"there is no document {relative(source)}")
    if source.parent.parent != root() / "scripts":
        raise LabError(f"{relative(source)} is not in a folder of scripts/")
    return source
