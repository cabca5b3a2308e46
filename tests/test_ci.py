"""The CI files: right by their schemas, and what their jobs do, done as a runner does it."""

import re
import subprocess
import sys
from pathlib import Path

import building
import pytest
import rendering
import yaml
from publishing import ACTIONS, git, steps

from labflake.programs import touched

PAYLOAD = rendering.REPOSITORY / rendering.PAYLOAD
GITLAB = PAYLOAD / ".gitlab-ci.yml"
NAMES = ["2024-01-01-One", "2024-01-02-Two", "2024-01-03-Three"]


@pytest.mark.long
@pytest.mark.parametrize(("schema", "file"), [("github-workflows", ACTIONS), ("gitlab-ci", GITLAB)])
def test_the_files_are_right_by_their_schemas(schema, file):
    """They are valid by the published schemas of GitHub's workflows and GitLab's pipelines."""
    command = ["check-jsonschema", "--builtin-schema", f"vendor.{schema}", str(file)]
    if schema == "gitlab-ci":
        command += ["--data-transform", "gitlab-ci"]
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.fixture
def three(tmp_path, monkeypatch) -> Path:
    """Write a project with three experiments, one of which uses a module of src, on a branch."""
    folder = tmp_path / "three"
    for name in NAMES:
        building.experiment(folder, name, Snakefile="", report_md="Text.\n")
    (folder / "scripts" / NAMES[0] / "fit.py").write_text("from study.model import fit\n")
    (folder / "src/study").mkdir(parents=True)
    (folder / "src/study/__init__.py").write_text("")
    (folder / "src/study/model.py").write_text("def fit(): ...\n")
    (folder / "pyproject.toml").write_text("[tool.labflake]\n")
    rendering.commit_all(folder)
    git(folder, "switch", "-q", "-c", "work")
    monkeypatch.setenv("LABFLAKE_PROJECT", str(folder))
    for name in ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "CI_DEFAULT_BRANCH"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.mark.parametrize(
    ("file", "expected", "own"),
    [
        (f"scripts/{NAMES[1]}/report.md", [NAMES[1]], [NAMES[1]]),
        ("src/study/model.py", [NAMES[0]], []),
        ("poetry.lock", NAMES, []),
        ("README.md", [], []),
    ],
)
def test_what_a_branch_touches(three, file, expected, own):
    """Its own experiments, those that import what it changed, and all when packages change."""
    (three / file).write_text("Changed.\n")
    git(three, "add", "-A")
    git(three, "commit", "-qm", "Change")
    git(three, "commit", "-q", "--allow-empty", "-m", "More")
    assert [each.name for each in touched.all_of()] == expected
    assert [each.name for each in touched.own()] == own


def test_what_the_last_commit_of_main_brought(three):
    """On the main branch itself it is compared with its last commit; the first brings all."""
    git(three, "switch", "-q", "main")
    assert [each.name for each in touched.own()] == NAMES
    (three / "scripts" / NAMES[2] / "report.md").write_text("Changed.\n")
    git(three, "commit", "-qam", "Change")
    assert [each.name for each in touched.own()] == [NAMES[2]]


def test_gitlab_runs_the_same():
    """GitLab's job has the commands of the workflow."""
    script = yaml.safe_load(GITLAB.read_text(encoding="utf-8"))["experiments"]["script"]
    of_actions = [step["run"] for step in steps("pull_request")]
    assert [re.search("make [^;]+", line)[0] for line in script] == of_actions
