"""What would be lost or misread is found in the text itself, before anything runs."""

from pathlib import Path

import pytest
import writing

from labflake.documents import checks, markup
from labflake.documents.source import read
from labflake.errors import LabError
from labflake.project.experiments import Experiment

pytestmark = pytest.mark.usefixtures("in_the_template")


def _check(folder: Path, body: str) -> None:
    path = folder / "report.md"
    path.write_text(f"---\ntitle: T\n---\n\n{body}\n")
    checks.check(read(path), Experiment("2026-01-01-None"))


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ("|a|b|\n|-|-|\n|1|2|3|", 7),
        ("|a|b|c|\n|-|-|\n|1|2|", 5),
        ("a | b\n--|--\n1 | 2\n1 | 2 | 3", 8),
        ("> |a|b|\n> |:-|-:|\n> |1|2|3|", 7),
        ("|a|b|\n|-|-|\n|x | y|`{python} 1`|", 7),
    ],
)
def test_a_cell_without_column_is_refused(table: str, line: int, tmp_path: Path) -> None:
    """Pandoc leaves out what a row has beyond the columns of its table."""
    with pytest.raises(LabError, match=rf"report.md:{line}: this row has 3 cells"):
        _check(tmp_path, table)


@pytest.mark.parametrize(
    "table",
    [
        "|a|b|\n|-|-|\n|`x | y`|$|x|$|\n|a \\| b| `{python} 1 | 2`|\n|1|",
        "a | b\n--|--\n1 | 2\n\n| line\n| block | with | bars",
        "```\n|a|b|\n|-|-|\n|1|2|3|\n```",
        "Term | other\n\n---\n\na | b | c",
    ],
)
def test_bars_that_divide_no_cells_are_text(table: str, tmp_path: Path) -> None:
    """Bars in code, formulas and line blocks, escaped ones, and rows that are too short."""
    _check(tmp_path, table)


@pytest.mark.parametrize("character", ["\x07", "\x1b", "\x00", "\x0c", "\ufdd0", "\x85"])
def test_a_character_that_no_font_has_is_named(character: str, tmp_path: Path) -> None:
    """Control characters come with what is pasted from a terminal: the line, and which one."""
    with pytest.raises(LabError, match=rf"report.md:7: .*U\+{ord(character):04X}"):
        _check(tmp_path, f"Text.\n\nA{character}B")


def test_formulas_in_brackets_are_told(tmp_path: Path) -> None:
    """What is a formula for LaTeX is text in brackets for Markdown: authors are told."""
    body = "Say \\(x^2\\) and \\(n\\).\n\n\\[\ny = 3\n\\]\n\n"
    body += "Text \\[sic\\], \\(see below\\), `\\(x^2\\)`, $\\left\\(x^2\\right\\)$.\n"
    made = writing.text(tmp_path / "report.md", f"---\ntitle: T\n---\n\n{body}")
    told = checks.warnings(made, set())
    assert [(each.line, each.text.split(" is shown")[0]) for each in told] == [
        (5, "\\(x^2\\)"),
        (5, "\\(n\\)"),
        (7, "\\[ y = 3 \\]"),
    ]


def test_amounts_that_are_read_as_a_formula_are_told(tmp_path: Path) -> None:
    """Two dollars with words between them are a formula for pandoc; so it is said."""
    body = (
        "It cost $5 and 10$, US$20. Also 5$.\n\nHere $5$, $3x + 2$, $2\\text{ cm}$, \\$5 or \\$6.\n"
    )
    made = writing.text(tmp_path / "report.md", f"---\ntitle: T\n---\n\n{body}")
    told = checks.warnings(made, set())
    assert [problem.line for problem in told] == [5, 5]


def test_looks_of_what_is_no_element_are_left_out() -> None:
    """Tooltips of a Styler are `::after` of their cells; the table is shown without them."""
    looks = "td::after { content: 'x' } td { color: red }"
    html = f"<style>{looks}</style><table><tr><td>1</td></tr></table>"
    assert 'style="color: red"' in markup.translated(html, lambda content, suffix: "")


def test_a_figure_that_is_not_there_has_a_hint(tmp_path: Path) -> None:
    """The error names the figure that was meant, those that there are, or how they are made."""
    figure = "![Scores.](figures/{}.svg)"
    with pytest.raises(
        LabError, match=r"no such figure: figures/scores.svg\n +none is there: make"
    ):
        _check(tmp_path, figure.format("scores"))
    (tmp_path / "figures").mkdir()
    for name in ("scores.svg", "scores.csv", "gains.svg"):
        (tmp_path / "figures" / name).touch()
    with pytest.raises(LabError, match=r"did you mean scores.svg\?$"):
        _check(tmp_path, figure.format("score"))
    with pytest.raises(LabError, match=r"there: gains.svg, scores.svg$"):
        _check(tmp_path, figure.format("plot"))
    _check(tmp_path, figure.format("scores"))
