"""What people bring from MyST, Quarto and bookdown means the same here, or is refused."""

import io
import json
import os
import re
import subprocess
from pathlib import Path

import bs4
import pypdf
import pytest
import rendering
import typst
import writing

from labflake.documents import formats
from labflake.documents import pandoc as documents
from labflake.documents.pandoc import DocumentError
from labflake.errors import LabError
from labflake.programs import pandoc

EXPERIMENT = "2026-01-04-Spellings"
HEAD = "---\ntitle: T\nbibliography: references.bib\n---\n\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a project with an experiment; return the folder of its documents."""
    project = writing.project(tmp_path_factory.mktemp("spellings") / "p")
    made = writing.experiment(project, EXPERIMENT) / "scripts" / EXPERIMENT
    figures = project / "generated" / EXPERIMENT / "assets" / "figures"
    for name in ("bars", "decay"):
        (made / f"{name}.svg").write_bytes((figures / f"{name}.svg").read_bytes())
    return made


@pytest.fixture(autouse=True)
def _in_the_project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABFLAKE_PROJECT", str(folder.parent.parent))


def _page(folder: Path, body: str) -> bs4.BeautifulSoup:
    text = writing.text(folder / "report.md", HEAD + body)
    html = writing.page(text, folder).contents[".html"]
    return bs4.BeautifulSoup(html, "html.parser")


def _seen(folder: Path, body: str) -> tuple[str, str]:
    """Return the words of the page and of the PDF."""
    text = writing.text(folder / "report.md", HEAD + body)
    page = bs4.BeautifulSoup(writing.page(text, folder).contents[".html"], "html.parser")
    pdf = pypdf.PdfReader(io.BytesIO(writing.report(text, folder).contents[".pdf"]))
    return _plain(page.main.get_text()), _plain(" ".join(p.extract_text() for p in pdf.pages))


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("\u00a0", " ").replace("\u2061", ""))


def _refused(folder: Path, body: str) -> dict[int, str]:
    """Return what is wrong by line, which page and PDF say alike."""
    try:
        text = writing.text(folder / "report.md", HEAD + body)
    except LabError as error:
        found = re.findall(r"report\.md:(\d+): ((?:.|\n    )*)", str(error))
        return {int(line): words for line, words in found}
    said = []
    for make in (writing.page, writing.report):
        with pytest.raises(DocumentError) as refused:
            make(text, folder)
        said.append({problem.line: problem.text for problem in refused.value.problems})
    assert said[0] == said[1]
    return said[0]


TARGETS = """
![Bars](bars.svg){#fig:bars}

# Methods

$$ x = 1 $$ {#eq-main}

| a |
|---|
| b |

: Rows {#tbl:rows}

![Decay](decay.svg){#fig-decay}

"""
REFERENCES = {
    "[](#fig:bars)": "Figure 1",
    "[](#fig-bars) and [ ](#fig:decay)": "Figure 1 and Figure 2",
    "[](#methods), [](#sec:methods)": "Section 1, Section 1",
    "[](#eq:main); [](#tbl-rows)": "Equation 1; Table 1",
    "Figure \\@ref(fig:bars), Table \\@ref(tab:rows)": "Figure 1, Table 1",
    "Equation \\@ref(eq:main) in \\@ref(methods)": "Equation (1) in 1",
    "{ref}`fig-bars`, {numref}`tbl-rows`, {eq}`eq-main`": "Figure 1, Table 1, (1)",
    "{ref}`these bars <fig:bars>`": "these bars",
    "{cite:t}`knuth1984` {cite:p}`knuth1984`": "Knuth (1984) (Knuth 1984)",
    "H{sub}`2`O": "H2O",
}


def test_a_reference_of_another_system_is_a_reference(folder: Path) -> None:
    """Links without words, roles of MyST, references of bookdown: name, number and a link."""
    written = [f"Case{n} {text} end{n}." for n, text in enumerate(REFERENCES)]
    page, pdf = _seen(folder, "\n\n".join([*written, TARGETS]))
    for n, wanted in enumerate(REFERENCES.values()):
        assert f"Case{n} {wanted} end{n}." in page
        assert f"Case{n} {wanted} end{n}." in pdf


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[](#fig:none)", "unknown reference [](#fig:none)"),
        ("[](https://example.org)", "no words"),
        ("[](report.md)", "no words"),
        ("\\@ref(fig:none)", "unknown reference"),
        ("{ref}`none`", "unknown reference"),
        ("{abbr}`MyST (a word)`", "no format knows"),
        ("(ref:caption)", "write the words"),
        ("::: {.note}\nText.\n:::", "blank line"),
    ],
)
def test_what_would_show_nothing_or_itself_is_refused(folder: Path, text: str, word: str) -> None:
    """A link that nobody sees, a label that nothing has, a role that no format knows: the line."""
    found = _refused(folder, f"# Begin\n\nText {text}\n")
    assert word in " ".join(found.values())
    assert {*found} <= {8, 9, 10}


def test_quotation_marks_are_those_of_the_language(folder: Path) -> None:
    """They are alike in page and PDF, and do not depend on the blanks beside them."""
    for language, wanted in {"de": "„Wort ‚x‘ hier“", "fr": "« Wort “x” hier »"}.items():
        head = HEAD.replace("---\n\n", f"lang: {language}\n---\n\n")
        text = writing.text(folder / "report.md", head + "\"Wort 'x' hier\"")
        page = bs4.BeautifulSoup(writing.page(text, folder).contents[".html"], "html.parser")
        pdf = pypdf.PdfReader(io.BytesIO(writing.report(text, folder).contents[".pdf"]))
        assert wanted in _plain(page.main.get_text())
        assert wanted in _plain(pdf.pages[0].extract_text())


DIVISIONS = """
See @fig-one, @fig-two, @fig-right, @fig-code, @tbl-div, @lst-div, \\@ref(tab:book) and @fig-lone.

::: {#fig-one}
![](bars.svg){fig-alt="Heard"}

Caption *one*
:::

::: {#fig-two layout-ncol=2}
![Left](bars.svg){#fig-left}

![Right](decay.svg){#fig-right}

Caption two
:::

::: {#fig-lone}
![Caption three](bars.svg)
:::

::: {#fig-code}
```{.python}
shown
```

Caption four
:::

::: {#tbl-div}
| Cell1 |
|---|
| Cell2 |

Caption five
:::

::: {#lst-div}
```{.r}
y
```

Caption six
:::

| Cell3 |
|---|
| Cell4 |

Table: (\\#tab:book) Caption seven

::: {.callout-note title="Own *title*"}
Body1
:::

::: {.callout-tip collapse="true"}
## Head as title
Body2
:::

:::{note}
Body3
:::

````{danger} Named
:class: dropdown

```{tip}
Body4
```
````

::: {.panel-tabset}
## Tab1
Body5

## Tab2
Body6
:::

::: {layout-ncol=2}
![Beside1](bars.svg)

![Beside2](bars.svg)
:::

``` {.python filename="run.py"}
Body7
```

(my-heading)=
# Heading

[](#my-heading)
"""
SHOWN = [
    "See Figure 1, Figure 2, Figure 2b, Figure 4, Table 1, Listing 1, 2 and Figure 3.",
    "Figure 1. Caption one",
    "(a) Left (b) Right Figure 2. Caption two",
    "Figure 3. Caption three",
    "Figure 4. Caption four",
    "Table 1. Caption five",
    "Listing 1. Caption six",
    "Table 2. Caption seven",
    "Own title Body1",
    "Head as title Body2",
    "Note Body3",
    "Named Tip Body4",
    "Tab1 Body5 Tab2 Body6",
    "run.py Body7",
    "Section 1",
]


def test_divisions_of_quarto_and_myst_are_shown(folder: Path) -> None:
    """Figures, tables and listings with captions, call-outs, tabs and rows: alike in both."""
    page, pdf = _seen(folder, DIVISIONS)
    assert [words for words in SHOWN if words not in page] == []
    assert [words for words in SHOWN if words not in pdf] == []
    html = _page(folder, DIVISIONS)
    assert html.find(id="fig-one").img["alt"] == "Heard"
    assert len(html.select(".columns > .column")) == 2
    assert len(html.select(".callout")) == 5
    assert ":::" not in page


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("::: {#fig-x}\n![](bars.svg)\n:::", "no caption"),
        ("::: {#tbl-x}\nText.\n\nCaption\n:::", "one table"),
        ("::: {#lst-x}\nText.\n:::", "one listing"),
        ("::: {#thm-x}\nText.\n:::", "\\begin{theorem}"),
        ("::: {.theorem}\nText.\n:::", "\\begin{theorem}"),
        ("::: {.column-margin}\nText.\n:::", "footnote"),
        ('::: {.content-visible when-format="pdf"}\nText.\n:::', "show the same"),
        ('::: {layout="[1, 2]"}\nText.\n:::', "layout-ncol"),
        ("::: {.panel-sidebar}\nText.\n:::", "no format has"),
        ("::: {.callout-idea}\nText.\n:::", "call-out is note"),
        ('::: {.box title="T"}\nText.\n:::', "title="),
        ("![C](bars.svg){widht=50%}", "(known: width"),
        ("![C](bars.svg){width=wide}", "is no size"),
        ('![](bars.svg "Title"){alt=x}', "nobody would see"),
        ('::: {width="x" .column}\nA\n:::', "is no size"),
        ("::: {#fig-x layout-ncol=two}\n![A](bars.svg)\n\nC\n:::", "number of columns"),
        ("``` {.r fil=x}\ny\n```", "filename"),
        ("``` {.r caption=x}\ny\n```", "{#lst:name}"),
        ("## Heading {visibility=hidden}", "all that is written"),
    ],
)
def test_what_braces_say_and_no_format_shows_is_refused(folder: Path, text: str, word: str) -> None:
    """What page and PDF cannot show as it is meant: the line, and what to write instead."""
    assert [n for n, said in _refused(folder, f"Text.\n\n{text}\n").items() if word in said] == [8]


@pytest.mark.parametrize("width", ["300px", "300", "3in", "8 cm", "60%"])
def test_a_width_is_the_same_in_page_and_pdf(folder: Path, width: str) -> None:
    """Pixels, with their unit or without, are those of a screen."""
    body = f'![C](bars.svg){{#fig:a width="{width}"}}\n'
    style = _page(folder, body).select_one("figure img")["style"]
    pixels = {"300px": "225pt", "300": "225pt", "60%": "60.0%"}
    assert style == f"width:{pixels.get(width, width.replace(' ', ''))}"
    assert "Figure 1. C" in _seen(folder, body)[1]


SPACES = {  # ~ is a space of TeX between an operand and the name of a function
    r"\left[p \log_2 x + b \sin y\right]": "[p~log2~x+b~sin~y]",
    r"a\operatorname{foo}_i x": "a~fooi~x",
    r"x_1\log(b)": "x1~log(b)",
    r"\log\log x": "log~log~x",
    r"-\log x": "−log~x",
    r"\frac{a \ln b}{2 \exp c}": "a~ln~b2~exp~c",
    r"2\sin^2 x\cos x": "2~sin2~x~cos~x",
    r"a \bmod n": "amodn",
    r"x_{\mathrm{eff}} y": "xeffy",
}


@pytest.mark.parametrize("tex", SPACES)
def test_names_of_functions_stand_apart(folder: Path, tex: str) -> None:
    """Wherever a formula has a name, with scripts or in brackets, TeX's space is beside it."""
    formula = _page(folder, f"${tex}$").math
    formula.annotation.decompose()
    for space in formula.find_all("mspace", width="0.167em"):
        space.string = "~"
    assert formula.get_text().replace("\u2061", "") == SPACES[tex]


def test_operators_stand_apart_in_the_pdf(folder: Path) -> None:
    r"""\operatorname is a function there, too, and \texttt is a font."""
    _, pdf = _seen(folder, r"Here $\operatorname*{foo}_{n} a \operatorname{bar} b$ $\texttt{baz}$.")
    assert "bar 𝑏" in pdf
    assert "𝚋𝚊𝚣" in pdf


def test_no_name_of_ours_hides_one_of_typst() -> None:
    """Formulas use names such as `mono`: what our files define is called otherwise."""
    every = b"#metadata((math, sym).map(m => dictionary(m).keys()).flatten()) <names>"
    known = json.loads(typst.Compiler(input=every).query("<names>", field="value"))[0]
    files = (rendering.SOURCES / "labflake/documents/typst").glob("*.typ")
    ours = {n for f in files for n in re.findall(r"^#let ([\w-]+)", f.read_text(), re.M)}
    assert ours
    assert ours & {*known} == set()


def test_pandoc_is_that_of_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer pandoc of the machine makes no document, nor one in the folder of the build."""
    newer = tmp_path / "pandoc"
    newer.write_text("#!/bin/sh\necho pandoc 99.1\n")
    newer.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    done = subprocess.run([pandoc.path(), "--version"], capture_output=True, text=True)
    assert not done.stdout.startswith("pandoc 99")


CELLS = """
---
title: T
---

See @fig-both and @fig-around.

```python
#| label: fig-both
#| fig-cap: Both `{python} 40 + 2`
#| layout-ncol: 2
import matplotlib.pyplot as plt

for end in (1, 2):
    plt.figure(figsize=(2, 1))
    plt.plot([0, end])
    plt.show()
```

::: {#fig-around}

```python
plt.figure(figsize=(2, 1))
plt.plot([3, 4])
plt.show()
```

Around a cell
:::

```python
#| layout-ncol: 2
for end in (1, 2):
    plt.figure(figsize=(2, 1))
    plt.plot([0, end])
    plt.show()
```
"""


@pytest.mark.long
def test_figures_of_cells_stand_side_by_side(folder: Path) -> None:
    """`layout-ncol` and a division around a cell mean what they mean for written figures."""
    project = folder.parent.parent
    (answer,) = writing.build(project, writing.write(project, "2026-01-05-Cells", CELLS))
    assert answer["error"] is None
    made = writing.outputs(project, "2026-01-05-Cells")
    page = bs4.BeautifulSoup((made / "report.html").read_text(encoding="utf-8"), "html.parser")
    assert len(page.select("#fig-both .row img")) == 2
    assert "Figure 1. Both 42" in _plain(page.main.get_text())
    assert "Figure 2. Around a cell" in _plain(page.main.get_text())
    assert len(page.select(".columns > .column img")) == 2
    pdf = _plain(" ".join(p.extract_text() for p in pypdf.PdfReader(made / "report.pdf").pages))
    assert "See Figure 1 and Figure 2" in pdf
    assert "Figure 1. Both 42" in pdf


FORMULAS = {
    r"\begin{array}{cc} a & b \end{array}": "mat(delim: #none, align: #center, a, b)",
    r"\begin{array}{rcl} a & = & b \\ c & = & d \end{array}": "a & = b\\ c & = d",
    r"\begin{matrix} a \\ b \end{matrix}": "vec(delim: #none, align: #center, a, b)",
    r"\left[\begin{array}{cc} a & b \end{array}\right]": 'mat(delim: "[", a, b)',
    r"\begin{cases} a \\ b \end{cases}": 'cases(delim: "{", a & , b & )',
    r"\begin{cases} a & b \end{cases}": 'cases(delim: "{", a & quad b)',
    r"\left\{\begin{array}{c} a \\ b \end{array}\right\}": 'mat(delim: "{", a; b)',
    r"\begin{vmatrix} a & b \end{vmatrix}": 'mat(delim: "|", a, b)',
    r"\left\|\begin{array}{c} a \\ b \end{array}\right\|": 'mat(delim: "‖", a; b)',
    r"\overset{a}{x + y}": "overset(x + y, a)",
    r"\underset{n}{\overset{a}{x}}": "underset(overset(x, a), n)",
    r"\underbracket{x + y}": "underbracket(x + y)",
}


@pytest.mark.parametrize("tex", FORMULAS)
def test_a_formula_of_the_pdf_means_what_its_tex_means(tex: str, folder: Path) -> None:
    """Columns do not touch, cases have their brace, determinants bars; above stays above."""
    text = writing.text(folder / "report.md", f"{HEAD}$${tex}$$\n")
    (made,) = documents.convert(text, [formats.REPORT[0].target(text, folder)])
    (found,) = re.findall(r"\[\$ (.*?) \$\]", made.content, re.S)
    assert " ".join(found.split()) == FORMULAS[tex]
    writing.report(text, folder)


LOST = {
    r"\begin{array}{c|c} a & b \end{array}": "{c|c}",
    r"\begin{array}{c} a \\ \hline b \end{array}": r"\hline",
    r"\color{red} x": r"\color{red}",
}


@pytest.mark.parametrize("tex", LOST)
def test_what_is_lost_of_a_formula_is_refused(tex: str, folder: Path) -> None:
    """Lines and colours, which pandoc leaves out of formulas without a word, have their line."""
    said = _refused(folder, f"# One\n\nText.\n\n$$x$$\n\n$${tex}$$\n")
    assert [*said] == [12]
    assert said[12].endswith(LOST[tex])
