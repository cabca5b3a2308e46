"""The page in a real browser: no errors, no sideways scrolling, accessible, figures enlarge.

Debian's chromium is enough (`apt-get install chromium`); axe-core comes from npm. Pictures of page
and slides go to TEST_ARTIFACTS, if that is set, for people to look at (poppler-utils).
"""

import html
import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
import writing

REPORT = f"scripts/{writing.FEATURES}/report.md"
TALK = f"scripts/{writing.FEATURES}/2026-11-21-talk.md"
WIDTHS = {"desktop": 1280, "phone": 390}
_CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
needs_browser = pytest.mark.skipif(not _CHROMIUM, reason="chromium is not installed")


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


def _chromium(home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run chromium without a window."""
    command = [str(_CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command += ["--allow-file-access-from-files", "--enable-logging=stderr", *options]
    return subprocess.run(
        command, env={**os.environ, "HOME": str(home)}, capture_output=True, text=True, timeout=180
    )


def _ask(folder: Path, page: str, script: str, width: int) -> tuple[object, str]:
    """Show a page in a frame of a width, run a script in it; return its answer and what was logged.

    The frame makes windows possible that are narrower than chromium allows.
    """
    probe = f"<script>window.answer = async () => {{ {script} }}</script></body>"
    (folder / "page.html").write_text(page.replace("</body>", probe), encoding="utf-8")
    frame = f"""<!doctype html><iframe src="page.html" width="{width}" height="900"></iframe>
    <script>
    const frame = document.querySelector("iframe");
    frame.onload = async () => {{
      const answer = await frame.contentWindow.answer();
      const said = document.createElement("pre");
      said.id = "answer";
      said.textContent = JSON.stringify(answer);
      document.body.append(said);
    }};
    </script>"""
    (folder / "frame.html").write_text(frame, encoding="utf-8")
    options = ("--window-size=1400,1000", "--virtual-time-budget=20000", "--dump-dom")
    done = _chromium(folder, *options, (folder / "frame.html").as_uri())
    found = re.search(r'<pre id="answer">(.*?)</pre>', done.stdout, re.S)
    assert found, done.stderr[-2000:]
    logged = "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)
    return json.loads(html.unescape(found[1])), logged


@needs_browser
@pytest.mark.parametrize("width", WIDTHS.values(), ids=list(WIDTHS))
def test_the_page_fits_the_window(width: int, outputs: Path, tmp_path: Path) -> None:
    """Nothing is wider than the window, on a desktop and on a phone, and nothing goes wrong."""
    script = "return document.documentElement.scrollWidth - window.innerWidth"
    page = (outputs / "report.html").read_text(encoding="utf-8")
    wider, logged = _ask(tmp_path, page, script, width)
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
    answer, _ = _ask(tmp_path, page, script, 700)
    assert answer == [True, False, True, 0]


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the source of axe-core, which checks accessibility, from npm."""
    folder = tmp_path_factory.mktemp("axe")
    if not shutil.which("npm"):
        pytest.skip("npm is not installed, and axe-core comes from there")
    command = ["npm", "pack", "axe-core@4", "--silent"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    archives = [*folder.glob("*.tgz")]
    if done.returncode or not archives:
        pytest.skip("axe-core could not be downloaded from npm")
    with tarfile.open(archives[0]) as archive:
        return archive.extractfile("package/axe.min.js").read().decode()


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=list(WIDTHS))
def test_the_page_is_accessible(
    scheme: str, width: int, outputs: Path, tmp_path: Path, axe: str
) -> None:
    """Headings, alternative texts, contrast, landmarks and focus pass an automatic check."""
    page = (outputs / "report.html").read_text(encoding="utf-8")
    if scheme == "dark":
        page = page.replace("(prefers-color-scheme: dark)", "all")
    page = page.replace("</body>", f"<script>{axe}</script></body>")
    script = "return (await axe.run()).violations.map(v => [v.id, v.nodes.map(n => n.html)])"
    violations, _ = _ask(tmp_path, page, script, width)
    assert violations == []


@needs_browser
@pytest.mark.parametrize("name", WIDTHS)
def test_pictures_of_the_page(name: str, outputs: Path, pictures: Path, tmp_path: Path) -> None:
    """The page is drawn at the width of a desktop and of a phone."""
    shutil.copy(outputs / "report.html", tmp_path / "page.html")
    frame = f'<!doctype html><body style="margin:0"><iframe src="page.html" width="{WIDTHS[name]}"'
    (tmp_path / "frame.html").write_text(frame + ' height="3000" style="border:0"></iframe>')
    size = f"--window-size={max(WIDTHS[name], 500)},3000"
    picture = pictures / f"report-{name}.png"
    _chromium(tmp_path, size, f"--screenshot={picture}", (tmp_path / "frame.html").as_uri())
    assert picture.stat().st_size > 50_000


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
