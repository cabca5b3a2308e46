"""What can be found wrong in a document before its cells run, and right after."""

import ast
import re
from collections.abc import Iterator

from labflake.documents import kernels, prose
from labflake.documents.pandoc import Text
from labflake.documents.problems import Problem, refuse
from labflake.documents.results import Executed
from labflake.documents.source import Cell, Source, expression_line
from labflake.project.experiments import Experiment, root

_HEAVY = 2_000_000  # bytes of a figure
_DEFINITION = re.compile(r"^ {0,3}\[(?![\^@])(?P<label>[^\[\]]+)\]:[ \t]*(?P<url>\S+).*$", re.M)
_COLON = "it would not be shown; write \\[ for a bracket that is text, [//]: # (…) for a comment"
_DIVISION = re.compile(
    r"^:{3,}[ \t]*\{[^}\n]*#fig[:-].*?^:{3,}[ \t]*$", re.M | re.S
)  # has a caption
_SILENT = re.compile(r"!\[\s*\]\([^)]*\)(\{[^}]*\})?")


def check(source: Source, experiment: Experiment) -> None:
    """Refuse code that does not parse and figures that are not there.

    Raises:
        LabError: with the line of each problem.
    """
    problems = [*_figures(source, experiment), *_links(source)]
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
        try:
            ast.parse(expression, mode="eval")
        except SyntaxError as error:
            line = expression_line(source, cell, expression)
            yield Problem(line, f"`{expression}`: {type(error).__name__}: {error.msg}")


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


def _figures(source: Source, experiment: Experiment) -> Iterator[Problem]:
    """Yield the figures whose files are not there."""
    places = (source.path.parent, experiment.generated)
    text = prose.without_code(source.text)
    for match in prose.FIGURE.finditer(text):
        path = match["path"]
        if "://" not in path and not any((place / path).is_file() for place in places):
            yield Problem(prose.line_of(text, match.start("path")), f"no such figure: {path}")


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
    return found


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
