"""Reports and presentations: what their authors write appears in page, PDF and slides."""

import hashlib
import json
import os
import re
from pathlib import Path

import bs4
import nbformat
import pypdf
import pytest
import writing

REPORT = f"scripts/{writing.FEATURES}/report.md"
TALK = f"scripts/{writing.FEATURES}/2026-11-21-talk.md"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a project and build its report and its slides, which use every feature. Read only."""
    made = writing.features(tmp_path_factory.mktemp("features") / "a pröject")
    writing.experiment(made, writing.ODD)
    odd = writing.write(made, writing.ODD, (writing.DOCUMENTS / "odd.md").read_text())
    for answer in writing.build(made, made / REPORT, made / TALK, odd):
        assert answer["error"] is None
    return made


@pytest.fixture(scope="module")
def pdf(project: Path) -> pypdf.PdfReader:
    """Read the PDF of the report."""
    return pypdf.PdfReader(writing.outputs(project, writing.FEATURES) / "report.pdf")


@pytest.fixture(scope="module")
def text(pdf: pypdf.PdfReader) -> str:
    """Return the text of the PDF, with single spaces."""
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pdf.pages))


@pytest.fixture(scope="module")
def page(project: Path) -> bs4.BeautifulSoup:
    """Parse the HTML page of the report."""
    path = writing.outputs(project, writing.FEATURES) / "report.html"
    return bs4.BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@pytest.fixture(scope="module")
def slides(project: Path) -> list[str]:
    """Return the text of each page of the slides."""
    path = writing.outputs(project, writing.FEATURES) / "2026-11-21-talk.pdf"
    return [re.sub(r"\s+", " ", p.extract_text()) for p in pypdf.PdfReader(path).pages]


def _plain(element: bs4.Tag) -> str:
    return re.sub(r"\s+", " ", element.get_text().replace("\u00a0", " ")).strip()


NUMBERED = {
    "fig:decay": "Figure 1. Signal over time",
    "fig:pair": "Figure 2. Two parts side by side, from 1560 points.",
    "fig:inline": "Figure 3. Drawn inside the report",
    "fig:column": "Figure 4. In a column.",
    "tbl:estimates": "Table 1. Estimates per group, from a DataFrame, with 3 rows",
    "tbl:symbols": "Table 2. A table written in Markdown.",
    "tbl:wide": "Table 3. A wide table.",
    "tbl:long": "Table 4. A long table.",
    "lst:fit": "Listing 1. How the ratio is computed.",
    "lst:awk": "Listing 2. Counting, in awk.",
}


@pytest.mark.parametrize("label", NUMBERED)
def test_numbers_are_the_same_in_page_and_pdf(
    label: str, page: bs4.BeautifulSoup, text: str
) -> None:
    """Figures, tables and listings have the same number and caption in both formats."""
    figure = page.find(id=label)
    caption = next(c for c in figure.find_all("figcaption") if c.find_parent("figure") is figure)
    assert _plain(caption).startswith(NUMBERED[label])
    assert NUMBERED[label] in text.replace("\u00a0", " ")


def test_sections_and_appendices_have_numbers(page: bs4.BeautifulSoup, text: str) -> None:
    """Sections count from 1, appendices from A; references and provenance have no number."""
    headings = [_plain(h) for h in page.select("main h2, main h3")]
    expected = [
        "1 Introduction", "2 Model", "2.1 The results of 3 groups", "A Derivation",
        "A.1 Wide and long tables", "B Notation", "References", "Provenance",
    ]  # fmt: skip
    assert headings == expected
    assert all(heading in text for heading in expected)


REFERENCES = (
    "see Section 2.1 and Appendix A.",
    "Both Equation 1 and Equation 2 are used in Figure 1, Figure 2, Table 1 and Listing 1.",
    "The number alone of a figure: 1. A part: Figure 2a.",
    "See Table 2, Figure 3, Table 3 and Table 4.",
    "Appendix A and Appendix B are appendices.",
)


@pytest.mark.parametrize("sentence", REFERENCES)
def test_references_are_filled_in(sentence: str, page: bs4.BeautifulSoup, text: str) -> None:
    """References by label read the same in both formats."""
    assert sentence in _plain(page.main)
    assert sentence in text.replace("\u00a0", " ").replace("­", "")


def test_references_are_links(page: bs4.BeautifulSoup) -> None:
    """Every link within the page leads somewhere."""
    links = [a["href"][1:] for a in page.select('a[href^="#"]')]
    assert len(links) > 30
    assert [link for link in links if not page.find(id=link)] == []


VALUES = ("1,560 points", "2.58 -fold", "with 3 rows", "42 units", "The results of 3 groups")


@pytest.mark.parametrize("value", VALUES)
def test_expressions_show_values(value: str, page: bs4.BeautifulSoup, text: str) -> None:
    """Abstract, headings, captions and tables hold values, not expressions."""
    assert value.replace(" -", "-") in _plain(page.main)
    assert value.replace(" -", "-") in text.replace(" -", "-")
    assert "{python}" not in text


def test_the_title_block_has_everybody(page: bs4.BeautifulSoup, pdf: pypdf.PdfReader) -> None:
    """Authors, their places of work, ORCID iD and e-mail address are in page and PDF."""
    header, first = _plain(page.main.header), pdf.pages[0].extract_text()
    for said in ("Ada Example", "Bo O’Sample", "Example Institute", "ada@example.org"):
        assert said in header
        assert said.replace("’", "'") in first.replace("’", "'")
    actions = [a.get_object().get("/A", {}) for a in pdf.pages[0]["/Annots"]]
    links = {action["/URI"] for action in actions if "/URI" in action}
    assert {"https://orcid.org/0000-0002-1825-0097", "mailto:ada@example.org"} <= links
    assert pdf.metadata.author == 'Ada Example, Bo O\'Sample "Junior"'


def test_citations_have_a_bibliography(page: bs4.BeautifulSoup, text: str) -> None:
    """Citations link to a list of references, in the style that the header names or the default."""
    assert "(Gillespie 1977; Knuth 1984, 97)" in text
    assert len(page.select("#refs .csl-entry")) == 3
    assert "10.1021/j100540a008" in text


def test_footnotes_callouts_columns_and_code(page: bs4.BeautifulSoup, text: str) -> None:
    """Footnotes, call-outs, columns, listings, printed output and warnings are there."""
    assert "A footnote with emphasis, code" in text
    assert _plain(page.select_one(".callout.warning")).startswith("Warning The data are simulated")
    assert [c["style"] for c in page.select(".column")] == ["width:40%;", "width:60%;"]
    assert "ratio: 2.58" in _plain(page.select_one("pre.output.stdout"))
    assert "UserWarning: only 40 subjects" in _plain(page.select_one("pre.output.stderr"))
    assert "UserWarning: only 40 subjects" in text


def test_only_what_is_to_be_shown_is_shown(text: str) -> None:
    """Code is hidden unless `show` says otherwise; options are never shown."""
    assert "import json" not in text
    assert "import warnings" in text
    assert "#|" not in text


def test_long_tables_break_and_wide_tables_fit(pdf: pypdf.PdfReader) -> None:
    """A long table goes on with its head on the next page; a wide one is on a turned page."""
    heads = [p for p in pdf.pages if "number square" in re.sub(r"\s+", " ", p.extract_text())]
    assert len(heads) == 2
    turned = [p for p in pdf.pages if p.mediabox.width > p.mediabox.height]
    assert ["A wide table." in p.extract_text() for p in turned] == [True]
    edges: list[float] = []
    turned[0].extract_text(visitor_text=lambda text, cm, tm, font, size: edges.append(cm[4]))
    assert max(edges) < float(turned[0].mediabox.width) - 60


def test_the_pdf_is_tagged_archivable_and_has_its_fonts(pdf: pypdf.PdfReader) -> None:
    """The PDF says that it is PDF/A-2a and PDF/UA-1, is tagged, and embeds every font."""
    metadata = pdf.trailer["/Root"]["/Metadata"].get_data().decode()
    assert re.search(r"pdfaid:part>2<.*pdfaid:conformance>A<", metadata, re.S)
    assert "pdfuaid:part>1<" in metadata
    assert pdf.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert pdf.trailer["/Root"]["/Lang"] == "en"
    fonts = [f.get_object() for p in pdf.pages for f in p["/Resources"]["/Font"].values()]
    descriptors = [f["/DescendantFonts"][0]["/FontDescriptor"] for f in fonts]
    assert descriptors
    assert all("/FontFile2" in d or "/FontFile3" in d for d in descriptors)


def test_other_scripts_are_in_the_pdf(text: str) -> None:
    """Greek, Cyrillic, Hebrew, Arabic and symbols have glyphs."""
    assert all(word in text for word in ("α", "Дата", "→", "✓", "∞"))
    assert "שלום" in text or "םולש" in text


def test_the_page_needs_nothing_else(page: bs4.BeautifulSoup) -> None:
    """One file: figures, style and script are inside; nothing is loaded from elsewhere."""
    assert all(i["src"].startswith("data:image/") for i in page.find_all("img"))
    assert not page.select("link[href], script[src], iframe, object, embed")
    assert re.findall(r'url\((?!"?data:)', page.style.string) == []
    assert "@import" not in page.style.string


def test_figures_have_alternative_texts(page: bs4.BeautifulSoup) -> None:
    """Who cannot see a figure is told what it shows: its `alt`, else its caption."""
    alts = [i["alt"] for i in page.find_all("img")]
    assert all(alts)
    assert alts[0] == "Three falling curves"
    assert "A line that rises and falls" in alts


def test_math_is_mathml(page: bs4.BeautifulSoup) -> None:
    """Formulas are in the page as MathML, with the TeX source inside."""
    assert len(page.find_all("math")) > 10
    assert "\\frac{\\ln 2}{k_g}" in page.find(id="eq:half").annotation.string


def test_formulas_have_the_spaces_of_tex(page: bs4.BeautifulSoup) -> None:
    """Names of functions stand apart, and no line ends between `$n =$` and its number."""
    names = [m for m in page.find_all("mi", {"mathvariant": "normal"}) if m.string == "ln"]
    assert [name.parent.find_next_sibling().name for name in names] == ["mspace"] * len(names)
    assert names
    assert "n =\u20601560 repeats" in _plain(page.main)
    assert page.select_one(".callout .tied").get_text().endswith("\u20601560")


def test_slides_have_all_parts(slides: list[str]) -> None:
    """Title, headings with values, columns, footnotes and references are on slides."""
    assert "Every feature of slides" in slides[0]
    assert "1,560 points" in slides[1]
    assert "Results" in slides[2]
    assert "Rates: 2.58-fold faster" in slides[3]
    assert "Forty subjects each." in slides[4]
    assert "A slide without a title." in slides[8]
    assert "[1] D. T. Gillespie" in slides[9]
    assert len(slides) == 10


def test_slides_are_a_page_too(project: Path) -> None:
    """The same slides as one HTML file: sections with headings, figures and notes inside."""
    path = writing.outputs(project, writing.FEATURES) / "2026-11-21-talk.html"
    page = bs4.BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    headings = [_plain(slide.h2) if slide.h2 else "" for slide in page.select("section.slide")]
    assert headings == [
        "Question", "Results", "Rates: 2.58-fold faster", "Two columns", "Step by step", "",
        "References",
    ]  # fmt: skip
    assert "Speak slowly." in _plain(page.select_one("section.slide details.notes"))
    assert "Forty subjects each." in _plain(page.select("section.slide")[3])
    assert [i["src"][:11] for i in page.find_all("img")] == ["data:image/"] * 2
    assert not page.select("link[href], script[src], iframe, object, embed")
    links = [a["href"][1:] for a in page.select('a[href^="#"]')]
    assert [link for link in links if not page.find(id=link)] == []


def test_incremental_slides_share_a_number(slides: list[str]) -> None:
    """A list that is shown step by step takes a page for each item, and one number."""
    assert all("Step by step" in slide for slide in slides[5:8])
    assert all("6 / 8" in slide for slide in slides[5:8])


def test_slides_are_wide(project: Path) -> None:
    """Pages of slides are 16 to 9."""
    path = writing.outputs(project, writing.FEATURES) / "2026-11-21-talk.pdf"
    for page in pypdf.PdfReader(path).pages:
        assert page.mediabox.width / page.mediabox.height == pytest.approx(16 / 9, rel=0.001)


def test_notes_are_in_a_second_pdf(project: Path, slides: list[str]) -> None:
    """What the speaker says is not on the slides, but below them in a PDF of its own."""
    path = writing.outputs(project, writing.FEATURES) / "2026-11-21-talk-notes.pdf"
    pages = [p.extract_text() for p in pypdf.PdfReader(path).pages]
    assert "Speak slowly." in pages[1]
    assert len(pages) == 8
    assert not any("Speak slowly" in slide for slide in slides)


def test_the_author_of_the_project_is_the_default(project: Path, slides: list[str]) -> None:
    """A document without author has those of pyproject.toml, with all their characters."""
    path = writing.outputs(project, writing.FEATURES) / "2026-11-21-talk.pdf"
    assert pypdf.PdfReader(path).metadata.author == writing.AUTHOR
    words = "(id) {{ x }} \\n @home *star* 50% & #1"
    assert words in slides[0]


def test_the_date_is_that_of_the_name(slides: list[str]) -> None:
    """Slides without a date have that of their file name."""
    assert "2026-11-21" in slides[0]


def test_the_notebook_holds_text_and_results(project: Path) -> None:
    """The executed notebook is valid, has the numbers in its text, and no time or path."""
    path = project / f"generated/{writing.FEATURES}/assets/report/report.ipynb"
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    prose = "\n".join(c.source for c in notebook.cells if c.cell_type != "code")
    assert "1,560" in prose
    assert "{python}" not in prose
    assert str(project) not in path.read_text(encoding="utf-8")
    assert "iopub" not in path.read_text(encoding="utf-8")


@pytest.mark.long
def test_reads_are_the_files_of_the_project(project: Path) -> None:
    """A document tells what it read: data, figures, bibliography, and its equipment."""
    (answer,) = writing.build(project, project / REPORT)
    names = {os.path.relpath(p, project) for p in answer["reads"]}
    assets = f"generated/{writing.FEATURES}/assets"
    assert {REPORT, f"{assets}/data/fit.json", f"{assets}/data/estimates.csv"} <= names
    assert {f"{assets}/figures/decay.svg", f"scripts/{writing.FEATURES}/references.bib"} <= names
    assert not any(name.startswith(f"{assets}/report/") for name in names)


@pytest.mark.long
def test_nobody_typed_a_number(project: Path) -> None:
    """Documents whose numbers all come from expressions have no warnings."""
    answers = writing.build(project, project / REPORT, project / TALK)
    assert [a["warnings"] for a in answers] == [[], []]


def test_provenance_is_in_page_pdf_and_json(project: Path, page, text: str) -> None:
    """The end of a report and a JSON file say where it comes from."""
    path = writing.outputs(project, writing.FEATURES) / "report.provenance.json"
    origin = json.loads(path.read_text(encoding="utf-8"))
    command = f"make generated/{writing.FEATURES}/outputs/report.pdf"
    assert origin["rebuild"] == command
    packages = hashlib.sha256(json.dumps(origin["packages"], sort_keys=True).encode()).hexdigest()
    for said in (writing.FEATURES, packages[:16], command):
        assert said in _plain(page.select_one(".provenance"))
        assert said.replace(" ", "") in text.replace(" ", "")
    assert origin["software"]["numpy"]
    assert set(origin["software"]) >= {"Python", "typst", "pypandoc-binary"}


@pytest.fixture(scope="module")
def odd(project: Path) -> tuple[bs4.BeautifulSoup, str]:
    """Return page and PDF text of a report that is unusual in many ways, and right."""
    folder = writing.outputs(project, writing.ODD)
    page = bs4.BeautifulSoup((folder / "report.html").read_text(encoding="utf-8"), "html.parser")
    pages = [p.extract_text() for p in pypdf.PdfReader(folder / "report.pdf").pages]
    return page, re.sub(r"\s+", " ", " ".join(pages))


def test_heading_levels_have_no_gaps(odd: tuple[bs4.BeautifulSoup, str]) -> None:
    """Whatever level a report begins with, its headings follow below the title without a gap."""
    levels = [int(h.name[1]) for h in odd[0].select("h1, h2, h3, h4")]
    assert levels == [1, 2, 2, 2, 2, 2]


OUTPUTS = (
    "bold from Markdown", "bold from HTML", "red", "tab", "<object at 0x…>",
    "Name: s, dtype: int64", "0.3333 0.6667",
)  # fmt: skip


@pytest.mark.parametrize("output", OUTPUTS)
def test_outputs_of_all_kinds_are_shown(output: str, odd: tuple[bs4.BeautifulSoup, str]) -> None:
    """Markdown, HTML, coloured text, objects, series and tables with two heads are in both."""
    page, text = odd
    assert output in text
    assert output.replace(" ", "") in _plain(page.main).replace(" ", "")


def test_very_long_tables_are_cut_in_the_middle(odd: tuple[bs4.BeautifulSoup, str]) -> None:
    """Of a table of a thousand rows the first and the last hundred are shown, with a mark."""
    rows = odd[0].find(id="tbl:big").select("tbody tr")
    assert [_plain(row) for row in rows[99:102]] == ["99", "...", "900"]
