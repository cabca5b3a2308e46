"""Puts source and results together: the executed notebook, and one Markdown text made from it."""

import re
from collections.abc import Callable
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter
from traitlets.config import Config

from labflake.content import printed
from labflake.documents import prose
from labflake.documents.outputs import Outputs
from labflake.documents.problems import refuse
from labflake.documents.results import Executed
from labflake.documents.source import Cell, Source

Fill = Callable[[str, list[str]], str]
_HERE = Path(__file__).parent
_SHOWN = {"none": ["remove-cell"], "output": ["remove-input"], "code": ["remove-output"], "all": []}
_KINDS = ("text/markdown", "text/html", "text/latex", "text/plain")
_HIDDEN = {"remove-cell", "remove-output"}
_RANDOM = re.compile(
    r"""\bid=["'][\w-]*?(T_[0-9a-f]{5}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32})\b"""
)  # names of elements that pandas, Plotly and Bokeh make up
_METADATA = {
    "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
    "language_info": {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"},
}


def assemble(source: Source, executed: Executed, fill: Fill = prose.fill) -> nbformat.NotebookNode:
    """Return the notebook of a document with all outputs and with the numbers in its text.

    Args:
        source: the document.
        executed: what its cells and expressions gave.
        fill: puts values into a Markdown text.
    """
    outputs = iter(executed.outputs)
    cells = [_header(source, executed)]
    for number, (cell, values) in enumerate(zip(source.cells, executed.values[:-1], strict=True)):
        if cell.kind == "code":
            cells.append(_code(cell, values, next(outputs), fill))
        else:
            known = len(values) == len(cell.expressions)  # not so after a cell that failed
            text = fill(cell.text, values) if known else cell.text
            cells.append(nbformat.v4.new_markdown_cell(text))
        cells[-1].id = f"cell-{number}"
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=_METADATA)
    notebook.nbformat_minor = 5
    return notebook


def _header(source: Source, executed: Executed):
    """Return the header as a raw cell, with the values of its inline expressions."""
    text = source.text[: prose.end_of_header(source.text)]
    found = prose.expressions(text)
    values = executed.values[-1] if executed.values else []
    for match, value in reversed([*zip(found, values, strict=False)]):
        text = text[: match.start()] + value + text[match.end() :]
    return nbformat.v4.new_raw_cell(text, id="header")


def _code(cell: Cell, values: list[str], outputs: list[dict], fill: Fill):
    """Return a code cell whose metadata tell the template what to show and how."""
    node = nbformat.v4.new_code_cell(cell.text, outputs=[*map(_steady, outputs)])
    node.metadata = {k: v for k, v in cell.options.items() if k != "show"}
    if "caption" in node.metadata and len(values) == len(cell.expressions):
        node.metadata["caption"] = fill(node.metadata["caption"], values)
    named = "caption" in node.metadata or "label" in node.metadata
    node.metadata["listing"] = cell.is_listing
    if cell.language != "python":
        node.metadata["language"] = cell.language
    node.metadata["captioned"] = named and not node.metadata["listing"]
    default = "code" if node.metadata["listing"] else "output"
    node.metadata["tags"] = _SHOWN[cell.options.get("show", default)]
    return node


def _steady(made: dict) -> nbformat.NotebookNode:
    """Return an output without addresses in memory and without random ids of styled tables."""
    output: nbformat.NotebookNode = nbformat.from_dict(made)
    output.pop("execution_count", None)
    if output.output_type == "execute_result":
        output["execution_count"] = None
    if "text" in output:
        output.text = printed.characters(_without_addresses(output.text))
    data = output.get("data", {})
    for kind in [kind for kind in data if kind.startswith("text/")]:
        data[kind] = printed.characters(data[kind])
    if "text/plain" in data:
        data["text/plain"] = _without_addresses(data["text/plain"])
    if "text/html" in data:
        for number, found in enumerate(dict.fromkeys(_RANDOM.findall(data["text/html"]))):
            data["text/html"] = data["text/html"].replace(found, f"T_{number}")
    return output


def _without_addresses(text: str) -> str:
    return re.sub(r"\bat 0x[0-9a-f]{6,}\b", "at 0x…", text)


def export(notebook: nbformat.NotebookNode, source: Source, folder: Path) -> tuple[str, list[int]]:
    """Return the Markdown that pandoc reads, and the line of the source for each of its lines.

    Figures that cells drew are written to the folder.

    Raises:
        LabError: an output cannot be shown, with the line of its cell.
    """
    shown = nbformat.from_dict(notebook)
    shown.cells = [c for c in shown.cells if c.cell_type != "raw"]
    outputs = Outputs(folder)
    for cell, node in zip(source.cells, shown.cells, strict=True):
        if node.cell_type == "markdown":
            node.source = prose.braced(node.source)
        elif not _HIDDEN & {*node.metadata.get("tags", ())}:
            outputs.prepare(cell, node)
    refuse(source.path, outputs.problems)
    config = Config({"TagRemovePreprocessor": _removal(), "NbConvertBase": {}})
    config.MarkdownExporter.preprocessors = ["nbconvert.preprocessors.TagRemovePreprocessor"]
    config.NbConvertBase.display_data_priority = [*_KINDS]
    templates = {"template_name": "document", "extra_template_basedirs": [str(_HERE / "nbconvert")]}
    exporter = MarkdownExporter(config=config, **templates)
    exporter.register_filter("fenced", _fenced)
    exporter.register_filter("tamed", printed.tamed)
    exporter.register_filter("without_options", lambda s: re.sub(r"\A(?:#\|.*\n?)+", "", s))
    names = {"output_files_dir": "", "unique_key": "figure"}
    body, _ = exporter.from_notebook_node(shown, resources=names)
    return _number_lines(body, source)


def _fenced(text: str, attributes: str) -> str:
    """Return a block of code that ends where the text does, whatever stands in it."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(7, longest + 1)
    return f"{fence} {attributes}\n{text}\n{fence}"


def _removal() -> dict:
    tags = {"cell": "remove-cell", "input": "remove-input", "all_outputs": "remove-output"}
    names = {f"remove_{k}_tags": {tag} for k, tag in tags.items() if k != "all_outputs"}
    return {"enabled": True, **names, "remove_all_outputs_tags": {tags["all_outputs"]}}


def _number_lines(body: str, source: Source) -> tuple[str, list[int]]:
    """Take the cell marks out of the text, and find the line of the source for each line."""
    kept, lines = [], []
    cell, offset = source.cells[0] if source.cells else None, -1
    for text in body.splitlines():
        mark = re.fullmatch("\x01cell-(\\d+)", text)
        if mark:
            cell, offset = source.cells[int(mark[1])], -1
            continue
        prose_line = cell is not None and cell.kind == "markdown"
        if prose_line and (text.strip() or offset >= 0):
            offset += 1
        kept.append(text)
        lines.append((cell.line if cell else 1) + max(offset, 0))
    return "\n".join(kept) + "\n", lines
