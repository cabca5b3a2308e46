"""A document's source: its header, its cells, and the line at which each begins."""

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from labflake.documents import prose
from labflake.documents.problems import Problem, refuse

FORMAT = {"extension": ".md", "format_name": "markdown"}
OPTIONS = ("label", "caption", "show", "width", "alt")
SHOW = ("output", "none", "code", "all")
_PYTHON = """---
jupyter:
  kernelspec:
    display_name: Python 3
    language: python
    name: python3
---

"""
_OPTION = re.compile(r"#\|(?: (\w[\w-]*):)?(.*)")


@dataclass
class Cell:
    """One cell: `kind` is code or markdown; `line` is where `text` begins in the source."""

    kind: str
    text: str
    line: int
    options: dict[str, str] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """Return the code without its `#|` option lines."""
        return re.sub(r"\A(?:#\|.*\n?)+", "", self.text)

    @cached_property
    def expressions(self) -> list[str]:
        """Return the inline expressions of the prose, or of the caption of a code cell."""
        text = self.text if self.kind == "markdown" else self.options.get("caption", "")
        return [m["code"] for m in prose.expressions(text)]


@dataclass
class Source:
    """A report or a presentation as its author wrote it."""

    path: Path
    text: str
    header: dict
    cells: list[Cell]

    @property
    def is_report(self) -> bool:
        """Tell whether it is a report; everything else is slides."""
        return self.path.stem == "report"

    def line(self, needle: str, default: int = 1) -> int:
        """Return the first line that holds the text."""
        return prose.find_line(self.text, needle) or default


def read(path: Path) -> Source:
    """Read a document.

    Raises:
        LabError: the file is no UTF-8, its header no YAML, or an option of a cell is not known.
    """
    import jupytext

    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        refuse(path, [Problem(line, f"not UTF-8 text: byte {error.object[error.start]:#04x}")])
    header = read_header(path, text)
    body = prose.blank(text, prose.HEADER)
    notebook = jupytext.reads(_PYTHON + body.lstrip(), fmt=FORMAT)
    problems: list[Problem] = []
    cells = [*_cells(text, notebook.cells, problems)]
    if not cells:
        problems.append(Problem(text.count("\n") or 1, "nothing follows the header"))
    refuse(path, problems)
    return Source(path, text, header, cells)


def read_header(path: Path, text: str) -> dict:
    """Return the YAML at the top of the document.

    Raises:
        LabError: it is not valid, or not `key: value` lines.
    """
    import yaml

    found = prose.HEADER.findall(text)
    if not found:
        refuse(path, [Problem(1, "no header; a document begins with\n  ---\n  title: …\n  ---")])
    try:
        header = yaml.safe_load(found[0].strip("-.\n \t")) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 2 if mark else 1
        what = getattr(error, "problem", None) or error
        refuse(path, [Problem(line, f"the header is not valid YAML: {what}")])
    if not isinstance(header, dict):
        refuse(path, [Problem(2, "the header must hold `key: value` lines")])
    header.pop("jupyter", None)
    return header


def _cells(text: str, cells: list, problems: list[Problem]):
    """Yield the cells with their lines; listings of other languages are prose, not cells."""
    position = match.end() if (match := prose.HEADER.match(text)) else 0
    for cell in cells:
        if cell.cell_type == "raw":
            continue
        source = cell.source
        language = re.match(r"%%(\w+)\n?", source)
        if language and "```python" not in _before(text, source, position):
            source = f"```{language[1]}\n{source[language.end() :]}\n```"
            cell.cell_type = "markdown"
        found = text.find(source, position) if source.strip() else position
        position = max(found, position)
        new = Cell(cell.cell_type, source, prose.line_of(text, position))
        position += len(source)
        if new.kind == "code":
            new.options = _options(new, problems)
        yield new


def _before(text: str, source: str, position: int) -> str:
    """Return the line above a cell's source, or nothing if the source is not found as it is."""
    found = text.find(source, position)
    return text[:found].rstrip("\n").rpartition("\n")[2] if found >= 0 else ""


def _options(cell: Cell, problems: list[Problem]) -> dict[str, str]:
    """Return the `#| key: value` lines at the top of a cell; without key, a line continues."""
    options: dict[str, str] = {}
    key = ""
    for number, line in enumerate(cell.text.splitlines(), cell.line):
        match = _OPTION.fullmatch(line)
        if not match:
            break
        key = match[1] or key
        if key not in OPTIONS:
            problems.append(Problem(number, unknown("option of a cell", key, OPTIONS)))
        options[key] = f"{options.get(key, '')} {match[2].strip()}".strip()
        if key == "show" and options[key] not in SHOW:
            problems.append(Problem(number, unknown("value of show", options[key], SHOW)))
    return options


def expression_line(source: Source, cell: Cell | None, expression: str) -> int:
    """Return the line of an inline expression, of a cell or of the header."""
    start = cell.line - 1 if cell else 0
    lines = source.text.splitlines()[start:]
    return next((n for n, line in enumerate(lines, start + 1) if expression in line), start + 1)


def unknown(what: str, found: str, known: tuple[str, ...]) -> str:
    """Return the sentence that names what is not known and what is close to it."""
    import difflib

    close = difflib.get_close_matches(found, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
    return f"unknown {what}: {found or 'a line without key'} ({hint})"
