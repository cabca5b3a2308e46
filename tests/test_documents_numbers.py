"""Numbers that somebody typed are found; numbers that are no results are left alone."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import writing

from labflake.commands import lint

EXPERIMENT = "2026-01-01-Numbers"
HEADER = "---\ntitle: T\ndate: 2026-01-01\n---\n\n"


TYPED = {
    "It reached 0.843 there.": "it is 0.8431 in fit.json: accuracy",
    "It reached 84.3 % there.": "it is 0.8431 in fit.json: accuracy",
    "It reached 0.84 there.": "it is 0.8431 in fit.json: accuracy",
    "It is 0.845 now.": "it is nearly 0.8431 in fit.json: accuracy",
    "A 2.6-fold gain.": "it is 2.5789 in fit.json: fold",
    "All 1,560 points.": "it is 1560 in fit.json: model.n",
    "All 1560 points.": "it is 1560 in fit.json: model.n",
    "A score of −17.3 nats.": "it is -17.26 in scores.csv (score)",
    "In 2345 splits.": "it is 2345 in config.yaml: splits",
    "We used 569 rows.": "569 is typed by hand",
    "The value $p = 0.0123$ is small.": "0.0123 is typed by hand",
    "| a | 4.321 |\n|---|---|\n| b | c |": "4.321 is typed by hand",
    "The raw value is 0.777.": "0.777 is typed by hand; make it an expression",
    "```python\n#| label: tbl:a\n#| caption: Of 0.843\nx\n```": "0.843 is typed by hand",
    "A range of 0.111–0.222.": "0.222 is typed by hand",
}
FINE = (
    "In 2019, on 7 October 2023, on October 7, 2023, 2023-10-07, at 12:45.",
    "See [@knuth1984, p. 345] and @gillespie1977 on page 345.",
    "Figure 345, Table 12.3, Eq. (345), [text](https://example.org/12345) and https://a.org/12345.",
    "`12345`, `{python} 12345` and\n\n```python\nx = 12345\n```",
    "Version 1.22.3, CO2, H2O, x1234, 256 MB, 1024 bytes, 360 degrees, 365 days.",
    "$\\pi = 3.14159$, $e = 2.718$, $10^{-345}$, $z = 1.96$, \\hspace{1.25em}.",
    "1000 rows, 95 %, 0.05, 12 groups, 5 of 20, 100 %.",
    "![Cap](figure123.svg){#fig:a width=12.5%}",
    "123. An item\n\n# 12.3 Heading",
    "We saw 0.843 <!-- typed: from the paper --> there.",
    "<!-- typed: both from the paper -->\nWe saw 0.843 and 569.",
    "<!-- 0.843 -->",
)


_LINES = "A 0.111.\n\n```python\nx = 5\n```\n\nB 0.222 and\n0.333.\n"
_PROGRAM = """
import json, sys
from pathlib import Path

from labflake.documents.numbers import lint

source, header = Path(sys.argv[1]), sys.argv[2]
found = {}
for body in json.load(sys.stdin):
    source.write_text(header + body + "\\n", encoding="utf-8")
    found[body] = lint(source)
json.dump(found, sys.stdout)
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Lint each text as the body of a report, in a project with results."""
    project = writing.project(tmp_path_factory.mktemp("numbers") / "p")
    data = project / "generated" / EXPERIMENT / "assets/data"
    data.mkdir(parents=True)
    (data / "fit.json").write_text('{"accuracy": 0.8431, "fold": 2.5789, "model": {"n": 1560}}')
    (data / "scores.csv").write_text("name,score\na,0.91234\nb,-17.26\n")
    (data / "raw.csv").write_text("x\n0.777\n")
    source = writing.write(project, EXPERIMENT, HEADER)
    (source.parent / "hashes.txt").write_text(f"{'0' * 64}  assets/data/raw.csv\n")
    (source.parent / "config.yaml").write_text("splits: 2345\n")
    command = [sys.executable, "-c", _PROGRAM, str(source), HEADER]
    bodies = json.dumps([*TYPED, *FINE, _LINES])
    env = writing.environment(project)
    done = subprocess.run(command, env=env, input=bodies, capture_output=True, text=True)
    assert not done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("body", TYPED)
def test_a_typed_number_is_found(body: str, found: dict[str, list[str]]) -> None:
    """The line is named, and the result that it should come from."""
    assert found[body]
    assert all(line.startswith(f"scripts/{EXPERIMENT}/report.md:") for line in found[body])
    assert TYPED[body] in "\n".join(found[body])


@pytest.mark.parametrize("body", FINE)
def test_other_numbers_are_left_alone(body: str, found: dict[str, list[str]]) -> None:
    """Years, dates, citations, code, addresses, constants and what is allowed are no findings."""
    assert found[body] == []


def test_lines_are_right(found: dict[str, list[str]]) -> None:
    """Findings come in the order of lines, each with its own."""
    assert [int(line.split(":")[1]) for line in found[_LINES]] == [6, 12, 13]


@pytest.mark.long
def test_the_build_warns_and_can_refuse(tmp_path: Path) -> None:
    """A typed number is a warning; with STRICT=1 it is an error and nothing is left."""
    project = writing.project(tmp_path / "p")
    source = writing.write(project, EXPERIMENT, HEADER + "It is 0.843.\n")
    (answer,) = writing.build(project, source)
    assert (answer["error"], len(answer["warnings"])) == (None, 1)
    assert "report.pdf" in answer["outputs"]
    (answer,) = writing.build(project, source, STRICT="1")
    assert answer["error"].startswith(f"scripts/{EXPERIMENT}/report.md:6: 0.843 is typed by hand")
    assert answer["outputs"] == []


def test_figures_that_are_too_heavy_or_silent_are_named(tmp_path: Path) -> None:
    """A vector figure of many megabytes, and one that says nothing to who cannot see it."""
    project = writing.project(tmp_path / "p")
    source = writing.write(project, EXPERIMENT, HEADER + "![Cap](big.svg)\n\nA\n\n![](small.svg)\n")
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">{}</svg>'
    (source.parent / "small.svg").write_text(svg.format(""))
    (source.parent / "big.svg").write_text(svg.format('<path d="M0 0h9"/>' * 130_000))
    (answer,) = writing.build(project, source)
    heavy, silent = answer["warnings"]
    assert ":6: big.svg has 2.3 MB" in heavy
    assert ":10: a figure needs a caption" in silent


def test_a_key_number_that_no_result_has_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """`make check` finds a metric with a wrong name; one whose result is not built yet is none."""
    name = "2026-01-01-Tiny"
    monkeypatch.setenv("LABFLAKE_PROJECT", str(tmp_path))
    monkeypatch.setenv("LABFLAKE_EXPERIMENT", name)
    data = tmp_path / "generated" / name / "assets/data"
    for folder in (data, tmp_path / "scripts" / name):
        folder.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[tool.labflake]\n")
    (data / "fit.json").write_text('{"score": 1}')
    metrics = "{score: fit.json#scor, mean: later.csv#mean, good: fit.json#score}"
    report = tmp_path / "scripts" / name / "report.md"
    report.with_name("Snakefile").touch()
    report.write_text(f"---\ntitle: T\nmetrics: {metrics}\n---\n\nText.\n")
    lint.main([])
    wrong = "metric score: fit.json#scor: there is no 'scor'"
    assert capsys.readouterr().out == f"scripts/{name}/report.md: {wrong}\n"
