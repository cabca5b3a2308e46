"""`make index`: one page of all experiments, true without a build, quick with a thousand."""

import os
import random
import re
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import browsing
import building
import pytest
import rendering
import writing
from browsing import WIDTHS, needs_browser
from bs4 import BeautifulSoup
from building import SAMPLE, TINY

MANY = 1000
HEADER = """
    ---
    title: "{title}"
    question: Does *{title}* matter where $n < p$?
    abstract: |
      One paragraph. At $n =$ {number} it gains `{{python}} gain` nats [@someone].
    tags: [{tags}]
    metrics:
      score: {score}
      rows: {number}
    ---
"""
TAGS = ["prior", "shrinkage", "snow", "wind", "negative result", "ridge", "bootstrap"]
SNAKEFILE = """
    from labflake import step

    rule all:
        input: "assets/data/results.json", "assets/data/table.csv",

    rule results:
        output: "assets/data/results.json",
        params: best=config["best"],
        shell: step("echo '{{\\"best\\": {{\\"score\\": {params.best}}}}}' > {output}")

    rule table:
        output: "assets/data/table.csv",
        shell: step("printf 'name,count\\\\nfirst,3\\\\nsecond,12345\\\\n' > {output}")
"""
REPORT = """
    ---
    title: "The best is `{python} best`"
    abstract: "It is `{python} f'{best:.2f}'` in $\\\\mathbb{R}^2$."
    tags: [tiny]
    pull-request: 12
    metrics:
      of the report: "`{python} f'{best:.1f}'` nats"
      of the results: results.json#best.score
      of the table: table.csv#count[name=second]
      not there: results.json#worst
    ---

    ```python
    #| show: none
    from labflake import load
    best = load("results")["best"]["score"]
    ```

    The best is `{python} best`.
"""


def index(project: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Write the page with the project's Python, or that of the tests where nothing was built."""
    env = {**os.environ, "PYTHONPATH": str(project), **environment}
    program = "import sys; from labflake.commands import index; sys.exit(index.main([]))"
    own = project / ".venv" / "bin" / "python"
    python = own if own.exists() else sys.executable
    return subprocess.run(
        [python, "-c", program], cwd=project, env=env, capture_output=True, text=True
    )


def page(project: Path) -> BeautifulSoup:
    """Write the page of a project, and read it."""
    done = index(project)
    assert done.returncode == 0, done.stderr
    text = (project / "generated" / "index.html").read_text(encoding="utf-8")
    return BeautifulSoup(text, "html.parser")


def article(soup: BeautifulSoup, name: str):
    """Return what the page says about an experiment."""
    return soup.find("article", id=name)


def state(project: Path, name: str = SAMPLE) -> str:
    """Return the state that the page shows for an experiment."""
    return article(page(project), name).select_one(".state").text


def synthetic(project: Path, count: int) -> None:
    """Write many experiments of which nothing is built."""
    draw = random.Random(1)
    for number in range(count):
        name = f"{2016 + number % 10}-{1 + number % 12:02}-{1 + number % 28:02}-Number-{number}"
        folder = project / "scripts" / name
        folder.mkdir(parents=True)
        (folder / "Snakefile").touch()
        header = (
            textwrap.dedent(HEADER)
            .lstrip()
            .format(
                title=f"Number {number}",
                number=number,
                tags=", ".join(draw.sample(TAGS, 3)),
                score=round(draw.gauss(40, 9), 2),
            )
        )
        (folder / "report.md").write_text(header, encoding="utf-8")


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a project of a thousand experiments, and its page."""
    project = writing.project(tmp_path_factory.mktemp("many") / "p")
    synthetic(project, MANY)
    assert index(project).returncode == 0
    return project


@pytest.fixture(scope="module")
def text(many: Path) -> str:
    """Read the page of a thousand experiments."""
    return (many / "generated" / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tiny(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the project and build a small experiment that has metrics of all kinds."""
    project = building.copy(built, tmp_path_factory.mktemp("index") / "p")
    building.experiment(
        project,
        TINY,
        Snakefile=SNAKEFILE,
        config_yaml="best: 58.25\n",
        report_md=REPORT,
        hashes_txt="",
    )
    building.made(project, EXPERIMENT=TINY, CACHE=str(project.parent / "cache"))
    return project


def test_all_are_there_newest_first(many: Path, text: str) -> None:
    """Each experiment has one entry; they are sorted by name, which begins with the date."""
    names = [each["id"] for each in BeautifulSoup(text, "html.parser").find_all("article")]
    assert names == sorted((p.name for p in (many / "scripts").iterdir()), reverse=True)


@pytest.mark.long
def test_each_of_a_thousand_costs_no_more_than_one_of_a_hundred(many: Path, tmp_path: Path) -> None:
    """The work for a thousand experiments is at most ten times that for a hundred."""
    few = writing.project(tmp_path / "p")
    synthetic(few, MANY // 10)
    assert calls(many) < 10 * calls(few)


def calls(project: Path) -> int:
    """Return how many functions are called to write the page: the same on every machine."""
    program = "import cProfile, pstats; from labflake.commands import index; p = cProfile.Profile()"
    program += "; p.runcall(index.main, []); print(pstats.Stats(p).total_calls)"
    command = [sys.executable, "-c", program]
    env = os.environ | {"PYTHONPATH": str(project)}
    done = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[-1])


@pytest.mark.long
def test_page_is_deterministic(many: Path, text: str) -> None:
    """Clock, time zone, locale and hash seed do not change a byte."""
    time.sleep(1)
    done = index(many, TZ="Asia/Kathmandu", LC_ALL="C", PYTHONHASHSEED="7", COLUMNS="40")
    assert done.returncode == 0
    assert (many / "generated" / "index.html").read_text(encoding="utf-8") == text


def test_nothing_is_loaded_from_elsewhere(text: str) -> None:
    """The page needs no network: style and script are inside, pictures are files beside it."""
    soup = BeautifulSoup(text, "html.parser")
    assert [
        tag for tag in soup.find_all(["script", "img", "iframe"]) if "//" in tag.get("src", "")
    ] == []
    assert soup.find_all("link") == []
    assert not re.search(r"@import|url\(", soup.style.text)


def test_what_is_not_built_says_so(text: str) -> None:
    """Without results the values of expressions are an ellipsis, and citations are left out."""
    entry = article(BeautifulSoup(text, "html.parser"), "2016-01-01-Number-0")
    assert entry.select_one(".state").text == "not built"
    assert entry.select_one(".question em").text == "Number 0"
    assert entry.select_one(".question math")
    assert " ".join(entry.select_one(".abstract").text.split()).endswith("it gains … nats.")


def test_values_come_from_what_was_built(tiny: Path) -> None:
    """Title and abstract show values of the report; metrics come from report and results."""
    entry = article(page(tiny), TINY)
    assert entry.h3.text == "The best is 58.25"
    assert entry.select_one(".abstract").text.startswith("It is 58.25 in")
    numbers = {each.dt.text: each.dd.text for each in entry.select(".numbers div")}
    assert numbers == {
        "of the report": "58.2 nats",
        "of the results": "58.25",
        "of the table": "12\N{NARROW NO-BREAK SPACE}345",
    }
    assert "metric not there" in entry.select_one(".problem").text


def test_html_of_an_author_is_text(tmp_path: Path) -> None:
    """Markup in a header is shown, not executed."""
    project, name = writing.project(tmp_path / "p"), "2016-01-01-Number-0"
    synthetic(project, 1)
    hostile = "<script>alert(1)</script>"
    header = f"title: 'a {hostile}'\nabstract: b {hostile}\ntags: ['c {hostile}', '\"><img>']\n"
    metrics = f"metrics: {{'d {hostile}': 'e {hostile}'}}\n"
    report = project / "scripts" / name / "report.md"
    report.write_text(f"---\n{header}{metrics}---\n", encoding="utf-8")
    soup = page(project)
    assert (len(soup.find_all("script")), soup.find_all("img")) == (1, [])
    assert [f"{letter} {hostile}" in article(soup, name).text for letter in "abcde"] == [True] * 5


def test_links_lead_to_files(tiny: Path) -> None:
    """Report, slides and picture of the sample are files, seen from the page."""
    entry = article(page(tiny), SAMPLE)
    links = {a.text: a["href"] for a in entry.select(".links a") if "//" not in a["href"]}
    assert list(links) == ["Report", "PDF", "Slides"]
    for path in [*links.values(), entry.img["src"]]:
        assert (tiny / "generated" / path).is_file()
    assert entry.img["src"].endswith("assets/figures/plot1.svg")


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("git@github.com:ann/winds.git", "https://github.com/ann/winds/pull/12"),
        ("https://me@github.com/ann/winds", "https://github.com/ann/winds/pull/12"),
        (
            "ssh://git@gitlab.uni.example:22/a/b.git",
            "https://gitlab.uni.example/a/b/-/merge_requests/12",
        ),
        ("https://codeberg.org/ann/winds.git", "https://codeberg.org/ann/winds/pulls/12"),
        ("/srv/git/winds.git", None),
    ],
)
def test_pull_request_is_linked(tiny: Path, remote: str, address: str | None) -> None:
    """The number in the header and the address of the remote make the link."""
    rendering.git(tiny, "config", "remote.origin.url", remote)
    rendering.git(tiny, "config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*")
    found = article(page(tiny), TINY).find("a", string="Pull request")
    assert (found["href"] if found else None) == address


@pytest.mark.long
def test_states(tiny: Path, tmp_path: Path) -> None:
    """Built, and still so after a touch or a commit; stale after an edit; data that changed."""
    project = building.copy(tiny, tmp_path / "p")
    scripts, generated = project / "scripts" / SAMPLE, project / "generated" / SAMPLE
    assert state(project) == "built"
    (scripts / "report.md").touch()
    rendering.git(project, "commit", "-q", "--allow-empty", "-m", "nothing")
    assert state(project) == "built"
    with (scripts / "results.py").open("a", encoding="utf-8") as file:
        file.write("# edited\n")
    assert state(project) == "stale"
    with (generated / "assets" / "data" / "raw.csv").open("a", encoding="utf-8") as file:
        file.write("1,2\n")
    assert state(project) == "data changed"
    assert state(project, TINY) == "built"


def test_a_broken_header_stops_nothing(many: Path, tmp_path: Path) -> None:
    """An experiment whose header cannot be read is there, with the reason."""
    project = writing.project(tmp_path / "p")
    synthetic(project, 2)
    broken = project / "scripts" / "2016-01-01-Number-0" / "report.md"
    broken.write_text("---\ntitle: [never closed\n---\n", encoding="utf-8")
    done = index(project)
    assert done.returncode == 0
    assert "2016-01-01-Number-0" in done.stderr
    entry = article(page(project), "2016-01-01-Number-0")
    assert entry.h3.text == "Number 0"
    assert "not valid YAML" in entry.select_one(".problem").text


def test_a_project_without_experiments_has_a_page(tmp_path: Path) -> None:
    """The page of an empty project is empty."""
    project = writing.project(tmp_path / "p")
    assert page(project).find_all("article") == []


def test_shared_numbers_are_compared(text: str) -> None:
    """A number that several experiments have is in the table, and drawn against the date."""
    compare = BeautifulSoup(text, "html.parser").find(id="compare")
    assert len(compare.tbody.find_all("tr")) == MANY
    assert [each.text for each in compare.find_all("figcaption")] == ["rows", "score"]
    assert [len(each.find_all("circle")) for each in compare.find_all("svg")] == [MANY, MANY]


@pytest.mark.long
@needs_browser
def test_a_thousand_are_little_to_load(text: str, tmp_path: Path) -> None:
    """The page of a thousand has less than two megabytes, and lays out what is looked at only."""
    script = """
    const styles = [...document.querySelectorAll("article")].map((each) => getComputedStyle(each));
    return styles.filter((style) => style.contentVisibility === "auto").length;
    """
    assert browsing.ask(tmp_path, text, script, 1280) == (MANY, "")
    assert len(text.encode()) < 2_000_000


@needs_browser
def test_search_and_filters(text: str, tmp_path: Path) -> None:
    """Words, tags and states narrow the list, the table and the plots; Escape shows all again."""
    script = """
    const press = (key, target) =>
      target.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
    const shown = () => document.querySelectorAll("article:not([hidden])").length;
    const rows = () => document.querySelectorAll("tbody tr:not([hidden])").length;
    const answers = [shown()];
    press("/", document.body);
    answers.push(document.activeElement.id);
    find.value = "NUMBER-12"; find.dispatchEvent(new Event("input"));
    answers.push(shown(), rows(), document.querySelectorAll("circle:not(.off)").length);
    answers.push(document.querySelector("#count").textContent);
    press("Escape", find);
    answers.push(shown());
    document.querySelector(".chip[data-tag='snow']").click();
    const snow = shown();
    document.querySelector(".chip[data-tag='wind']").click();
    answers.push(snow < 1000, shown() < snow);
    answers.push(document.querySelectorAll("[aria-pressed=true]").length);
    find.value = "nowhere"; find.dispatchEvent(new Event("input"));
    answers.push(shown(), document.querySelector("#none").hidden);
    document.querySelector(".bar .all").click();
    answers.push(shown());
    return answers;
    """
    answer, logged = browsing.ask(tmp_path, text, script, 1280)
    hits = sum("12" in str(n) for n in range(MANY) if str(n).startswith("12"))
    assert answer == [
        1000, "find", hits, hits, 2 * hits, f"{hits} of 1000", 1000, True, True, 2, 0, False, 1000,
    ]  # fmt: skip
    assert logged == ""


@needs_browser
def test_table_is_sorted_by_a_click(text: str, tmp_path: Path) -> None:
    """A click on a number's head sorts by its value, downwards first, then upwards."""
    script = """
    const heads = [...document.querySelectorAll("thead th")];
    const head = heads.find((th) => th.textContent === "score");
    const values = () => [...document.querySelectorAll("tbody tr")].map((row) =>
      parseFloat(row.cells[head.cellIndex].dataset.value));
    head.firstChild.click();
    const down = values();
    head.firstChild.click();
    return [down, values(), head.getAttribute("aria-sort")];
    """
    (down, up, order), _ = browsing.ask(tmp_path, text, script, 1280)
    assert down == sorted(down, reverse=True)
    assert up == sorted(up)
    assert order == "ascending"


@pytest.mark.long
@needs_browser
@pytest.mark.parametrize("width", WIDTHS.values(), ids=list(WIDTHS))
def test_the_page_fits_the_window(width: int, text: str, tmp_path: Path) -> None:
    """Nothing is wider than the window, on a desktop and on a phone."""
    script = """
    document.querySelector("#compare").open = true;
    return document.documentElement.scrollWidth - window.innerWidth;
    """
    wider, logged = browsing.ask(tmp_path, text, script, width)
    assert wider == 0
    assert logged == ""


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the source of axe-core."""
    return browsing.axe(tmp_path_factory.mktemp("axe"))


@pytest.mark.long
@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=list(WIDTHS))
def test_the_page_is_accessible(
    scheme: str, width: int, tiny: Path, tmp_path: Path, axe: str
) -> None:
    """Headings, names, contrast, landmarks and focus pass an automatic check."""
    synthetic_too = building.copy(tiny, tmp_path / "p", generated=False)
    synthetic(synthetic_too, 5)
    shown = str(page(synthetic_too))
    if scheme == "dark":
        shown = shown.replace("(prefers-color-scheme: dark)", "all")
    shown = shown.replace("</body>", f"<script>{axe}</script></body>")
    script = """
    for (const details of document.querySelectorAll("details")) details.open = true;
    return (await axe.run()).violations.map((v) => [v.id, v.nodes.map((n) => n.html)]);
    """
    violations, _ = browsing.ask(tmp_path, shown, script, width)
    assert violations == []


@pytest.mark.long
@needs_browser
@pytest.mark.parametrize("name", WIDTHS)
def test_pictures(name: str, tiny: Path, tmp_path: Path) -> None:
    """The page is drawn at the width of a desktop and of a phone, for people to look at."""
    page(tiny)
    folder = Path(os.environ.get("TEST_ARTIFACTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"index-{name}.png"
    browsing.picture(tmp_path, tiny / "generated" / "index.html", target, WIDTHS[name], 1400)
    assert target.stat().st_size > 20_000
