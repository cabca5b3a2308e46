"""Puts source and results together: the executed notebook."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from labflake.content import printed
from labflake.documents import prose
from labflake.documents.results import Executed
from labflake.documents.source import Cell, Source

Fill = Callable[[str, list[str]], str]
_SHOWN = {"none": ["remove-cell"], "output": ["remove-input"], "code": ["remove-output"], "all": []}
_RANDOM = re.compile(
    r"""\bid=["'][\w-]*?(T_[0-9a-f]{5}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32})\b"""
)  # names of elements that pandas, Plotly and Bokeh make up
_METADATA = {
    "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
    "language_info": {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"},
}


def assemble(source: Source, executed: Executed, fill: Fill = prose.fill) -> NotebookNode:
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
            cells.append(_cell("markdown", text))
        cells[-1].id = f"cell-{number}"
    made = {"nbformat": 4, "nbformat_minor": 5, "metadata": _METADATA, "cells": cells}
    return nbformat.from_dict(made)


def write(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook; its form is ours, so nobody has to look whether it is one."""
    path.write_text(nbformat.v4.writes(notebook) + "\n", encoding="utf-8")


def _cell(kind: str, text: str, **rest: Any) -> NotebookNode:
    return NotebookNode(cell_type=kind, source=text, metadata=NotebookNode(), **rest)


def _header(source: Source, executed: Executed):
    """Return the header as a raw cell, with the values of its inline expressions."""
    text = source.text[: prose.end_of_header(source.text)]
    found = prose.expressions(text)
    values = executed.values[-1] if executed.values else []
    for match, value in reversed([*zip(found, values, strict=False)]):
        text = text[: match.start()] + value + text[match.end() :]
    return _cell("raw", text, id="header")


def _code(cell: Cell, values: list[str], outputs: list[dict], fill: Fill):
    """Return a code cell whose metadata tell the template what to show and how."""
    node = _cell("code", cell.text, execution_count=None, outputs=[*map(_steady, outputs)])
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


def _steady(made: dict) -> NotebookNode:
    """Return an output without addresses in memory and without random ids of styled tables."""
    output: NotebookNode = nbformat.from_dict(made)
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
