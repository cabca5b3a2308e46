"""`make record`: the hashes of all artifacts in git, with which nothing else changes."""

import subprocess
from pathlib import Path

import pytest
from sharing import TINY, Project

pytestmark = pytest.mark.long


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Make a project with an experiment that is committed and not built."""
    return Project.new(tmp_path)


def test_record_lists_every_artifact_for_sha256sum(project: Project) -> None:
    """`outputs.txt` has all artifacts, of folders too, and sha256sum verifies them without us."""
    project.made("record")
    record = project.scripts("outputs.txt")
    lines = [line for line in record.read_text().splitlines() if line[0] != "#"]
    assert sorted(line.split("  ", 1)[1] for line in lines) == [
        "assets/data/folder/b ü.txt",
        "assets/data/folder/one",
        "assets/data/once.txt",
        "assets/data/twice.txt",
    ]
    command = ["sha256sum", "--check", "--strict", "--quiet", str(record)]
    assert subprocess.run(command, cwd=project.generated()).returncode == 0


def test_record_changes_nothing_that_is_built(project: Project) -> None:
    """Written or committed, the record makes no step run and no document name another commit."""
    project.write(report_md="---\ntitle: Two\n---\n\nText.\n")
    project.commit()
    project.made("record")
    outputs = project.generated("outputs")
    before = {path.name: path.read_bytes() for path in outputs.iterdir()}
    assert project.made("build").splitlines()[-1] == "up to date"
    project.commit("The record")
    printed = project.made("build")
    assert "0 steps run" in printed or "up to date" in printed
    assert {path.name: path.read_bytes() for path in outputs.iterdir()} == before
    assert project.made("record")
    assert project.git("status", "--porcelain") == ""


def test_what_no_commit_makes_is_not_recorded(project: Project) -> None:
    """A record of files that are not committed would be of nothing: they are named instead."""
    project.write(config_yaml="word: two\n")
    said = project.refused("record")
    assert f"scripts/{TINY}/config.yaml" in said
    assert "git commit" in said
    assert not project.scripts("outputs.txt").exists()


def test_record_follows_the_results(project: Project) -> None:
    """Recorded again, it has the new hashes, and of what is not made any more none."""
    project.made("record")
    old = project.scripts("outputs.txt").read_text()
    snakefile = project.scripts("Snakefile").read_text().replace(', "assets/data/folder"', "")
    project.write(Snakefile=snakefile, config_yaml="word: two\n")
    project.commit()
    project.made("record")
    new = project.scripts("outputs.txt").read_text()
    assert "folder" not in new
    assert not {line[:64] for line in new.splitlines()} & {line[:64] for line in old.splitlines()}
