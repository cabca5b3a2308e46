"""Workflows that other people published, as they are."""

import os
import shutil
from pathlib import Path

import building
import pytest

pytestmark = pytest.mark.long
WORKFLOWS = Path(__file__).parent / "workflows"
NAMES = {
    "tutorial": "2024-06-01-Tutorial",
    "zipf": "2024-06-02-Zipf",
    "growth": "2024-06-03-Growth",
}
RESULTS = {"tutorial": "plots/quals.svg", "zipf": "results.txt", "growth": "out/table.txt"}
# An edit of a module or of data that is imported, sourced or listed, and the rules that follow.
EDITS = {
    "tutorial": ("scripts/vcf.py", "float(", "1 + float(", {"plot_quals"}),
    "zipf": (
        "words.py",
        "int(",
        "1 + int(",
        {"count_words", "make_plot", "zipf_test", "make_archive"},
    ),
    "growth": ("scripts/subsets.R", "> 1", "> 2", {"model", "table"}),
}


@pytest.fixture(scope="module")
def project(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the built project, and give it the workflows."""
    folder = building.copy(built, tmp_path_factory.mktemp("workflows") / "project", generated=False)
    for workflow, name in NAMES.items():
        shutil.copytree(WORKFLOWS / workflow, folder / "scripts" / name)
    return folder


def make(project: Path, workflow: str) -> str:
    """Run make on a workflow as CI does, with the programs that it calls on the PATH."""
    where = building.where(project, NAMES[workflow])
    path = os.pathsep.join([str(WORKFLOWS / "programs"), os.environ["PATH"]])
    return building.made(project, **where, PATH=path, JOBS="2", LOCKED="1")


@pytest.mark.parametrize("workflow", NAMES)
def test_published_workflow_runs_unchanged(project: Path, workflow: str) -> None:
    """It is built, a second make does nothing, and an edited module runs what follows from it."""
    make(project, workflow)
    result = project / "generated" / NAMES[workflow] / RESULTS[workflow]
    before = result.read_text(encoding="utf-8")
    assert before
    assert make(project, workflow).endswith("up to date\n")
    name, old, new, rules = EDITS[workflow]
    file = project / "scripts" / NAMES[workflow] / name
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(old, new), encoding="utf-8")
    ran = building.ran(make(project, workflow))
    assert {step.partition(":")[0] for step in ran} <= rules
    assert ran
    assert result.read_text(encoding="utf-8") != before
    file.write_text(text, encoding="utf-8")
    make(project, workflow)
    assert result.read_text(encoding="utf-8") == before


def test_protected_result_is_not_replaced_unasked(project: Path) -> None:
    """A build that would replace it stops with the file; with the right to write it goes on."""
    make(project, "tutorial")
    reads = project / "scripts" / NAMES["tutorial"] / "data" / "samples" / "A.fastq"
    reads.write_text("ACGA\n", encoding="utf-8")
    sorted_reads = project / "generated" / NAMES["tutorial"] / "sorted_reads" / "A.bam"
    assert not sorted_reads.stat().st_mode & 0o222
    path = os.pathsep.join([str(WORKFLOWS / "programs"), os.environ["PATH"]])
    where = building.where(project, NAMES["tutorial"])
    assert "chmod u+w" in building.refused(project, **where, PATH=path)
    sorted_reads.chmod(0o644)
    make(project, "tutorial")
    assert sorted_reads.read_text(encoding="utf-8") == "ACGA A\n"
