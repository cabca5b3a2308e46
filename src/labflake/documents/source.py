"""A document's source: its header, its cells, and the line at which each begins."""

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from labflake.documents import cell_options, directives, fences, header_keys, header_text, prose
from labflake.documents.cell_options import Option
from labflake.documents.problems import Problem, refuse


@dataclass
class Cell:
    """One cell: `kind` is code or markdown; `line` is where `text` begins in the source."""

    kind: str
    text: str
    line: int
    options: dict[str, str] = field(default_factory=dict)
    language: str = "python"

    @property
    def code(self) -> str:
        """Return the code without its `#|` option lines."""
        return without_options(self.text)

    @property
    def is_listing(self) -> bool:
        """Tell whether the code is what is shown, with a number."""
        return self.options.get("label", "").lower().startswith("lst")

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


def without_options(code: str) -> str:
    """Return the code of a cell without its `#|` option lines."""
    return re.sub(r"\A(?:#\|.*\n?)+", "", code)


def read(path: Path) -> Source:
    """Read a document.

    Raises:
        LabError: the file is no UTF-8, its header no YAML, or an option of a cell is not known.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors on Windows begin with a mark
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        refuse(path, [Problem(line, f"not UTF-8 text: byte {error.object[error.start]:#04x}")])
    header = header_text.read(path, text)
    problems: list[Problem] = []
    start = prose.end_of_header(text)
    found = [*fences.parts(directives.translated(text, start, problems), start, problems)]
    for_all = header_keys.of_cells(header, header_text.lines(text))
    cells = [_of_part(part, for_all, problems) for part in found]
    if not cells:
        problems.append(Problem(text.count("\n") or 1, "nothing follows the header"))
    refuse(path, problems)
    return Source(path, text, header, cells)


def _of_part(part: fences.Part, for_all: list[Option], problems: list[Problem]) -> Cell:
    """Return prose as it is, and code with its options, which come after those for all cells."""
    if part.language is None:
        return Cell("markdown", part.text, part.line)
    in_fence = [Option(part.line - 1, *option) for option in part.options]
    written = [*for_all, *in_fence, *cell_options.of_code(part.text, part.line)]
    found = cell_options.known(written, problems)
    problems += cell_options.late(part.text, part.line)
    return Cell("code", part.text, part.line, found, part.language)


def expression_line(source: Source, cell: Cell | None, expression: str) -> int:
    """Return the line of an inline expression, of a cell or of the header."""
    start = cell.line - 1 if cell else 0
    lines = source.text.splitlines()[start:]
    return next((n for n, line in enumerate(lines, start + 1) if expression in line), start + 1)
