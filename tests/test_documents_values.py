"""What an inline expression gives is shown as it is, whatever stands around it."""

import io
import re
import unicodedata
from pathlib import Path
from typing import NamedTuple

import bs4
import pypdf
import pytest
import writing
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from labflake.documents.pandoc import Text


class Around(NamedTuple):
    """Markdown before and behind an expression, and what is seen of both."""

    before: str
    after: str
    seen: str = "{}"


AROUND = [
    Around("", ""),
    Around("Word ", " word.", "Word {} word."),
    Around("x", "y", "x{}y"),
    Around("*", "*"),
    Around("**", "**"),
    Around("~~", "~~"),
    Around("H~", "~", "H{}"),
    Around("a_", "_b", "a_{}_b"),
    Around("(", ")", "({})"),
    Around("[", "]", "[{}]"),
    Around("[", "](https://example.org)"),
    Around("@", "", "@{}"),
    Around("#", "", "#{}"),
    Around("\\\\", " x", "\\{} x"),
    Around("$", "", "${}"),
    Around("US$", ", CA$`{python} 0` x", "US${}, CA$7 x"),
    Around("- ", ""),
    Around("1. ", ""),
    Around("> ", ""),
    Around('"', '"', "“{}”"),
    Around('"', ' x"', "“{} x”"),
    Around('Word "', '" word', "Word “{}” word"),
    Around('"Word ', '".', "“Word {}”."),
    Around("'", "'", "‘{}’"),
    Around("\"a 'b ", "' c\"", "“a ‘b {}’ c”"),
    Around("It ", "'s", "It {}’s"),
    Around("**x", '** "y"', "x{} “y”"),
    Around("<", ">", "<{}>"),
    Around("&", ";", "&{};"),
    Around("Text\n", "\ntext", "Text {} text"),
    Around("| a |\n|---|\n| ", " |", "a {}"),
    Around("Term\n:   ", "", "Term {}"),
    Around("![", "](bars.svg)", "Figure. {}"),
    Around("[", "]{.smallcaps}"),
    Around("### ", " {-}", "{}"),
]
WORDS = r"""
*a* ** _ ` `` $ $x$ $$ \ \emph{x} \( [ ] ](u) [^1] ^[n] [@a] @a @fig:a {#eq:a} {.a} { } <b> </b>
<!-- --> < > & &amp; # - + 1. (@) > | ~ ~~ ^ ~~~ ``` ::: --- -- ... ' " ! ![ https://a.b/c a@b.de //
/* / t: = -? % --5 -5 1e-05 1,560 0.5 {{ x }} #let #x ( ) : ; a B 7 é ß … “ − × {python} `{python}
@@ thick None nan
"""
BLANKS = [" ", "\n", "\n\n", "\t", "\r", "\x00", "\x1b[31m", "\u00a0", "", "# ", "- ", "| ", "    "]
BLANKS += ["a ", " a", '" ', ' "', "' "]  # beside quotation marks
MARKUP = [*WORDS.split(), *BLANKS]
VALUES = st.one_of(
    st.lists(st.sampled_from(MARKUP), max_size=5).map("".join),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12),
)
ALWAYS = (
    "a_b*c* $x$ [^1] #5",
    "a ",
    " 'a' ",
    "-5",
    "- a",
    "= a",
    "2. a",
    "]",
    "`",
    "",
    "... -? --",
)
EVERY = [(around, text) for text in ALWAYS for around in AROUND]


def _text(pairs: list[tuple[Around, str]], folder: Path) -> Text:
    """Return the text of a report in which each value stands in its surroundings."""
    parts = ["---\ntitle: T\n---\n"]
    values = []
    (folder / "bars.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
    )
    for number, (around, value) in enumerate(pairs):
        body = f"{around.before}`{{python}} {number}`{around.after}"
        parts.append(f'<div id="i{number}">\n\n{body}\n\n</div>\n')
        values += [value, *["7"] * around.after.count("{python}")]
    return writing.text(folder / "report.md", "\n".join(parts), values)


def _shown(around: Around, value: str) -> str:
    value = re.sub("[ \t\r\n]+", " ", value)
    value = re.sub("[\x00-\x1f]", "\ufffd", value)
    return _plain(around.seen.replace("{}", value))


def _plain(text: str) -> str:
    """Return a text with one kind of minus and without blanks, which pages and lines change."""
    return re.sub(r"\s+", "", text.replace("\u2212", "-"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project, and let what runs in this process find it."""
    monkeypatch.setenv("LABFLAKE_PROJECT", str(tmp_path))
    return writing.project(tmp_path)


@pytest.mark.long
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(pairs=st.lists(st.tuples(st.sampled_from(AROUND), VALUES), min_size=30, max_size=60))
@example(pairs=EVERY)
def test_a_value_is_the_text_that_it_is(pairs: list[tuple[Around, str]], project: Path) -> None:
    """No value is markup, a link, a label, a formula or an error, in the page or in the PDF."""
    text = _text(pairs, project)
    page = bs4.BeautifulSoup(writing.page(text, project).contents[".html"], "html.parser")
    for number, (around, value) in enumerate(pairs):
        found = page.find(id=f"i{number}")
        for label in found.select(".number"):
            label.string = "Figure."
        assert _plain(found.get_text()) == _shown(around, value), (around, value)
        assert len(found.select("a")) == around.after.count("](h")
    pdf = pypdf.PdfReader(io.BytesIO(writing.report(text, project).contents[".pdf"]))
    pages = [re.sub(r"Figure\s+\d+\.", "Figure.", p.extract_text()) for p in pdf.pages]
    whole = "".join(
        _plain(text).removeprefix("T1980-01-01" * (n > 1)).removesuffix(f"{n}/{len(pages)}")
        for n, text in enumerate(pages, 1)
    )
    for around, value in pairs:
        assert _shown(around, value) in whole, (around, value)


FORMULAS = {
    "3": ("<mn>3</mn>", "x=3"),
    "-0.5": ("<mn>0.5</mn>", "x=-0.5"),
    "1,560": ("<mn>1</mn><mo>,</mo><mn>560</mn>", "x=1,560"),
    "1e-05": (">1e-05</mtext>", "x=1e-05"),
    "5 %": (">5 %</mtext>", "x=5%"),
    "a_b^c": (">a_b^c</mtext>", "x=a_b^c"),
    "\\frac{1}{$": (">\\frac{1}{$</mtext>", "x=\\frac{1}{$"),
    "<b>\"'`--": (">&lt;b&gt;&quot;&#x27;`--</mtext>", "x=<b>\"'`--"),
    "@thick@": (">@thick@</mtext>", "x=@thick@"),
}


@pytest.mark.long
@pytest.mark.parametrize("value", FORMULAS)
def test_a_value_in_a_formula_is_a_number_or_a_text(value: str, project: Path) -> None:
    """Nothing of it is TeX: a number is one, everything else is upright text."""
    in_page, in_pdf = FORMULAS[value]
    text = _text([(Around("$x = ", "$"), value)], project)
    assert in_page in writing.page(text, project).contents[".html"].decode()
    pdf = pypdf.PdfReader(io.BytesIO(writing.report(text, project).contents[".pdf"]))
    assert in_pdf in _plain(unicodedata.normalize("NFKC", pdf.pages[0].extract_text()))


def test_a_value_is_in_title_heading_table_and_description(project: Path) -> None:
    """Where a value stands, it is complete: also in names of headings and in `alt`."""
    answers = writing.build(project, writing.write(project, writing.ODD, EVERYWHERE))
    assert answers[0]["error"] is None
    folder = writing.outputs(project, writing.ODD)
    page = bs4.BeautifulSoup((folder / "report.html").read_text(encoding="utf-8"), "html.parser")
    assert page.title.get_text() == "T *x*"
    assert [a["href"] for a in page.select("main p a")] == [
        "https://example.org/p%20q%29",
        "#of-3-a",
    ]
    assert page.find(id="of-3-a").h2.get_text() == "1 Of 3 a"
    assert page.select_one("td:nth-of-type(2)")["style"] == "text-align: right;"
    assert page.code.get_text() == "`{python} 1 + 1`"
    pdf = pypdf.PdfReader(folder / "report.pdf")
    assert pdf.metadata.title == "T *x*"


EVERYWHERE = """
---
title: T `{python} "*x*"`
---

# Of `{python} 1 + 2` a

[Link](https://example.org/`{python} "p q)"`) and [heading](#of-3-a); `` `{python} 1 + 1` ``

| a | b |
|---|---|
| `{python} "x | y"` | `{python} -3.5` |
"""


@pytest.mark.long
@pytest.mark.parametrize("text", ["A ` tick `{python} 1` here.", "It is \\`{python} 1` here."])
def test_an_expression_with_a_lost_backtick_is_refused(text: str, tmp_path: Path) -> None:
    """What Markdown does not take for code would be printed as it is; the line is named."""
    project = writing.project(tmp_path / "p")
    (answer,) = writing.build(
        project, writing.write(project, writing.ODD, f"---\ntitle: T\n---\n\n{text}\n")
    )
    assert answer["error"].startswith(f"scripts/{writing.ODD}/report.md:5: ")
    assert "`{python} 1`" in answer["error"]
