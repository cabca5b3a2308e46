"""`make diff`: two experiments, or one at two commits, in the terminal and as a page."""

import os
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from sharing import TINY, Project

pytestmark = pytest.mark.long

SNAKEFILE = '''
    """A number and a figure."""
    from labflake import code, step

    rule all:
        input: "assets/data/results.json", "assets/figures/plot.svg", "assets/figures/same.svg"

    rule results:
        input: code=code("draw.py")
        output: "assets/data/results.json", "assets/figures/plot.svg", "assets/figures/same.svg"
        params: gain=config["fit"]["gain"]
        shell: step("python {input.code[0]} {params.gain} {output}")
'''
DRAW = """
    import sys

    gain, results, plot, same = sys.argv[1:]
    open(results, "w").write('{"gain": %s}' % gain)
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text>%s</text></svg>'
    open(plot, "w").write(svg % gain)
    open(same, "w").write(svg % "same")
"""
REPORT = """
    ---
    title: Gain
    metrics:
      gain: results.json#gain
      typed: "12 <b>"
    ---

    ![Gain](../../generated/{}/assets/figures/plot.svg)
"""
OTHER = "2024-06-01-Other"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Make an experiment, record it, then change its settings, data and code, and build again."""
    files = {"Snakefile": SNAKEFILE, "draw_py": DRAW, "report_md": REPORT.format(TINY)}
    config = "fit: {gain: 0.25, size: 3}\nold: [1, 2]\n"
    project = Project.new(tmp_path_factory.mktemp("diff"), config_yaml=config, **files)
    project.made("record")
    project.commit("Recorded")
    project.write(
        config_yaml="fit: {gain: 0.5, size: 3}\nnew: <i>\n", draw_py=DRAW + "    # \x1b[31m\n"
    )
    (project.root / "src/study/model.py").write_text("NEW = 1\n")
    project.made("build")
    return project


def page(project: Project) -> BeautifulSoup:
    """Return the page that was written."""
    return BeautifulSoup((project.root / "generated/diff.html").read_text(), "html.parser")


def test_last_commit_is_compared_with_what_is_here(project: Project) -> None:
    """Settings, code and metrics that differ are named with both values; figures by name."""
    lines = [" ".join(line.split()) for line in project.made("diff").splitlines()]
    head = project.git("rev-parse", "--short=7", "HEAD")
    assert lines[:2] == [f"A {TINY} at {head}", f"B {TINY}, as it is here"]
    assert lines[lines.index("settings") + 1 : lines.index("data: no difference")] == [
        "fit.gain 0.25 0.5",
        "old [1, 2] none",
        "new none <i>",
    ]
    assert "draw.py +1 -0" in lines
    assert any(line.startswith("src/study/model.py ") for line in lines)
    assert "gain 0.25 0.5 +0.25" in lines
    assert lines[lines.index("figures") + 1 :] == ["plot.svg differs", "generated/diff.html"]
    assert "\x1b" not in "".join(lines)


def test_comparison_leaves_artifacts_as_they_are(project: Project) -> None:
    """What is copied for a comparison keeps its date, however old it is."""
    same = project.root / "generated" / TINY / "assets/figures/same.svg"
    os.utime(same, (1_700_000_000, 1_700_000_000))
    project.made("diff")
    assert same.stat().st_mtime == 1_700_000_000


def test_page_shows_figures_side_by_side(project: Project) -> None:
    """The page is one file with both figures, each as it was; no text becomes HTML."""
    project.made("diff")
    found = page(project)
    pairs = found.select(".pair")
    assert [len(pair.select("img")) for pair in pairs] == [2, 2]
    sources = [image["src"] for image in pairs[0].select("img")]
    assert len({*sources}) == 2
    assert all(source.startswith("data:image/svg+xml;base64,") for source in sources)
    assert "the same" in found.find_all("h3")[1].text
    assert not found.select("main b, main i, script")
    assert "<i>" in found.get_text()
    assert not found.select("[src^=http], [href]")


def test_two_commits_and_two_experiments(project: Project) -> None:
    """Both sides may be a commit, an experiment, or one at a commit; names are no difference."""
    project.made("new", NAME="2024-06-01 Other", FROM=TINY, BRANCH="0")
    printed = project.made("diff", A=TINY, B=OTHER)
    assert f"A  {TINY}, as it is here\nB  {OTHER}, as it is here\n" in printed
    assert "settings: no difference" in printed
    assert "report.md" in printed  # its title
    assert "plot.svg   only of A here" in printed
    printed = project.made("diff", A="HEAD~1", B=f"{TINY}@HEAD")
    for part in ("settings", "data", "code"):
        assert f"{part}: no difference" in printed


def test_changed_data_is_named_by_its_hash(project: Project, tmp_path: Path) -> None:
    """Data that was accepted meanwhile is in the comparison, with the beginning of both hashes."""
    own = project.clone(tmp_path / "clone")
    own.scripts("hashes.txt").write_text(f"{'1' * 64}  assets/data/raw.csv\n")
    own.commit()
    own.scripts("hashes.txt").write_text(f"{'2' * 64}  assets/data/raw.csv\n")
    assert f"assets/data/raw.csv   {'1' * 12}   {'2' * 12}" in own.made("diff")


@pytest.mark.parametrize(
    "wanted",
    ["nowhere", "2024-02-29-Tony", "../../x@HEAD", f"{TINY}@nowhere", f"{OTHER}@HEAD~1", "-x"],
)
def test_what_cannot_be_compared_is_told(project: Project, wanted: str) -> None:
    """A name of nothing is an error in three lines."""
    assert len(project.refused("diff", A=wanted).splitlines()) <= 6
