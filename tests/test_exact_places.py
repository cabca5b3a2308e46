"""`generated`, or a part of it, on another disk: all works as it does at home."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import building
import pytest
import rendering

NAME = "2024-05-04-Elsewhere"
make = building.for_experiment(building.made, NAME)
SNAKEFILE = f"""
    from labflake import code, data, step

    rule all:
        input: "assets/data/out.txt", "assets/data/folder", "assets/figures/a.svg",

    rule one:
        input: code=code("p.py"), raw=data("raw.csv"), beside="../../scripts/{NAME}/in.txt",
        output: "assets/data/out.txt",
        shell:
            step("python -S {{input.code[0]}} | cat - {{input.raw}} {{input.beside}} > {{output}}")

    rule two:
        input: "assets/data/out.txt",
        output: directory("assets/data/folder"),
        shell: step("mkdir {{output}}; cp {{input}} {{output}}/x; ln -s x {{output}}/y")

    rule draw:
        output: "assets/figures/a.svg",
        params: svg='<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        shell: step("printf '%s' {{params.svg:q}} > {{output}}")
"""
REPORT = f"""
    ---
    title: Elsewhere
    ---

    ![A square.](../../generated/{NAME}/assets/figures/a.svg){{#fig:a}}

    ```python
    from labflake import load
    load("raw")
    ```
"""


@pytest.fixture
def disk() -> Iterator[Path]:
    """Give a folder on another disk, where this machine has one."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))
    yield folder / "scratch"
    shutil.rmtree(folder)


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Path:
    """Give a copy of the project an experiment that has not been built."""
    project = building.copy(built, tmp_path / "project", generated=False)
    (project / "raw.csv").write_text("x\n1\n")
    write(project, NAME)
    return project


def write(project: Path, name: str) -> None:
    """Write an experiment with data, a program, a table beside it, and three steps."""
    config = "data:\n  raw.csv: {file: raw.csv, copy: true}\n"
    files = {"p_py": "print('p')\n", "in_txt": "in\n", "config_yaml": config, "hashes_txt": ""}
    building.experiment(project, name, Snakefile=SNAKEFILE.replace(NAME, name), **files)


def link(project: Path, place: str, disk: Path) -> Path:
    """Let a part of `generated` be a link to the disk; return the generated folder."""
    path = project / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(disk)
    if place != "generated" and not place.endswith(NAME):
        disk.mkdir()
    return project / "generated" / NAME


PLACES = ["generated", f"generated/{NAME}", f"generated/{NAME}/assets"]
PLACES += [f"generated/{NAME}/assets/data"]


@pytest.mark.long
@pytest.mark.parametrize("place", PLACES)
def test_part_of_generated_on_another_disk(project: Path, disk: Path, place: str) -> None:
    """It is built there, rebuilt after an edit and a deletion, and nothing else is different."""
    generated = link(project, place, disk)
    assert make(project, "plan").splitlines()[-1].startswith("3 to run")
    assert building.ran(make(project)) == ["draw", "one", "two"]
    assert make(project).splitlines()[-1] == "up to date"
    out = generated / "assets" / "data" / "out.txt"
    assert out.resolve().is_relative_to(disk)
    assert out.read_text() == "p\nx\n1\nin\n"
    (project / "scripts" / NAME / "p.py").write_text("print('q')\n")
    assert building.ran(make(project)) == ["one", "two"]
    (generated / "assets" / "data" / "folder" / "x").unlink()
    assert building.ran(make(project)) == []
    assert (generated / "assets" / "data" / "folder" / "y").read_text() == "q\nx\n1\nin\n"
    make(project, "clean")
    assert [path for path in disk.rglob("*") if path.suffix in (".txt", ".svg")] == []
    assert building.ran(make(project)) == []
    assert out.resolve().is_relative_to(disk)


@pytest.mark.long
def test_document_on_another_disk(project: Path, disk: Path) -> None:
    """Figures and data are found there; git sees nothing, before and after; results are shared."""
    building.experiment(project, NAME, report_md=REPORT)
    home = building.copy(project, project.parent / "home")
    make(home)
    generated = link(project, "generated", disk)
    rendering.commit_all(project)
    printed = make(project)
    assert building.ran(printed) == []
    assert "generated" not in rendering.git(project, "status", "--porcelain")
    assert make(project).splitlines()[-1] == "up to date"
    assert (generated / "outputs" / "report.pdf").resolve().is_relative_to(disk)


@pytest.mark.long
def test_what_was_moved_to_another_disk_is_still_built(project: Path, disk: Path) -> None:
    """`mv generated …; ln -s …` costs no step, and a new experiment goes there, too."""
    make(project)
    shutil.move(project / "generated", disk)
    (project / "generated").symlink_to(disk)
    assert building.ran(make(project)) == []
    other = "2024-05-05-New"
    write(project, other)
    building.made(project, EXPERIMENT=other, CACHE="off")
    assert (disk / other / "assets" / "data" / "out.txt").exists()
