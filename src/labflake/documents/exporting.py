"""One Markdown text of a notebook, which pandoc reads; each line knows its line of the source."""

import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from labflake.content import printed
from labflake.documents import prose
from labflake.documents.outputs import Outputs
from labflake.documents.problems import refuse
from labflake.documents.source import Cell, Source, without_options


def export(notebook: NotebookNode, source: Source, folder: Path) -> tuple[str, list[int]]:
    """Return the Markdown, and the line of the source for each of its lines.

    Figures that cells drew are written to the folder.

    Raises:
        LabError: an output cannot be shown, with the line of its cell.
    """
    outputs = Outputs(folder)
    text: list[str] = []
    lines: list[int] = []
    nodes = nbformat.from_dict(notebook).cells[1:]  # the first is the header
    for cell, node in zip(source.cells, nodes, strict=True):
        is_prose = node.cell_type == "markdown"
        shown = prose.braced(node.source).lstrip("\n") if is_prose else _code(cell, node, outputs)
        found = ["", *shown.splitlines(), ""]
        text += found
        lines += [cell.line + max(n - 1, 0) * is_prose for n in range(len(found))]
    refuse(source.path, outputs.problems)
    return "\n".join(text) + "\n", lines


def _code(cell: Cell, node: NotebookNode, outputs: Outputs) -> str:
    """Return what is shown of a code cell: its code, its outputs, or both."""
    tags = node.metadata.get("tags", ())
    if "remove-cell" in tags:
        return ""
    parts = [] if "remove-input" in tags else [_input(node)]
    if "remove-output" not in tags:
        outputs.prepare(cell, node)
        parts += [_outputs(node)] if node.outputs and not outputs.problems else []
    return "\n\n".join(parts)


def _input(node: NotebookNode) -> str:
    """Return the code, as a listing if it is one."""
    language = node.metadata.get("language") or "python"
    name = f' filename="{_quoted(node.metadata.filename)}"' if node.metadata.get("filename") else ""
    code = fenced(without_options(node.source), f"{{.{language}{name}}}")
    if not node.metadata.listing:
        return code
    return _division(f".listing{_attributes(node)}", _caption(node), code)


def _outputs(node: NotebookNode) -> str:
    """Return the outputs, in what gives them a caption, columns or a size."""
    shown, given = "\n\n".join(map(_output, node.outputs)), node.metadata
    if columns := given.get("layout-ncol"):
        caption = given.get("caption", "")
        return _division(f'{_attributes(node)} layout-ncol="{columns}"', shown, caption)
    if given.captioned:
        return _division(f".captioned{_attributes(node)}", _caption(node), shown)
    if given.get("alt") or given.get("width"):
        return _division(f".drawn{_attributes(node)}", shown)
    return shown


def _output(output: NotebookNode) -> str:
    """Return an output in the one form that is left of it."""
    if output.output_type == "stream":
        return fenced(printed.tamed(output.text).strip("\n"), f"{{.output .{output.name}}}")
    ((kind, text),) = output.data.items()
    if kind == "text/plain":
        return fenced(printed.tamed(text).strip("\n"), "{.output}")
    return fenced(f"<!--output-->{text}", "{=html}") if kind == "text/html" else text


def _caption(node: NotebookNode) -> str:
    return f"::: {{.caption}}\n{node.metadata.get('caption', '')}\n:::"


def _attributes(node: NotebookNode) -> str:
    """Return the label, the description and the width of what a cell shows."""
    given = node.metadata
    name = f" #{given.label}" if given.get("label") else ""
    others = {key: _quoted(given[key]) for key in ("alt", "width") if given.get(key)}
    return name + "".join(f' {key}="{value}"' for key, value in others.items())


def _quoted(text: str) -> str:
    return text.replace('"', '\\"')


def _division(attributes: str, *parts: str) -> str:
    inside = "\n\n".join(parts)
    return f":::: {{{attributes}}}\n{inside}\n\n::::"


def fenced(text: str, attributes: str) -> str:
    """Return a block of code that ends where the text does, whatever stands in it."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(7, longest + 1)
    return f"{fence} {attributes}\n{text}\n{fence}"
