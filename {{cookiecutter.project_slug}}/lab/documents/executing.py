"""From a document's source to one Markdown text in which everything is filled in."""

import shutil
from pathlib import Path

import nbformat

from lab.documents import checks, header, memory, provenance
from lab.documents.pandoc import Text
from lab.documents.problems import refuse
from lab.documents.results import Executed, nothing
from lab.documents.source import Source
from lab.experiments import Experiment


def notebook_path(source: Source, experiment: Experiment) -> Path:
    """Return where the executed notebook of a document is kept."""
    return experiment.generated / "assets" / source.path.stem / f"{source.path.stem}.ipynb"


def execute(source: Source, experiment: Experiment) -> tuple[Executed, nbformat.NotebookNode]:
    """Return the results of the cells and the notebook with them, which is also written.

    The cells run only if something changed on which their results depend.

    Raises:
        LabError: a cell or an expression failed; the notebook shows where.
    """
    header.check(source)
    checks.check(source, experiment)
    wanted = header.expressions(source)
    executed = memory.recall(source, wanted) if _has_code(source, wanted) else nothing(source)
    if executed is None:
        from lab.documents import cells

        executed = cells.execute(source, wanted)
        memory.remember(source, wanted, executed)
    from lab.documents.notebook import assemble

    notebook, path = assemble(source, executed), notebook_path(source, experiment)
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    refuse(source.path, executed.problems)
    checks.check_outputs(source, executed)
    return executed, notebook


def _has_code(source: Source, expressions: list[str]) -> bool:
    return bool(expressions) or any(c.kind == "code" or c.expressions for c in source.cells)


def text_of(
    source: Source, experiment: Experiment, outputs: list[Path], folder: Path
) -> tuple[Text, Executed]:
    """Return the text that pandoc reads; figures that cells drew are written to the folder.

    Raises:
        LabError: a cell or an expression failed.
    """
    from lab.documents.notebook import export

    executed, notebook = execute(source, experiment)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    markdown, lines = export(notebook, source, folder)
    metadata = header.metadata(source, executed.values[-1])
    metadata["origin"] = origin = provenance.provenance(experiment, outputs)
    if source.is_report:
        metadata["provenance"] = provenance.as_markdown(origin)
    places = [source.path.parent, experiment.generated, folder]
    return Text(source, markdown, lines, metadata, places), executed
