"""The sample experiment, as a person meets it: built, built again, built elsewhere, refused."""

import csv
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import building
import pytest
from building import SAMPLE
from pypdf import PdfReader


def generated(project: Path) -> Path:
    """Return the folder of what was generated for the sample."""
    return project / "generated" / SAMPLE


def artifacts(project: Path) -> dict[str, str]:
    """Return the sha256 of every artifact by its path."""
    folder = generated(project)
    files = [p for p in folder.rglob("*") if p.is_file() and ".labflake" not in p.parts]
    names = {p.relative_to(folder).as_posix(): p for p in files if ".snakemake" not in p.parts}
    return {n: hashlib.sha256(p.read_bytes()).hexdigest() for n, p in sorted(names.items())}


@pytest.fixture
def copied(built: Path, tmp_path: Path) -> Path:
    """Copy the built project, to be changed."""
    return building.copy(built, tmp_path / "a copy")


def test_first_make_ends_with_report_slides_and_figures(built: Path) -> None:
    """Report as PDF and HTML, slides, and at least five figures are there."""
    found = artifacts(built)
    wanted = [
        "outputs/report.pdf",
        "outputs/report.html",
        "outputs/2023-10-10-lab-presentation.pdf",
    ]
    assert [name for name in wanted if name not in found] == []
    assert len([name for name in found if name.endswith(".svg") and "figures" in name]) >= 5
    assert "assets/figures/plot3-lab-presentation-format.svg" in found


def test_report_holds_numbers_of_the_results(built: Path) -> None:
    """The table of the report shows the scores that results.csv holds."""
    pages = PdfReader(generated(built) / "outputs" / "report.pdf").pages
    text = "".join(page.extract_text() for page in pages).replace("−", "-")
    with (generated(built) / "assets" / "data" / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    scores = [f"{float(r['score']):.1f}" for r in rows if r["estimator"] == "ledoit-wolf"]
    assert [s for s in scores if s not in re.findall(r"-?\d+\.\d", text)] == []


def test_second_make_runs_no_step(built: Path, copied: Path) -> None:
    """A copy elsewhere is up to date as it stands."""
    assert building.made(built).splitlines()[-1] == "up to date"
    assert building.ran(building.made(copied, CACHE=str(built.parent / "cache"))) == []


def test_deleted_figure_is_made_alone(built: Path, copied: Path) -> None:
    """One artifact by its path; the others are left as they are."""
    figure = generated(copied) / "assets" / "figures" / "plot1.svg"
    before = figure.read_bytes()
    figure.unlink()
    cache = {"CACHE": str(copied.parent / "empty")}
    printed = building.made(copied, f"generated/{SAMPLE}/assets/figures/plot1.svg", **cache)
    assert building.ran(printed) == ["plot:plot1"]
    assert figure.read_bytes() == before


@pytest.mark.long
def test_edited_module_reruns_what_uses_it(copied: Path) -> None:
    """A comment in the models reruns the steps that import them; then nothing differs."""
    module = copied / "src" / "study" / "visualization.py"
    module.write_text(module.read_text() + "\n# a comment\n")
    printed = building.made(copied, CACHE=str(copied.parent / "empty"))
    assert {name.split(":")[0] for name in building.ran(printed)} == {"plot"}


@pytest.mark.long
def test_built_elsewhere_the_bytes_are_the_same(built: Path, tmp_path: Path) -> None:
    """Another folder, HOME, time zone, language, hash seed and clock: the same artifacts."""
    clone = tmp_path / "a längerer path" / "project"
    clone.parent.mkdir()
    subprocess.run(["git", "clone", "-q", built, clone], check=True)
    (clone / ".venv").symlink_to((built / ".venv").resolve())
    (tmp_path / "home").mkdir()
    clock = ["faketime", "+400 days"] if shutil.which("faketime") else []
    environment = os.environ | {
        "HOME": str(tmp_path / "home"),
        "TZ": "Asia/Kathmandu",
        "LANG": "C",
        "LC_ALL": "POSIX",
        "PYTHONHASHSEED": "7",
        "OMP_NUM_THREADS": "2",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
    }
    command = [*clock, "make", f"CACHE={tmp_path / 'empty'}"]
    done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert artifacts(clone) == artifacts(built)


@pytest.mark.long
def test_changed_data_stops_the_run(copied: Path) -> None:
    """One flipped byte: nothing runs, the file and both hashes are named; accepting it goes on."""
    raw = generated(copied) / "assets" / "data" / "raw.csv"
    recorded = (copied / "scripts" / SAMPLE / "hashes.txt").read_text().split()[0]
    data = bytearray(raw.read_bytes())
    data[-3] = ord("9") if data[-3] != ord("9") else ord("8")
    raw.write_bytes(data)
    found = hashlib.sha256(data).hexdigest()
    before = artifacts(copied)
    done = building.make(copied)
    assert done.returncode == 2
    assert [
        w for w in ("assets/data/raw.csv", recorded[:6], found[:6]) if w not in done.stderr
    ] == []
    assert artifacts(copied) == before
    refused = building.make(copied, "accept")
    assert refused.returncode == 2
    building.made(copied, "accept", "REASON=a $5 typo was mended")
    assert "a $5 typo was mended" in (copied / "scripts" / SAMPLE / "hashes.txt").read_text()
    assert "features" in building.ran(building.made(copied, CACHE=str(copied.parent / "empty")))


def test_coreutils_agree_about_the_data(built: Path) -> None:
    """`sha256sum --check` and check-hash.sh verify the record without this project."""
    record = built / "scripts" / SAMPLE / "hashes.txt"
    command = ["sha256sum", "--check", "--quiet", str(record)]
    assert subprocess.run(command, cwd=generated(built)).returncode == 0
    assert subprocess.run(["sh", "src/check-hash.sh"], cwd=built).returncode == 0


def test_git_is_clean_after_a_build(built: Path) -> None:
    """Everything that a build makes is ignored by git."""
    status = ["git", "status", "--porcelain"]
    assert subprocess.run(status, cwd=built, capture_output=True, text=True).stdout == ""


@pytest.mark.long
def test_project_passes_its_own_tests(built: Path) -> None:
    """`make test` in a new project passes."""
    assert "passed" in building.made(built, "test")


def test_formatting_changes_nothing(copied: Path) -> None:
    """The project is formatted as its own formatter wants it."""
    building.made(copied, "format")
    status = ["git", "status", "--porcelain"]
    assert subprocess.run(status, cwd=copied, capture_output=True, text=True).stdout == ""


@pytest.mark.long
def test_new_experiment_builds_at_once(copied: Path) -> None:
    """`make experiment` gives an experiment that builds as it is, on its own branch."""
    building.made(copied, "experiment", "NAME=2024-05-06 Größe & Ærgerlich")
    name = "2024-05-06-Größe-Ærgerlich"
    branch = ["git", "branch", "--show-current"]
    found = subprocess.run(branch, cwd=copied, capture_output=True, text=True).stdout
    assert found.strip() == name
    done = building.make(copied)
    assert done.returncode == 0, done.stderr
    assert ".md:" not in done.stderr  # where warnings stand
    outputs = {p.name for p in (copied / "generated" / name / "outputs").iterdir()}
    assert {"report.pdf", "report.html", "2024-05-06-lab-presentation.pdf"} <= outputs


@pytest.mark.parametrize(
    "title", ["", "a/b", "..", "2024-13-45 No Date", "x" * 300, "-", "2023-10-07-" + SAMPLE[11:]]
)
def test_bad_name_of_an_experiment_is_refused(copied: Path, title: str) -> None:
    """A title that gives no folder name, or one that exists, changes nothing."""
    before = sorted(p.name for p in (copied / "scripts").iterdir())
    done = building.make(copied, "experiment", f"NAME={title}")
    assert (done.returncode, done.stderr[:7]) == (2, "error: ")
    assert sorted(p.name for p in (copied / "scripts").iterdir()) == before


@pytest.mark.long
def test_data_that_no_step_reads_is_guarded_too(copied: Path) -> None:
    """A change in a declared file stops the build even where nothing uses the file."""
    raw = generated(copied) / "assets" / "data" / "raw.csv"
    extra = copied / "shared.csv"
    extra.write_bytes(raw.read_bytes())
    config = copied / "scripts" / SAMPLE / "config.yaml"
    text = config.read_text().replace("data:\n", "data:\n  extra.csv:\n    file: shared.csv\n", 1)
    config.write_text(text)
    building.made(copied, CACHE=str(copied.parent / "cache"))
    extra.write_text("changed")
    done = building.make(copied)
    assert done.returncode == 2
    assert "extra.csv" in done.stderr
