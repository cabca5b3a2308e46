"""What can be found wrong in a document before its cells run, and right after."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from labflake.documents import header, inline, kernels, prose
from labflake.documents.pandoc import Text
from labflake.documents.problems import Problem, refuse
from labflake.documents.results import Executed
from labflake.documents.source import Cell, Source, expression_line
from labflake.errors import meant
from labflake.project.experiments import Experiment, root

_PICTURES = (".gif", ".jpeg", ".jpg", ".pdf", ".png", ".svg", ".webp")
_HEAVY = 2_000_000  # bytes of a figure
_DEFINITION = re.compile(r"^ {0,3}\[(?![\^@])(?P<label>[^\[\]]+)\]:[ \t]*(?P<url>\S+).*$", re.M)
_COLON = "it would not be shown; write \\[ for a bracket that is text, [//]: # (…) for a comment"
_DIVISION = re.compile(
    r"^:{3,}[ \t]*\{[^}\n]*#fig[:-].*?^:{3,}[ \t]*$", re.M | re.S
)  # has a caption
_RULE = re.compile(r"[ \t>]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
_WORDS = re.compile(r"\d[^\\{}]*?\s[A-Za-z]{2,}")  # after an amount: nobody writes a formula so
_BRACKETS = re.compile(
    r"(?<!\\)\\(?:\((?P<small>[^\n]+?)\\\)|\[(?P<large>(?:.(?!\n\s*\n))+?)\\\])", re.S
)
_SIGNS = re.compile(r"[=^]|\\[A-Za-z]")  # of a formula
_DISPLAYED = re.compile(r"(?<!\\)\$\$.*?\$\$", re.S)
_OBJECT = re.compile(r"<[^<>]* (?:object|at 0x[0-9a-f]+)\b[^<>]*>")
_SILENT = re.compile(r"!\[\s*\]\([^)]*\)(\{[^}]*\})?")


def check(source: Source, experiment: Experiment) -> None:
    """Refuse code that does not parse and figures that are not there.

    Raises:
        LabError: with the line of each problem.
    """
    problems = [*_figures(source, experiment), *_links(source)]
    problems += _characters(source)
    problems += _tables(prose.without_code(source.text))
    for cell in source.cells:
        problems += _code(cell) if cell.kind == "code" else []
        problems += _kernels(cell)
        problems += [*_expressions(source, cell)]
    refuse(source.path, problems)


def _code(cell: Cell) -> Iterator[Problem]:
    """Yield the syntax error of a cell; IPython's own commands are left to IPython."""
    if cell.language != "python" or any(
        line.lstrip().startswith(("%", "!")) for line in cell.text.splitlines()
    ):
        return
    try:
        compile(cell.text, "<cell>", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except SyntaxError as error:
        code = (error.text or "").strip()
        text = f"{type(error).__name__}: {error.msg}" + (f"\n    {code}" if code else "")
        yield Problem(cell.line + (error.lineno or 1) - 1, text)


def _kernels(cell: Cell) -> Iterator[Problem]:
    """Yield the problem of a cell in a language that nothing here runs."""
    if cell.language != "python" and not kernels.find(cell.language):
        yield Problem(cell.line - 1, kernels.advice(cell.language))


def _expressions(source: Source, cell: Cell) -> Iterator[Problem]:
    """Yield the inline expressions that are none."""
    for expression in cell.expressions:
        line = expression_line(source, cell, expression)
        try:
            code = ast.parse(expression, mode="eval").body
        except SyntaxError as error:
            yield Problem(line, f"`{expression}`: {type(error).__name__}: {error.msg}")
            continue
        called = (
            code.func.id if isinstance(code, ast.Call) and isinstance(code.func, ast.Name) else ""
        )
        if called in ("print", "display"):
            yield Problem(line, f"`{expression}`: {called} gives no value; write the value alone")


def _links(source: Source) -> Iterator[Problem]:
    """Yield the definitions of links that nothing refers to: Markdown shows nothing of them."""
    text = prose.without_code(source.text)
    for match in _DEFINITION.finditer(text):
        label = re.sub(r"\s+", " ", match["label"]).lower()
        rest = re.sub(r"\s+", " ", text[: match.start()] + text[match.end("label") + 2 :]).lower()
        if match["url"] not in ("#", "<>") and f"[{label}]" not in rest:
            what = (
                f"[{match['label']}]: begins the address of a link that is used nowhere: {match[0]}"
            )
            yield Problem(prose.line_of(text, match.start("label")), f"{what}\n    {_COLON}")


def _characters(source: Source) -> Iterator[Problem]:
    """Yield the control characters of the prose, which no font has."""
    for cell in source.cells:
        for found in inline.NO_TEXT.finditer(cell.text if cell.kind == "markdown" else ""):
            if found[0] not in "\t\n":
                line = cell.line + cell.text.count("\n", 0, found.start())
                what = f"here is a character that nobody sees, U+{ord(found[0]):04X}: remove it"
                yield Problem(line, what)


def _tables(text: str) -> Iterator[Problem]:
    """Yield the rows of pipe tables with more cells than columns: pandoc drops the last ones."""
    columns, lines = 0, text.split("\n")
    for number, line in enumerate(lines, 1):
        above = lines[number - 2] if number > 1 else ""
        if _RULE.fullmatch(line) and "|" in line and above.strip():
            columns = _cells(line)
            number, line = number - 1, above
        elif "|" not in line:
            columns = 0
        if columns and _cells(line) > columns:
            what = f"this row has {_cells(line)} cells, and the line |---| of its table {columns}"
            yield Problem(number, f"{what}: the last would be lost; a | in a cell is \\|")


def _cells(row: str) -> int:
    """Return the number of cells in a row; a bar that is escaped, or in a formula, is none."""
    plain = re.sub(r"\\.|\$[^$]*\$|<[^>]*>", "", row).strip(" \t>")
    return plain.removeprefix("|").removesuffix("|").count("|") + 1


def _figures(source: Source, experiment: Experiment) -> Iterator[Problem]:
    """Yield the figures whose files are not there."""
    places = (source.path.parent, experiment.generated)
    text = prose.without_code(source.text)
    for match in prose.FIGURE.finditer(text):
        path = match["path"]
        if "://" not in path and not any((place / path).is_file() for place in places):
            what = (
                f"no such figure: {path}\n    {_figures_there([place / path for place in places])}"
            )
            yield Problem(prose.line_of(text, match.start("path")), what)


def _figures_there(missing: list[Path]) -> str:
    """Return what there is in the folders where a figure is missing."""
    folders = {path.parent for path in missing if path.parent.is_dir()}
    files = {each.name for folder in folders for each in folder.iterdir()}
    there = sorted(name for name in files if name.endswith(_PICTURES))
    hint = f"there: {', '.join(there[:5])}{' …' if there[5:] else ''}"
    return meant(missing[0].name, there) or (hint if there else "none is there: make builds them")


def warnings(text: Text, figures: set[str]) -> list[Problem]:
    """Return what should be better: heavy figures, figures that nobody can hear."""
    found = []
    for figure in sorted(figures):
        size = (root() / figure).stat().st_size
        if size > _HEAVY:
            name = figure.rpartition("/")[2]
            advice = "rasterize its dense parts (rasterized=True) or save it as PNG"
            found.append(Problem(text.line(name), f"{name} has {size / 1e6:.1f} MB: {advice}"))
    prose_only = prose.blank(prose.without_code(text.source.text), _DIVISION)
    for match in _SILENT.finditer(prose_only):
        if "alt=" not in (match[1] or ""):
            line = prose.line_of(prose_only, match.start())
            found.append(Problem(line, 'a figure needs a caption or a description: {alt="…"}'))
    return [*found, *_amounts(prose_only), *_in_brackets(prose_only)]


def _amounts(text: str) -> Iterator[Problem]:
    """Yield what is between two amounts of money: `$5 and 10$` is read as a formula."""
    for match in prose.FORMULA.finditer(text):
        inside = match[0].strip("$")
        if _WORDS.match(inside):
            what = (
                f"{match[0]} is read as a formula; a dollar that is one is \\$, a word \\text{{…}}"
            )
            yield Problem(prose.line_of(text, match.start()), re.sub(r"\s+", " ", what))


def _in_brackets(text: str) -> Iterator[Problem]:
    """Yield formulas as LaTeX writes them: in Markdown these brackets are text."""
    for match in _BRACKETS.finditer(prose.blank(text, _DISPLAYED, prose.FORMULA)):
        inside, shown = match["small"] or match["large"], re.sub(r"\s+", " ", match[0])
        if _SIGNS.search(inside) or (match["small"] and re.fullmatch(r"\s*[A-Za-z]\s*", inside)):
            what = f"{shown} is shown as text; a formula stands between dollars: $…$, $$…$$"
            yield Problem(prose.line_of(text, match.start()), what)


def check_values(source: Source, executed: Executed) -> None:
    """Refuse expressions that give an object of Python instead of a text.

    Raises:
        LabError: with the line of each expression.
    """
    problems = []
    for cell, values in zip([*source.cells, None], executed.values, strict=False):
        found = cell.expressions if cell else header.expressions(source)
        for expression, value in zip(found, values, strict=False):
            if _OBJECT.search(value):
                what = f"`{expression}` gives {value[:60]}, which is no text; show it by a cell"
                problems.append(Problem(expression_line(source, cell, expression), what))
    refuse(source.path, problems)


def check_outputs(source: Source, executed: Executed) -> None:
    """Refuse cells that name an output and have none.

    Raises:
        LabError: with the line of each cell.
    """
    problems = []
    codes = [c for c in source.cells if c.kind == "code"]
    for cell, outputs in zip(codes, executed.outputs, strict=False):
        named = {"caption", "label"} & set(cell.options)
        if named and not outputs and not cell.is_listing and cell.options.get("show") != "none":
            problems.append(Problem(cell.line, "this cell has a label or a caption, but no output"))
    refuse(source.path, problems)
