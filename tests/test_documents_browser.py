"""Pages in a real browser: no errors, no sideways scrolling, accessible, figures enlarge.

Debian's chromium is enough (`apt-get install chromium`); axe-core comes from npm. Pictures of pages
and slides go to TEST_ARTIFACTS, if that is set, for people to look at (poppler-utils).
"""

import os
import shutil
import subprocess
from pathlib import Path

import browsing
import pytest
import writing
from browsing import WIDTHS, needs_browser

pytestmark = pytest.mark.long

REPORT = f"scripts/{writing.FEATURES}/report.md"
TALK = f"scripts/{writing.FEATURES}/2026-11-21-talk.md"
PAGES = ["report", "2026-11-21-talk"]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build report and slides that use every feature; return the folder that holds them."""
    project = writing.features(tmp_path_factory.mktemp("browser") / "p")
    for answer in writing.build(project, project / REPORT, project / TALK):
        assert answer["error"] is None
    return writing.outputs(project, writing.FEATURES)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder for pictures."""
    folder = Path(os.environ.get("TEST_ARTIFACTS") or tmp_path_factory.mktemp("pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@needs_browser
@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", WIDTHS.values(), ids=list(WIDTHS))
def test_the_page_fits_the_window(name: str, width: int, outputs: Path, tmp_path: Path) -> None:
    """Nothing is wider than the window, on a desktop and on a phone, and nothing goes wrong."""
    script = "return document.documentElement.scrollWidth - window.innerWidth"
    page = (outputs / f"{name}.html").read_text(encoding="utf-8")
    wider, logged = browsing.ask(tmp_path, page, script, width)
    assert wider == 0
    assert logged == ""


@needs_browser
def test_figures_enlarge_and_tables_scroll(outputs: Path, tmp_path: Path) -> None:
    """A click on a figure shows it large, another one closes it; a wide table scrolls by itself."""
    script = """
    const button = document.querySelector("button.enlarge");
    button.click();
    const dialog = document.querySelector("dialog");
    const opened = dialog.open && dialog.querySelector("img").clientWidth > button.clientWidth;
    dialog.click();
    const region = document.querySelector("[id='tbl:wide'] .scroll");
    return [opened, dialog.open, region.scrollWidth > region.clientWidth, region.tabIndex];
    """
    page = (outputs / "report.html").read_text(encoding="utf-8")
    answer, _ = browsing.ask(tmp_path, page, script, 700)
    assert answer == [True, False, True, 0]


@needs_browser
def test_formulas_bring_their_font(outputs: Path, tmp_path: Path) -> None:
    """Formulas are set in fonts that the page has inside: braces grow, on any machine."""
    script = """
    await document.fonts.ready;
    const formula = document.createElement("p");
    formula.innerHTML = `<math><mrow><mo stretchy="true">{</mo><mfrac><mfrac><mi>x</mi><mi>y</mi>
      </mfrac><mfrac><mi>x</mi><mi>y</mi></mfrac></mfrac></mrow></math>`;
    document.querySelector("main").append(formula);
    await document.fonts.ready;
    const [brace, fraction] = ["mo", "mfrac"].map(
      name => formula.querySelector(name).getBoundingClientRect().height);
    return [[...document.fonts].map(f => f.family + " " + f.status), brace >= fraction];
    """
    page = (outputs / "report.html").read_text(encoding="utf-8")
    (fonts, grows), _ = browsing.ask(tmp_path, page, script, 1280)
    assert [font.replace('"', "") for font in fonts] == ["Formula loaded", "Formula Letters loaded"]
    assert grows


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the source of axe-core, which checks accessibility."""
    return browsing.axe(tmp_path_factory.mktemp("axe"))


@needs_browser
@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=list(WIDTHS))
def test_the_page_is_accessible(
    name: str, scheme: str, width: int, outputs: Path, tmp_path: Path, axe: str
) -> None:
    """Headings, alternative texts, contrast, landmarks and focus pass an automatic check."""
    page = (outputs / f"{name}.html").read_text(encoding="utf-8")
    if scheme == "dark":
        page = page.replace("(prefers-color-scheme: dark)", "all")
    page = page.replace("</body>", f"<script>{axe}</script></body>")
    script = "return (await axe.run()).violations.map(v => [v.id, v.nodes.map(n => n.html)])"
    violations, _ = browsing.ask(tmp_path, page, script, width)
    assert violations == []


@needs_browser
def test_each_slide_of_the_page_fills_the_window(outputs: Path, tmp_path: Path) -> None:
    """On a desktop each slide is as high as the window, and scrolling stops at slides."""
    script = """
    const slides = [...document.querySelectorAll("main > header, .slide")];
    const snaps = getComputedStyle(document.documentElement).scrollSnapType;
    return [slides.map(s => Math.round(s.offsetHeight / window.innerHeight)), snaps];
    """
    page = (outputs / "2026-11-21-talk.html").read_text(encoding="utf-8")
    answer, _ = browsing.ask(tmp_path, page, script, WIDTHS["desktop"])
    assert answer == [[1] * 8, "y mandatory"]


@needs_browser
@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_pictures_of_the_page(
    name: str, width: str, outputs: Path, pictures: Path, tmp_path: Path
) -> None:
    """The page is drawn at the width of a desktop and of a phone."""
    target = pictures / f"{name}-{width}.png"
    browsing.picture(tmp_path, outputs / f"{name}.html", target, WIDTHS[width], 3000)
    assert target.stat().st_size > 30_000


@pytest.mark.skipif(
    not shutil.which("pdftoppm"), reason="pdftoppm (poppler-utils) is not installed"
)
@pytest.mark.parametrize("name", ["report", "2026-11-21-talk", "2026-11-21-talk-notes"])
def test_pictures_of_the_pdf(name: str, outputs: Path, pictures: Path) -> None:
    """Each page of report, slides and notes is drawn, without a complaint of the reader."""
    command = ["pdftoppm", "-r", "70", "-png", str(outputs / f"{name}.pdf"), str(pictures / name)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert len([*pictures.glob(f"{name}-*.png")]) >= 5
