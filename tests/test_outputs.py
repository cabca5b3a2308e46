"""Outputs of cells are shown as in a notebook: the page needs no network, the PDF no browser."""

import re
import shutil
import subprocess
from pathlib import Path

import bs4
import pypdf
import pytest
import writing

from labflake.documents import interactive, markup

pytestmark = pytest.mark.long

NAME = "2026-12-02-Outputs"
OTHER = "2026-12-03-Tables"
FIGURES = """\
---
title: Figures that move
---

# One

```python
#| label: fig:altair
#| caption: By Altair.
import altair as alt
import pandas as pd

table = pd.DataFrame({"dose": [1.5, 2], "group": ["</script>", "y"]})
alt.Chart(table).mark_point().encode(x="dose", y="group")
```

```python
#| label: fig:plotly
#| caption: By Plotly.
#| static: assets/figures/decay.svg
import plotly.graph_objects as go

go.Figure(go.Scatter(x=[1, 2], y=[3, 4], name="<b>line</b>"))
```

```python
#| static: assets/figures/bars.svg
from bokeh.plotting import figure, show

plot = figure(width=300, height=200)
plot.scatter([1, 2], [3, 4])
show(plot)
```

See @fig:altair and @fig:plotly.
"""
TABLES = """\
---
title: Tables
---

# One

```python
#| label: tbl:great
#| caption: By Great Tables.
import pandas as pd
from great_tables import GT

table = pd.DataFrame({"name": ["a", "b"], "x": [1.5, 2.26], "y": [3, -4]})
GT(table).tab_header(title="A heading").fmt_number("x", decimals=1).tab_source_note("A source")
```

```python
shown = table.style.format({"x": "{:.3f} m"}).hide(axis="index").set_caption("By the Styler.")
shown.map(lambda v: "background-color: #ffcc00; font-weight: bold", subset=["y"])
```

```python
table.style.bar(subset=["x"], color="#d65f5f", vmin=0)
```

```python
from IPython.display import HTML, JSON, Image, Markdown, SVG, display

display(HTML("<p>plain <b>bold</b> <span style='color: #cc0000'>red</span></p>"))
display(HTML("<p>before</p><table><tr><td>inside</td></tr></table><p>after</p>"))
display(JSON({"key": [1, "v<b>"]}))
display(Markdown("*marked* text"))
display(SVG("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'></svg>"))
HTML("<table><tr><td>cell <svg width='9' height='9'><circle r='4'/></svg></td></tr></table>")
```
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a project with an experiment without documents."""
    folder = tmp_path_factory.mktemp("outputs") / "project"
    return writing.experiment(writing.project(folder), NAME)


def _made(project: Path, text: str, name: str = NAME) -> tuple[bs4.BeautifulSoup, str]:
    """Build a report; return its page, and the text of its PDF."""
    [answer] = writing.build(project, writing.write(project, name, text))
    assert answer["error"] is None
    folder = writing.outputs(project, name)
    html = (folder / "report.html").read_text(encoding="utf-8")
    pdf = pypdf.PdfReader(folder / "report.pdf")
    text = re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pdf.pages))
    return bs4.BeautifulSoup(html, "html.parser"), text


@pytest.fixture(scope="module")
def figures(project: Path) -> tuple[bs4.BeautifulSoup, str]:
    """Build the figures that move."""
    for package in ("altair", "vl_convert", "plotly", "bokeh"):
        pytest.importorskip(package)
    return _made(project, FIGURES)


@pytest.mark.parametrize("library", ["vega", "plotly", "bokeh"])
def test_the_page_has_figures_that_move(library: str, figures: tuple) -> None:
    """Data and script of each library are in the page, each script once, and nothing is loaded."""
    page, _ = figures
    assert len(page.select(f"main [data-library={library}]")) == 1
    interactive.refuse_network(str(page.main))
    assert [s for s in page.find_all("script") if s.get("src")] == []
    assert all(image["src"].startswith("data:") for image in page.find_all("img"))


def test_figures_that_move_have_numbers(figures: tuple) -> None:
    """A label and a caption belong to the figure, in the page and in the PDF."""
    page, text = figures
    found = [page.find(id=name) for name in ("fig:altair", "fig:plotly")]
    assert [figure.figcaption.get_text() for figure in found] == [
        "Figure\u00a01. By Altair.",
        "Figure\u00a02. By Plotly.",
    ]
    assert all(figure.select("[data-library]") for figure in found)
    assert "See Figure 1 and Figure 2." in text.replace("\u00a0", " ")


def test_the_pdf_has_a_picture_of_altair(figures: tuple) -> None:
    """What the figure says can be read in the PDF, in a font that is on every machine."""
    _, text = figures
    assert "dose" in text
    assert "</script>" in text


def test_figures_that_move_are_the_same_bytes(project: Path, figures: tuple) -> None:
    """Nothing that a library makes up at random is in page, PDF or notebook."""
    folder = project / "generated" / NAME

    def made() -> dict[str, bytes]:
        paths = [*folder.glob("outputs/report.*"), folder / "assets/report/report.ipynb"]
        return {path.name: path.read_bytes() for path in paths}

    first = made()
    (folder / ".labflake/documents/report.json").unlink(missing_ok=True)
    _made(project, FIGURES)
    assert {name for name, content in made().items() if content != first[name]} == set()


def test_a_browser_draws_them(project: Path, figures: tuple) -> None:
    """A browser without a network draws all three figures, and says no error."""
    browser = shutil.which("chromium")
    if not browser:
        pytest.skip("no chromium")
    page = writing.outputs(project, NAME) / "report.html"
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]
    command += ["--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=8000", "--dump-dom"]
    done = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=300)
    drawn = bs4.BeautifulSoup(done.stdout, "html.parser")
    found = ("[data-library=vega] svg, [data-library=vega] canvas", ".main-svg", ".bk-Figure")
    assert [bool(drawn.select(selector)) for selector in found] == [True, True, True]
    assert re.findall(r"CONSOLE.*(?:Error|Uncaught|net::).*", done.stderr) == []


@pytest.fixture(scope="module")
def tables(project: Path) -> tuple[bs4.BeautifulSoup, str]:
    """Build the tables."""
    pytest.importorskip("great_tables")
    return _made(project, TABLES, OTHER)


SAID = (
    "By Great Tables.", "A heading", "A source", "2.3", "By the Styler.", "1.500 m", "2.260000",
    "plain bold red", "before", "inside", "after", '"v<b>"', "marked text", "cell",
)  # fmt: skip


@pytest.mark.parametrize("said", SAID)
def test_nothing_of_an_output_is_lost(said: str, tables: tuple) -> None:
    """Headings, formats, sources, captions and text around tables are in page and PDF."""
    page, text = tables
    assert said in re.sub(r"\s+", " ", page.main.get_text())
    assert said in text


def test_tables_keep_their_colours(project: Path, tables: tuple) -> None:
    """Grounds, weights and bars of the Styler are in the page and in the PDF."""
    page, _ = tables
    grounds = [c for c in page.find_all("td") if "#ffcc00" in c.get("style", "").lower()]
    assert [cell.get_text() for cell in grounds] == ["3", "−4"]
    assert all("color: #000000" in cell["style"] for cell in grounds)  # on a dark page, too
    assert len([c for c in page.find_all("td") if "gradient" in c.get("style", "")]) == 2
    pdf = pypdf.PdfReader(writing.outputs(project, OTHER) / "report.pdf")
    drawn = b"".join(p.get_contents().get_data() for p in pdf.pages)
    assert re.search(rb"\b1 0\.8\d* 0 scn", drawn)


def test_a_table_of_polars_has_no_types() -> None:
    """Names and values are shown, all columns of them; types and the size are for work on it."""
    pl = pytest.importorskip("polars", reason="180 MB; it was seen with polars 2.1")
    from labflake.documents import showing

    html = showing._polars(pl.DataFrame({f"c{n}": [1.5, None] for n in range(30)}))
    shown = bs4.BeautifulSoup(markup.translated(html, lambda *_: ""), "html.parser")
    assert [row.get_text(" ", strip=True) for row in shown.find_all("tr")] == [
        " ".join(f"c{n}" for n in range(30)),
        " ".join(["1.5"] * 30),
        " ".join(["null"] * 30),
    ]


UNSHOWN = {
    "plotly": (
        "import plotly.graph_objects as go\ngo.Figure()",
        "the PDF cannot show a figure of Plotly",
    ),
    "a frame of another page": (
        "from IPython.display import IFrame\nIFrame('https://example.org', 300, 200)",
        "this output loads https://example.org",
    ),
    "a script": (
        "from IPython.display import Javascript\nJavascript('alert(1)')",
        "this output is application/javascript (<IPython.core.display.Javascript object>)",
    ),
    "a script from the network": (
        "from IPython.display import HTML\nHTML('<script src=\"//cdn.example/x.js\"></script>')",
        "this output loads //cdn.example/x.js",
    ),
    "what only a browser shows": (
        "from IPython.display import HTML\nHTML('<progress value=1 max=2></progress>')",
        "the PDF cannot show <progress>",
    ),
    "a widget": (
        "display({'application/vnd.jupyter.widget-view+json': {'model_id': '1'},"
        " 'text/plain': 'IntSlider(value=0)'}, raw=True)",
        "this output is application/vnd.jupyter.widget-view+json (IntSlider(value=0))",
    ),
    "a picture that nothing needs": ("#| static: assets/figures/bars.svg\n1", "static: is for"),
    "a picture that is not there": (
        "#| static: assets/figures/none.svg\nimport plotly.graph_objects as go\ngo.Figure()",
        "no such figure: assets/figures/none.svg",
    ),
}


def test_what_cannot_be_shown_stops_the_build(project: Path) -> None:
    """Each output of which a target would show nothing, or a name in its place, has its line."""
    sources, lines = [], {}
    for number, (name, (code, words)) in enumerate(UNSHOWN.items()):
        text = f"---\ntitle: T\n---\n\n# One\n\n```python\n{code}\n```\n"
        sources.append(writing.write(project, NAME, text, f"2026-12-{number + 10}-x.md"))
        lines[name] = words
    for name, answer in zip(UNSHOWN, writing.build(project, *sources), strict=True):
        first = (answer["error"] or "").splitlines()[:1]
        assert first, name
        assert re.search(r"x\.md:\d+: ", first[0]), name
        assert lines[name] in first[0], name
        assert answer["outputs"] == []


def test_pictures_in_html_become_files() -> None:
    """Pictures inside of an output are shown, too; what is hidden is not."""
    saved = []

    def save(content: bytes, suffix: str) -> str:
        saved.append((suffix, content[:4]))
        return f"{len(saved)}.{suffix}"

    html = '<p style="display: none">no</p><img src="data:image/png;base64,iVBORw0="><svg></svg>'
    assert markup.translated(html, save) == '<img src="2.png"/><img src="1.svg"/>'
    assert saved == [("svg", b"<svg"), ("png", b"\x89PNG")]
