"""`make record`: the hashes of all artifacts in git, with which nothing else changes."""

import subprocess
from pathlib import Path

import pytest
from sharing import TINY, Project

from labflake.data_files import recorded
from labflake.project.experiments import Experiment

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


def test_record_is_read_as_people_leave_it(project: Project, monkeypatch) -> None:
    """Line ends of another system and names with odd spaces count; a conflict is written anew."""
    monkeypatch.setenv("LABFLAKE_PROJECT", str(project.root))
    experiment, path = Experiment(TINY), project.scripts("outputs.txt")
    project.made("record")
    before = path.read_bytes()
    digest = "0" * 64
    path.write_bytes(before.replace(b"\n", b"\r\n") + f"{digest}  assets/a\u2028b.txt\r\n".encode())
    commit = project.commit("Edited")
    assert recorded.at(experiment, commit)["assets/a\u2028b.txt"] == digest
    assert recorded.at(experiment, commit) == recorded.of(experiment)
    assert len(recorded.commit_of(experiment)) == 40
    assert recorded.standing(experiment, commit) == recorded.of(experiment)
    path.write_text("<<<<<<< HEAD\nx\n=======\n")
    project.commit("A conflict")
    project.made("record")
    assert recorded.of(experiment).keys() == {
        *("assets/data/once.txt", "assets/data/twice.txt"),
        *("assets/data/folder/one", "assets/data/folder/b ü.txt"),
    }


def test_record_of_an_earlier_commit_is_none_of_a_later_one(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit that changed something and was not recorded again has none that its data is from."""
    monkeypatch.setenv("LABFLAKE_PROJECT", str(project.root))
    experiment = Experiment(TINY)
    project.made("record")
    first = project.commit("Recorded")
    project.write("2024-03-01-Other", Snakefile="")
    same = project.commit("Another experiment")
    project.write(config_yaml="word: three\n")
    changed = project.commit("Changed, not recorded")
    known = recorded.of(experiment)
    found = [recorded.standing(experiment, commit) for commit in (first, same, changed)]
    assert found == [known, known, {}]
    assert recorded.at(experiment, changed) == known
    lost = project.scripts("outputs.txt").read_text().replace(recorded.MADE, f"{recorded.MADE}0")
    project.scripts("outputs.txt").write_text(lost)
    assert recorded.standing(experiment, project.commit("Squashed")) == {}


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
