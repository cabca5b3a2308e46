"""`make reproduce`: a commit is rebuilt in a clean copy, and each artifact gets its verdict."""

import hashlib
import json
import subprocess
from pathlib import Path

import building
import pytest
import rendering
from building import TINY

pytestmark = pytest.mark.long

SNAKEFILE = """
    from labflake import code, data, step

    rule all:
        input: "assets/data/numbers.csv", "assets/data/arrays.npz", "assets/figures/plot.svg",

    rule numbers:
        input: code=code("measure.py"), raw=data("raw.csv"),
        output: "assets/data/numbers.csv", "assets/data/arrays.npz", "assets/figures/plot.svg",
        params: factor=config["factor"],
        shell: step("python {input.code[0]} {input.raw} {params.factor} {output}")
"""
MEASURE = """
    import os, sys

    import numpy as np
    import pandas as pd
    from matplotlib import pyplot

    from labflake import load, save

    raw, factor, table, arrays, figure = sys.argv[1:]
    noise = float(os.environ.get("NOISE", 0))
    values = load(raw)["mean radius"].to_numpy()[:40] * float(factor) * (1 + noise)
    save(pd.DataFrame({"row": range(40), "value": values}), table)
    save({"values": values}, arrays)
    drawing, axes = pyplot.subplots()
    axes.plot(values)
    save(drawing, figure)
"""
REPORT = f"""
    ---
    title: Numbers
    ---

    ```python
    #| show: none
    from labflake import load
    table = load("numbers")
    ```

    The mean is `{{python}} f"{{table['value'].mean():.3f}}"`.

    ![The numbers.](../../generated/{TINY}/assets/figures/plot.svg)
"""
CONFIG = """
    environment: [NOISE]
    data:
      raw.csv: {function: breast_cancer}
    factor: 2
"""
STEPS = ["assets/data/arrays.npz", "assets/data/numbers.csv", "assets/figures/plot.svg"]
DOCUMENTS = [
    "assets/report/report.ipynb",
    "outputs/report.html",
    "outputs/report.pdf",
    "outputs/report.provenance.json",
]


@pytest.fixture(scope="module")
def committed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the project, with a small experiment that is built and committed."""
    project = building.copy(built, tmp_path_factory.mktemp("reproduce") / "p", generated=False)
    building.experiment(
        project,
        TINY,
        Snakefile=SNAKEFILE,
        config_yaml=CONFIG,
        measure_py=MEASURE,
        report_md=REPORT,
        hashes_txt="",
    )
    make(project)
    commit(project, "Numbers")
    make(project)
    return project


@pytest.fixture
def project(committed: Path, tmp_path: Path) -> Path:
    """Copy the project to change it."""
    return building.copy(committed, tmp_path / "p")


def commit(project: Path, message: str) -> None:
    """Commit everything but the link to the environment."""
    rendering.git(project, "add", "scripts", "src")
    rendering.git(project, "commit", "-q", "-m", message)


def make(project: Path, *arguments: str, **environment: str) -> str:
    """Build the small experiment with a cache of its own."""
    cache = {"CACHE": str(project.parent / "cache"), "EXPERIMENT": TINY}
    return building.made(project, *arguments, **(cache | environment))


def reproduce(project: Path, **environment: str) -> tuple[subprocess.CompletedProcess[str], dict]:
    """Run `make reproduce`; return what it printed, and the verdict that it wrote."""
    options = {"EXPERIMENT": TINY, "CACHE": str(project.parent / "cache")} | environment
    done = building.make(project, "reproduce", **options)
    verdict = project / "generated" / TINY / "outputs" / "reproduction.json"
    return done, json.loads(verdict.read_text(encoding="utf-8")) if verdict.exists() else {}


def verdicts(verdict: dict) -> dict[str, str]:
    """Return the verdict of each artifact."""
    return {name: each["verdict"] for name, each in verdict["artifacts"].items()}


def test_same_commit_is_reproduced(project: Path) -> None:
    """A clean copy without the cache makes the same bytes; nothing here is touched."""
    before = rendering.contents(project / "generated" / TINY / "assets")
    done, verdict = reproduce(project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert verdicts(verdict) == dict.fromkeys(sorted([*STEPS, *DOCUMENTS]), "identical")
    assert (verdict["verdict"], verdict["packages"]) == ("reproduced", "shared")
    assert verdict["commit"] == rendering.git(project, "rev-parse", "HEAD")
    assert rendering.contents(project / "generated" / TINY / "assets") == before
    assert make(project).splitlines()[-1] == "up to date"


def test_last_digits_are_equal_within_tolerance(project: Path) -> None:
    """Numbers that differ by less than the tolerance are equal, in tables, arrays and drawings."""
    done, verdict = reproduce(project, NOISE="1e-13")
    found = verdicts(verdict)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [found[name] for name in STEPS[:2]] == ["equal", "equal"]
    assert set(found.values()) == {"identical", "equal"}
    assert "equal within tolerance" in done.stdout.splitlines()[-2]


def test_drawing_that_moves_invisibly_is_equal(project: Path) -> None:
    """Lines that moved by less than a thousandth of a point are equal in SVG, page and PDF."""
    config = project / "scripts" / TINY / "config.yaml"
    with config.open("a", encoding="utf-8") as file:
        file.write('tolerance: {"*.csv": 1e-6, "*.npz": {relative: 1e-6}}\n')
    commit(project, "Tolerance")
    make(project)
    done, verdict = reproduce(project, NOISE="1e-7")
    found = verdicts(verdict)
    assert [found[name] for name in STEPS] == ["equal"] * 3, found
    assert (found["outputs/report.html"], found["outputs/report.pdf"]) == ("equal", "equal")
    assert done.returncode == 0


def test_other_numbers_are_different(project: Path) -> None:
    """A number beyond the tolerance is different, and the place is named; both files are kept."""
    done, verdict = reproduce(project, NOISE="0.001")
    assert done.returncode == 2  # make's own
    assert verdict["verdict"] == "not reproduced"
    assert verdicts(verdict)["assets/data/numbers.csv"] == "different"
    assert verdict["artifacts"]["assets/data/numbers.csv"]["note"] == "line 2"
    kept = (
        project
        / "generated"
        / TINY
        / ".labflake"
        / "reproduced"
        / "assets"
        / "data"
        / "numbers.csv"
    )
    assert kept.is_file()


def test_older_commit_is_told_from_what_is_here(project: Path) -> None:
    """The commit before a change gives other results than the change; it is rebuilt as it was."""
    config = project / "scripts" / TINY / "config.yaml"
    config.write_text(config.read_text().replace("factor: 2", "factor: 3"), encoding="utf-8")
    commit(project, "Another factor")
    old = (project / "generated" / TINY / "assets/data/numbers.csv").read_bytes()
    make(project)
    done, verdict = reproduce(project, COMMIT="HEAD~1")
    assert done.returncode == 2
    assert verdicts(verdict)["assets/data/numbers.csv"] == "different"
    expected = hashlib.sha256(old).hexdigest()
    assert verdict["artifacts"]["assets/data/numbers.csv"]["rebuilt"] == expected
    assert "files here are not those of the commit" in done.stdout


def test_artifact_that_is_not_made_any_more_is_missing(project: Path) -> None:
    """What is here and is not rebuilt is missing; what is only rebuilt is no fault."""
    slides = project / "scripts" / TINY / "2024-03-01-talk.md"
    slides.write_text("---\ntitle: Talk\n---\n\n## Slide\n\nText.\n", encoding="utf-8")
    make(project)
    (project / "generated" / TINY / "outputs" / "report.html").unlink()
    done, verdict = reproduce(project, CACHED="1")
    found = verdicts(verdict)
    assert done.returncode == 2
    assert found["outputs/2024-03-01-talk.pdf"] == "missing"
    assert found["outputs/report.html"] == "not compared"
    assert found["assets/data/numbers.csv"] == "identical"


def test_recorded_hashes_are_enough(project: Path) -> None:
    """A list of sha256sum, or the verdict of others, is enough where nothing is built."""
    folder = project / "generated" / TINY
    names = "".join(f"generated/{TINY}/{name}\n" for name in STEPS)
    listed = subprocess.run(
        ["xargs", "sha256sum"], cwd=project, input=names, capture_output=True, text=True
    ).stdout
    (project.parent / "list.txt").write_text(listed, encoding="utf-8")
    make(project, "clean")
    assert [each for each in STEPS if (folder / each).exists()] == []
    done, verdict = reproduce(project, AGAINST=str(project.parent / "list.txt"), CACHED="1")
    assert done.returncode == 0, done.stdout + done.stderr
    found = verdicts(verdict)
    assert [found[name] for name in STEPS] == ["identical"] * 3
    saved = project.parent / "verdict.json"
    (folder / "outputs" / "reproduction.json").rename(saved)
    done, verdict = reproduce(project, AGAINST=str(saved), CACHED="1")
    assert done.returncode == 0
    assert set(verdicts(verdict).values()) == {"identical"}


def test_record_is_enough_years_later(project: Path) -> None:
    """Where artifacts are gone, outputs.txt of the commit judges, and names what differs."""
    make(project, "record")
    record = project / "scripts" / TINY / "outputs.txt"
    before = record.read_text(encoding="utf-8")
    wrong = before.replace(before[:8], "0" * 8, 1)
    record.write_text(wrong, encoding="utf-8")
    commit(project, "A record that is wrong in one line")
    make(project, "clean")
    done, verdict = reproduce(project, CACHED="1")
    found = verdicts(verdict)
    assert done.returncode == 2, done.stdout + done.stderr
    assert found.pop(STEPS[0]) == "different"
    assert found == dict.fromkeys(sorted([*STEPS[1:], *DOCUMENTS]), "identical")


def test_another_lock_gets_an_environment_of_its_own(project: Path) -> None:
    """A commit with another lock never touches our packages."""
    lock = project / "poetry.lock"
    lock.write_text("broken\n" + lock.read_text(encoding="utf-8"), encoding="utf-8")
    rendering.git(project, "add", "poetry.lock")
    rendering.git(project, "commit", "-q", "-m", "A lock that cannot be installed")
    rendering.git(project, "checkout", "-q", "HEAD~1", "--", "poetry.lock")
    stamp = (project / ".venv" / "labflake-environment").read_bytes()
    done, verdict = reproduce(project)
    assert done.returncode == 2
    assert verdict == {}
    assert "the build in the clean copy failed" in done.stderr
    assert "making .venv again" not in done.stderr
    assert (project / ".venv" / "labflake-environment").read_bytes() == stamp
    assert make(project).splitlines()[-1].startswith(("up to date", "done"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"COMMIT": "nowhere"}, "git knows no commit nowhere"),
        ({"EXPERIMENT": "2001-01-01-Odyssey"}, "has no experiment 2001-01-01-Odyssey"),
        ({"AGAINST": "/proc/nowhere"}, "nothing to compare with"),
    ],
)
def test_what_cannot_be_reproduced_is_told_at_once(
    committed: Path, options: dict[str, str], said: str
) -> None:
    """An unknown commit, experiment or place is an error before anything is built."""
    done = building.make(committed, "reproduce", **({"EXPERIMENT": TINY} | options))
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_built_is_told_at_once(project: Path) -> None:
    """Without artifacts there is nothing to compare with."""
    make(project, "clean")
    done, _ = reproduce(project)
    assert done.returncode == 2
    assert "nothing to compare with" in done.stderr
