"""`make experiment NAME=… FROM=…`: a copy of an experiment that is one of its own."""

from datetime import date
from pathlib import Path

import pytest
from sharing import TINY, Project

pytestmark = pytest.mark.long

REPORT = f"""
    ---
    title: >
      The first
      look
    date: 2024-03-01
    pull-request: 12
    tags: [tiny]
    ---

    ```python
    #| show: none
    from labflake import load
    text = open("../../generated/{TINY}/assets/data/twice.txt").read()
    ```

    The first look at {TINY}-Two and 1{TINY}, see outputs/2024-03-02-talk.pdf of {TINY}.
"""
TALK = "---\ntitle: >\n  The first\n  look\nsubtitle: Talk\n---\n\n## Slide\n\nText.\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Make a project with an experiment that has a report, slides, a record and data."""
    project = Project.new(tmp_path, report_md=REPORT, hashes_txt="# a comment\n", outputs_txt="")
    folder = project.scripts()
    (folder / "2024-03-02-talk.md").write_text(TALK)
    (folder / "picture.png").write_bytes(b"\x89PNG\0\xff" + TINY.encode())
    (folder / ".hidden").write_text("")
    (folder / "report.ipynb").write_text("{}")
    (folder / "inner").mkdir()
    (folder / "inner" / "paths.py").write_text(f'PLACE = "generated/{TINY}/assets"\n')
    project.commit()
    return project


def start(project: Project, old: str = TINY) -> Path:
    """Start an experiment from another one."""
    before = date.today()
    project.made("new", NAME="A Second: Look", FROM=old)
    (folder,) = (project.root / "scripts").glob("*-A-Second-Look")
    assert before <= date.fromisoformat(folder.name[:10]) <= date.today()
    return folder


def test_copy_has_names_and_title_of_its_own(project: Project) -> None:
    """Its own name stands for the other's wherever that stands alone; title and day are new."""
    folder = start(project)
    report = (folder / "report.md").read_text()
    new, day = folder.name, folder.name[:10]
    assert report.startswith(f'---\ntitle: "A Second: Look"\ndate: {day}\ntags: [tiny]\n---\n')
    assert f"generated/{new}/assets/data/twice.txt" in report
    assert f"look at {TINY}-Two and 1{TINY}, see outputs/{day}-talk.pdf of {new}." in report
    assert (folder / f"{day}-talk.md").read_text().startswith('---\ntitle: "A Second: Look"\nsub')
    assert (folder / "inner/paths.py").read_text() == f'PLACE = "generated/{new}/assets"\n'
    assert project.git("branch", "--show-current") == new


def test_copy_has_what_people_wrote(project: Project) -> None:
    """Code, settings and recorded data come along; records of artifacts and leftovers do not."""
    folder = start(project)
    names = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    talk = f"{folder.name[:10]}-talk.md"
    texts = {"Snakefile", "config.yaml", "hashes.txt", "report.md", talk, "inner/paths.py"}
    assert names == texts | {"picture.png"}
    original = project.scripts("picture.png").read_bytes()
    assert (folder / "picture.png").read_bytes() == original
    assert project.git("status", "--porcelain", "--", f"scripts/{TINY}") == ""


def test_copy_builds_without_running_what_it_shares(project: Project) -> None:
    """It builds as it is, and its steps come from the cache: they are the same steps."""
    project.made("build")
    new = start(project).name
    printed = project.made("build", EXPERIMENT=new)
    assert "0 steps run, 3 from the cache" in printed
    assert project.generated("outputs/report.pdf", new).exists()


def test_unknown_experiment_to_copy_is_told(project: Project) -> None:
    """A name that is none is an error with close ones, and nothing is made."""
    said = project.refused("new", NAME="A Second: Look", FROM="2024-02-29-Tony")
    assert TINY in said
    assert not [*(project.root / "scripts").glob("*-A-Second-Look")]
    assert project.git("status", "--porcelain") == ""
