"""Artifacts of another experiment as data: of the working tree, of a commit, pulled or built."""

import json
import shutil
from pathlib import Path

import pytest
from sharing import TINY, Project

pytestmark = pytest.mark.long

OTHER = "2024-03-01-Science"
SCIENCE = '''
    """Counts what another experiment made."""
    from labflake import data, step

    rule all:
        input: "assets/data/count.txt"

    rule count:
        input: data("words.txt")
        output: "assets/data/count.txt"
        shell: step("wc -c < {input} > {output}")
'''
FOLDER = SCIENCE.replace("wc -c < {input}", "ls {input}").replace("words.txt", "words")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Make a project with an experiment of engineering and one of science, which is built."""
    project = Project.new(tmp_path_factory.mktemp("built"))
    science(project)
    build(project, SEED="7")
    return project


@pytest.fixture
def project(built: Project, tmp_path: Path) -> Project:
    """Copy it, to change it."""
    return built.copy(tmp_path)


def science(project: Project, snakefile: str = SCIENCE, **declared: str) -> str:
    """Write the experiment that takes the data; return the commit with it."""
    given = {"experiment": TINY, "artifact": "assets/data/twice.txt"} | declared
    name = "words" if "folder" in given["artifact"] else "words.txt"
    text = json.dumps({"data": {name: given}})
    project.write(OTHER, Snakefile=snakefile, config_yaml=text)
    return project.commit()


def build(project: Project, **options: str) -> str:
    """Build the experiment of science."""
    return project.made("build", EXPERIMENT=OTHER, **options)


def count(project: Project) -> str:
    """Return what the experiment of science found."""
    return project.generated("assets/data/count.txt", OTHER).read_text()


def test_artifact_is_built_and_recorded_like_any_data(project: Project) -> None:
    """What is not there is made by its experiment, and its hash recorded in `hashes.txt`."""
    assert count(project) == "8\n"
    assert project.generated("assets/data/twice.txt").read_text() == "one\none\n"
    assert project.generated("assets/data/words.txt", OTHER).read_text() == "one\none\n"
    assert "  assets/data/words.txt" in project.scripts("hashes.txt", OTHER).read_text()
    assert build(project, SEED="7").splitlines()[-1] == "up to date"


def test_folder_of_another_experiment_is_data(project: Project) -> None:
    """An artifact that is a folder comes with all its files, and each of them is recorded."""
    science(project, FOLDER, artifact="assets/data/folder")
    build(project)
    assert count(project) == "b ü.txt\none\n"
    assert project.scripts("hashes.txt", OTHER).read_text().count("assets/data/words/") == 2


def test_changed_engineering_stops_the_science(project: Project) -> None:
    """A change in what the other experiment is made of is noticed at once, and needs a reason."""
    project.write(config_yaml="word: three\n")
    said = project.refused("build", EXPERIMENT=OTHER)
    assert "no longer at its source what it was when it was recorded" in said
    assert count(project) == "8\n"
    project.made("accept", EXPERIMENT=OTHER, REASON="longer words")
    build(project)
    assert count(project) == "12\n"


def test_prose_of_engineering_changes_nothing(project: Project) -> None:
    """A report of the other experiment is no part of what its artifacts are made from."""
    project.write(report_md="---\ntitle: Words\n---\n\nWords.\n")
    assert build(project, SEED="7").splitlines()[-1] == "up to date"


def test_recorded_artifact_is_pulled_and_not_built(project: Project, tmp_path: Path) -> None:
    """A clone takes what was pushed, verified, where the record is of what is checked out."""
    project.scripts("hashes.txt", OTHER).unlink()
    project.made("push")
    project.commit("Recorded")
    clone = project.clone(tmp_path / "elsewhere")
    clone.cache = project.cache
    build(clone)
    assert count(clone) == "8\n"
    assert not clone.generated("assets/data/twice.txt").exists()


def test_stale_record_is_not_pulled(project: Project, tmp_path: Path) -> None:
    """Where the other experiment changed after it was recorded, it is built as it is now."""
    project.scripts("hashes.txt", OTHER).unlink()
    project.made("push")
    project.write(config_yaml="word: three\n")
    project.commit("Recorded, then changed")
    clone = project.clone(tmp_path / "elsewhere")
    clone.cache = project.cache
    build(clone)
    assert count(clone) == "12\n"


def test_commit_stays_what_it_was(project: Project) -> None:
    """With a commit the data is that of then, by its hash in the record, whatever comes later."""
    project.made("record")
    commit = project.commit("Recorded")
    project.made("push")
    project.write(config_yaml="word: three\n")
    science(project, commit=commit[:10])
    project.made("build")
    build(project)
    assert count(project) == "8\n"
    assert project.generated("assets/data/twice.txt").read_text() == "three\nthree\n"


def test_circle_is_refused(project: Project) -> None:
    """Two experiments that need each other are an error, and nothing runs for ever."""
    shutil.rmtree(project.root / "generated")
    back = {"experiment": OTHER, "artifact": "assets/data/count.txt"}
    project.write(config_yaml=json.dumps({"word": "one", "data": {"back.txt": back}}))
    said = project.refused("build", EXPERIMENT=OTHER)
    assert f"{TINY} needs data of {OTHER} itself" in said


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"experiment": "2024-02-29-Tony"}, TINY),
        ({"experiment": "Tiny"}, "is no experiment"),
        ({"artifact": "../secret"}, "a path below its generated folder"),
        ({"artifact": "assets/data/none.txt"}, "could not be made"),
        ({"commit": "main"}, "is no commit"),
        ({"commit": "abcdef1"}, "git knows no commit"),
        ({"commit": 1234567}, "put it in quotes"),
    ],
)
def test_what_cannot_be_is_told(project: Project, declared: dict, said: str) -> None:
    """A name of nothing is an error that says what would be one."""
    shutil.rmtree(project.root / "generated")
    project.scripts("hashes.txt", OTHER).unlink()
    science(project, **declared)
    assert said in project.refused("build", EXPERIMENT=OTHER)
