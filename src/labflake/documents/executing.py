"""From a document's source to one Markdown text in which everything is filled in."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import nbformat

from labflake.documents import checks, header, inline, memory, provenance, software
from labflake.documents.pandoc import Text
from labflake.documents.problems import Problem, refuse
from labflake.documents.results import Executed, nothing
from labflake.documents.source import Source
from labflake.programs import pins
from labflake.project.experiments import Experiment
from labflake.project.settings import as_words, overrides

if TYPE_CHECKING:
    from labflake.documents.building import Order


class Cells(NamedTuple):
    """The results of the cells, the notebook with them, and what to remember of them."""

    executed: Executed
    notebook: nbformat.NotebookNode
    memory: dict | None


def execute(source: Source, experiment: Experiment, order: "Order") -> Cells:
    """Return the results of the cells; the notebook with them is also written.

    The cells run only if something changed on which their results depend.

    Raises:
        LabError: a cell or an expression failed; the notebook shows where.
    """
    header.check(source)
    checks.check(source, experiment)
    wanted = header.expressions(source)
    executed, saved = _results(source, wanted, order)
    from labflake.documents.notebook import assemble, write

    notebook = assemble(source, executed)
    write(notebook, Path(order.folder, f"{source.path.stem}.ipynb"))
    refuse(source.path, [*executed.problems, *_settings_by_hand(source, executed)])
    checks.check_outputs(source, executed)
    checks.check_values(source, executed)
    return Cells(executed, notebook, saved)


def _results(source: Source, wanted: list[str], order: "Order") -> tuple[Executed, dict | None]:
    """Return what the cells give, and what to remember of it."""
    saved = order.remembered
    if not wanted and not any(c.kind == "code" or c.expressions for c in source.cells):
        return nothing(source), None
    executed = memory.recall(saved, source, wanted)
    if executed:
        return executed, saved
    from labflake.documents import cells

    executed = cells.execute(source, wanted, order.variables, order.around)
    return executed, memory.worth_keeping(source, wanted, executed)


def _settings_by_hand(source: Source, executed: Executed) -> list[Problem]:
    """Return the problem that cells read `config.yaml`, where other settings count."""
    if not executed.notes.get("settings_by_hand") or not overrides():
        return []
    what = f"config.yaml is read here, but {as_words(overrides())} is not in it"
    advice = "take settings from the equipment:  from labflake import config"
    return [Problem(source.line("config.yaml"), f"{what}\n    {advice}")]


def text_of(
    source: Source, experiment: Experiment, order: "Order", folder: Path
) -> tuple[Text, Cells]:
    """Return the text that pandoc reads; figures that cells drew are written to the folder.

    Raises:
        LabError: a cell or an expression failed.
    """
    from labflake.documents.exporting import export
    from labflake.documents.notebook import assemble

    cells = execute(source, experiment, order)
    folder.mkdir(parents=True)
    marks = inline.Marks()
    marked = assemble(source, cells.executed, marks.fill)
    markdown, lines = export(marked, source, folder)
    metadata = header.metadata(source, cells.executed.values[-1], marks)
    outputs = [Path(path) for path in order.outputs]
    steps = pins.asked_in(order.packages) if order.packages else pins.Asked()
    packages = pins.of(steps | software.asked(experiment, cells.executed.notes))
    metadata["origin"] = origin = provenance.provenance(experiment, outputs, packages)
    if source.is_report:
        metadata["provenance"] = provenance.as_markdown(
            origin, f"{source.path.stem}.provenance.json"
        )
    places = [source.path.parent, experiment.generated, folder]
    return Text(source, markdown, lines, metadata, places, marks), cells
