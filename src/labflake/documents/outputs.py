"""Decides how each output of a cell is shown in the page and in the PDF, or why it cannot be.

An output comes in several forms. The first one that both can show is in both; of a figure that
moves the PDF has a picture. Where only a name such as `<IPython… object>` is left, the build stops.
"""

import json
import re
from pathlib import Path
from typing import Any

import nbformat

from labflake.content import printed
from labflake.documents import interactive, markup
from labflake.documents.problems import Problem
from labflake.documents.source import Cell

PICTURES = {"image/svg+xml": "svg", "image/png": "png", "image/jpeg": "jpg", "image/gif": "gif"}
_SHOWN = ("text/markdown", "text/html", "text/latex", *PICTURES, "application/json", "text/plain")
_BROUGHT = "bokehjs_load"  # the library that its figures need: the page has it
# What drawing returns: names of parts of the figure beside it.
_PARTS = re.compile(
    r"(?:array\()?\[*<(?:matplotlib\.|seaborn\.|Axes|Figure|\w+Container)|\[?Text\("
)


class Outputs:
    """The outputs of a document, on their way to the text that pandoc reads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[Problem] = []
        self._written = 0

    def prepare(self, cell: Cell, node: nbformat.NotebookNode) -> None:
        """Leave of each output of a cell the form that is shown; note what cannot be."""
        static = cell.options.get("static", "")
        shown = []
        for output in node.outputs:
            data = output.get("data")
            unwanted = output.get("name") == "stderr" and cell.options.get("warning") == "false"
            unwanted = unwanted or _only_names_parts(output, node)
            if unwanted or (data is not None and any(_BROUGHT in kind for kind in data)):
                continue
            if data is not None:
                try:
                    width = next((m["width"] for m in _metadata(output) if "width" in m), None)
                    output["data"], static = self._form(dict(data), static, width)
                except interactive.UnshownError as error:
                    self.problems.append(Problem(cell.line, str(error)))
            shown.append(output)
        node.outputs = shown
        if static and static == cell.options.get("static"):
            self.problems.append(Problem(cell.line, "static: is for a figure that moves"))

    def _form(self, data: dict[str, Any], static: str, width: Any) -> tuple[dict[str, Any], str]:
        """Return the form of an output that is shown, and the picture that is still to use."""
        if piece := interactive.piece(data):
            picture = static or self._picture(data, piece.name, piece.advice)
            return {"text/markdown": self._pair(piece.html, picture)}, ""
        html = _text(data.get("text/html", ""))
        if html and "text/markdown" not in data and (unknown := markup.unknown_in(html)):
            interactive.refuse_network(html)
            picture = static or self._picture(data, f"<{unknown[0]}>", interactive.PICTURE)
            return {"text/markdown": self._pair(html, picture)}, ""
        kind = next((kind for kind in _SHOWN if kind in data), "")
        if kind in ("", "text/plain") and (rich := [k for k in data if k != "text/plain"]):
            raise interactive.UnshownError(_unshown(rich[0], _text(data.get("text/plain", ""))))
        if kind == "text/html":
            data[kind] = markup.translated(html, self._write)
        if kind in PICTURES:
            picture = self._picture(data, "", "")
            kind, data = "text/markdown", {"text/markdown": f"![]({picture}){_size(width)}"}
        if kind == "application/json":
            plain = json.dumps(data[kind], indent=2, ensure_ascii=False)
            kind, data = "text/plain", {"text/plain": plain}
        if kind in ("text/markdown", "text/latex"):
            data[kind] = printed.tamed(_text(data[kind]).replace("\r", "\n"))
        return {kind: data[kind]}, static

    def _pair(self, html: str, picture: str) -> str:
        """Return what the page shows, and the picture that the PDF does."""
        name = self._write(html.encode(), "html")
        return (
            f":::: {{.interactive}}\n```{{=html}}\n<!--file {name}-->\n```\n\n![]({picture})\n::::"
        )

    def _picture(self, data: dict[str, Any], name: str, advice: str) -> str:
        """Return the name of the picture that an output has beside other forms.

        Raises:
            UnshownError: it has none.
        """
        for kind, suffix in PICTURES.items():
            if kind in data:
                return self._write(_bytes(_text(data[kind]), suffix), suffix)
        raise interactive.UnshownError(
            f"the PDF cannot show {name}, which needs a browser\n    {advice}"
        )

    def _write(self, content: bytes, suffix: str) -> str:
        self._written += 1
        name = f"output-{self._written}.{suffix}"
        (self.folder / name).write_bytes(content)
        return name


def _only_names_parts(output: nbformat.NotebookNode, node: nbformat.NotebookNode) -> bool:
    """Tell whether an output is `<Axes: …>` or the like, and the figure itself is another one."""
    data = output.get("data") if output.output_type == "execute_result" else None
    if not data or set(data) != {"text/plain"} or not _PARTS.match(_text(data["text/plain"])):
        return False
    return any(kind in PICTURES for other in node.outputs for kind in other.get("data") or {})


def _metadata(output: nbformat.NotebookNode) -> list[dict]:
    return [each for each in output.get("metadata", {}).values() if isinstance(each, dict)]


def _size(width: Any) -> str:
    """Return the width of a picture, which was given in pixels of a screen."""
    return f"{{width={width * 0.75:g}pt}}" if isinstance(width, int | float) else ""


def _bytes(text: str, suffix: str) -> bytes:
    from base64 import b64decode

    return text.encode() if suffix == "svg" else b64decode(text)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "".join(value)


def _unshown(kind: str, plain: str) -> str:
    """Say that neither page nor PDF shows an output."""
    plain = re.sub(r"\s+", " ", plain)[:60]
    return (
        f"this output is {kind} ({plain}), which neither page nor PDF can show\n"
        "    show a picture, a table or text of it, or hide it: #| show: none"
    )
