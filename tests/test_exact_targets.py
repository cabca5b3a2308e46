"""What is asked for is made, or the error says why not; all that count steps count the same."""

import re
import shutil
from pathlib import Path

import building
import pytest

NAME = "2024-05-03-Targets"
make = building.for_experiment(building.made, NAME)
refused = building.for_experiment(building.refused, NAME)
HEAD = "from labflake import code, data, step\n"
FILES = """
rule all:
    input:
        expand("assets/data/sweep.c={c}.csv", c=[0.1, 0.2]),
        "outputs/report-extra.csv",
        "assets/data/parts",

rule sweep:
    output: "assets/data/sweep.c={c}.csv",
    shell: step("echo {wildcards.c} > {output}")

rule extra:
    output: "outputs/report-extra.csv",
    shell: step("echo extra > {output}")

rule parts:
    output: directory("assets/data/parts"),
    shell: step("mkdir {output}; echo 1 > {output}/one.txt")
"""
CHAIN = """
rule all:
    input: "assets/data/last.txt",

rule first:
    input: "../../scripts/2024-05-03-Targets/in.txt",
    output: "assets/data/first.txt",
    shell: step("cat {input} > {output}")

rule last:
    input: "assets/data/first.txt",
    output: "assets/data/last.txt",
    shell: step("cat {input} > {output}")
"""
GROWING = """
import json

def parts(wildcards):
    with checkpoints.split.get().output[0].open() as file:
        return [f"assets/data/part-{n}.txt" for n in json.load(file)]

rule all:
    input: "assets/data/sum.txt",

rule number:
    input: data("raw.csv"),
    output: temp("assets/data/number.txt"),
    params: n=config["count"],
    shell: step("python -c 'print({params.n})' > {output}")

checkpoint split:
    input: "assets/data/number.txt",
    output: "assets/data/parts.json",
    shell: step("seq $(cat {input}) | paste -sd, | sed 's/.*/[&]/' > {output}")

rule part:
    output: "assets/data/part-{n}.txt",
    shell: step("expr {wildcards.n} '*' {wildcards.n} > {output}")

rule gather:
    input: parts,
    output: "assets/data/sum.txt",
    shell: step("cat {input} | awk '{{s += $1}} END {{print s}}' > {output}")
"""

INSIDE = """
rule all:
    input: "assets/data/part/a/1.txt",

KIND split:
    input: "../../scripts/2024-05-03-Targets/in.txt",
    output: directory("assets/data/split/{run}"),
    shell:
        step(
            "mkdir -p {output}/sub;"
            " for i in $(cat {input}); do echo $i > {output}/sub/$i.txt; done"
        )

rule part:
    input: "assets/data/split/{run}/sub/{i}.txt",
    output: "assets/data/part/{run}/{i}.txt",
    shell: step("cat {input} {input} > {output}")
"""


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Path:
    """Copy the project without what was generated."""
    return building.copy(built, tmp_path / "project", generated=False)


def write(project: Path, snakefile: str, **files: str) -> Path:
    """Write the experiment of these tests; return its generated folder."""
    return building.experiment(project, NAME, Snakefile=HEAD + snakefile, hashes_txt="", **files)


def plan(project: Path) -> list[int]:
    """Return what the plan counts: to run, from the cache, complete."""
    return [int(n) for n in re.findall(r"\d+", make(project, "plan").splitlines()[-1])]


# Targets


def test_file_named_like_a_document_is_made_by_its_rule(project: Path) -> None:
    """`outputs/report-extra.csv` is what its rule makes, and no part of the report."""
    generated = write(project, FILES)
    assert building.ran(make(project, f"generated/{NAME}/outputs/report-extra.csv")) == ["extra"]
    assert (generated / "outputs" / "report-extra.csv").read_text() == "extra\n"


def test_artifact_with_an_equals_sign_is_no_variable(project: Path) -> None:
    """A variant of a sweep is made by its path, alone, and among others."""
    generated = write(project, FILES)
    one, two = (f"generated/{NAME}/assets/data/sweep.c={c}.csv" for c in ("0.1", "0.2"))
    assert building.ran(make(project, one)) == ["sweep:0.1"]
    assert building.ran(make(project, one, two, "SEED=3")) == ["sweep:0.2"]
    assert not (generated / "outputs").exists()


def test_file_in_a_folder_is_made_with_the_folder(project: Path) -> None:
    """A file that a step writes into its folder is asked for by its path, and has to be there."""
    generated = write(project, FILES)
    assert building.ran(make(project, f"generated/{NAME}/assets/data/parts/one.txt")) == ["parts"]
    assert (generated / "assets" / "data" / "parts" / "one.txt").read_text() == "1\n"
    assert "two.txt is not in what" in refused(
        project, f"generated/{NAME}/assets/data/parts/two.txt"
    )


@pytest.mark.long
@pytest.mark.parametrize("kind", ["rule", "checkpoint"])
def test_file_made_from_a_file_in_a_folder_is_made_from_that_folder_as_it_is_to_be(
    project: Path, kind: str
) -> None:
    """From nothing, after a change, and where the notes are lost: the folder is made first."""
    snakefile = INSIDE.replace("KIND", kind)
    generated = write(project, snakefile, in_txt="1 2\n")
    part = generated / "assets" / "data" / "part" / "a" / "2.txt"
    target = f"generated/{NAME}/assets/data/part/a/2.txt"
    assert building.ran(make(project, target)) == ["part:a,2", "split:a"]
    assert plan(project) == [1, 0, 1]
    write(project, snakefile.replace("echo $i >", "echo 3$i >"))
    assert plan(project) == [2, 0, 0]
    assert building.ran(make(project, target)) == ["part:a,2", "split:a"]
    assert part.read_text() == "32\n32\n"
    shutil.rmtree(generated / ".labflake")
    write(project, snakefile.replace("echo $i >", "echo 4$i >"))
    make(project, target)
    assert part.read_text() == "42\n42\n"
    assert building.ran(make(project)) == ["part:a,1"]
    write(project, snakefile, in_txt="1\n")
    said = refused(project, target)
    assert (
        "step part:a,2 failed: it needs assets/data/split/a/sub/2.txt, which no step has made"
        in said
    )


def test_file_in_a_folder_that_was_temporary_counts_as_it_was(project: Path) -> None:
    """The folder goes when all is made from it; the next build and the plan have nothing to do."""
    snakefile = INSIDE.replace("KIND", "rule").replace("directory(", "temp(directory(")
    snakefile = snakefile.replace('{run}"),', '{run}")),')
    generated = write(project, snakefile, in_txt="1 2\n")
    assert building.ran(make(project)) == ["part:a,1", "split:a"]
    assert not (generated / "assets" / "data" / "split" / "a").exists()
    assert make(project).splitlines()[-1] == "up to date"
    assert plan(project) == [0, 0, 2]


@pytest.mark.long
@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("done", [True, False])
def test_artifact_that_nobody_makes_is_an_error(project: Path, there: bool, done: bool) -> None:
    """Also where a file of the name lies around; the message names close ones."""
    generated = write(project, FILES)
    if done:
        make(project)
    if there:
        (generated / "outputs").mkdir(parents=True, exist_ok=True)
        (generated / "outputs" / "report-extras.csv").write_text("old\n")
    said = refused(project, f"generated/{NAME}/outputs/report-extras.csv")
    assert f"nothing makes generated/{NAME}/outputs/report-extras.csv" in said
    assert "did you mean outputs/report-extra.csv" in said


def test_data_is_a_target(project: Path) -> None:
    """A declared file is brought, recorded and there; no step runs for it."""
    (project / "raw.csv").write_text("x\n1\n")
    config = f"data:\n  raw.csv: {{file: {project / 'raw.csv'}, copy: true}}\n"
    generated = write(project, FILES, config_yaml=config)
    for _ in range(2):
        assert building.ran(make(project, f"generated/{NAME}/assets/data/raw.csv")) == []
        assert (generated / "assets" / "data" / "raw.csv").read_text() == "x\n1\n"
    assert "raw.csv" in (project / "scripts" / NAME / "hashes.txt").read_text()


@pytest.mark.long
@pytest.mark.parametrize(
    ("right", "wrong", "rule", "hint"),
    [
        ("/in.txt", "/inn.txt", "first", f"scripts/{NAME}/in.txt"),
        ('input: "assets/data/first', 'input: "assets/data/frist', "last", "assets/data/first.txt"),
        ('input: "assets/data/last', 'input: "assets/data/lasst', "all", "assets/data/last.txt"),
    ],
)
def test_wrong_input_stops_the_build_before_anything_is_lost(
    project: Path, right: str, wrong: str, rule: str, hint: str
) -> None:
    """The rule is named with its line and close names; what was built is there and unchanged."""
    generated = write(project, CHAIN, in_txt="1\n")
    make(project)
    write(project, CHAIN.replace(right, wrong))
    lines = (HEAD + CHAIN.replace(right, wrong)).splitlines()
    line = next(n for n, text in enumerate(lines, 1) if wrong in text)
    for command in ([], ["plan"], []):
        said = refused(project, *command)
        assert f"scripts/{NAME}/Snakefile:{line}: rule {rule} needs" in said
        assert hint in said
        there = {p.name: p.read_text() for p in (generated / "assets" / "data").iterdir()}
        assert there == {"first.txt": "1\n", "last.txt": "1\n"}
    write(project, CHAIN)
    assert building.ran(make(project)) == []


# Counts


def counted(printed: str) -> list[int]:
    """Return what a build counts: run, from the cache, unchanged; its lines count to the end."""
    lines = [
        [int(n) for n in found] for found in re.findall(r"^  \[ *(\d+)/(\d+)\]", printed, re.M)
    ]
    assert all(number <= total for number, total in lines)
    assert lines[-1][0] == lines[-1][1]
    last = printed.splitlines()[-1]
    found = {what: int(n) for n, what in re.findall(r"(\d+) (steps? run|from|unchanged)", last)}
    return [found.get("steps run", found.get("step run", 0)), found.get("from", 0)]


@pytest.fixture
def growing(project: Path) -> Path:
    """Give the project an experiment whose number of steps an earlier one says."""
    (project / "raw.csv").write_text("x\n1\n")
    config = f"count: 3\ndata:\n  raw.csv: {{file: {project / 'raw.csv'}, copy: true}}\n"
    write(project, GROWING, config_yaml=config)
    return project


def test_plan_before_the_first_build(growing: Path) -> None:
    """Data that is not here yet is no error: the plan names it."""
    printed = make(growing, "plan")
    assert "assets/data/raw.csv is not here yet" in printed
    assert printed.splitlines()[-1].startswith("3 to run, 0 from the cache, 0 complete; split")


@pytest.mark.long
def test_all_that_count_steps_count_the_same(growing: Path) -> None:
    """With a checkpoint and a temporary file: the plan, the build and the graph agree."""
    generated = growing / "generated" / NAME
    assert counted(make(growing)) == [6, 0]
    assert plan(growing) == [0, 0, 6]
    assert make(growing).splitlines()[-1] == "up to date"
    make(growing, "forget", "STEP=part:2")
    assert plan(growing) == [2, 0, 4]
    assert counted(make(growing, f"generated/{NAME}/assets/data/part-2.txt")) == [1, 0]
    assert plan(growing)[0] in (0, 1)
    make(growing)
    assert plan(growing) == [0, 0, 6]
    make(growing, "graph")
    drawn = (generated / "outputs" / "graph.svg").read_text()
    assert all(f">{rule}</text>" in drawn for rule in ("number", "split", "part", "gather"))
    assert "3 steps, complete" in drawn
    config = growing / "scripts" / NAME / "config.yaml"
    config.write_text(config.read_text().replace("count: 3", "count: 5"))
    counted(make(growing))
    assert plan(growing) == [0, 0, 8]
    assert counted(make(growing, "redo", "STEP=split"))[0] == 7


@pytest.mark.long
def test_what_a_checkpoint_in_the_cache_decides_is_counted(growing: Path) -> None:
    """From nothing, and where another result lies there, the plan counts as the build does."""
    config = growing / "scripts" / NAME / "config.yaml"
    generated = growing / "generated" / NAME
    make(growing)
    shutil.rmtree(generated)
    assert plan(growing) == [0, 6, 0]
    assert not (generated / "assets" / "data" / "parts.json").exists()
    assert counted(make(growing)) == [0, 6]
    config.write_text(config.read_text().replace("count: 3", "count: 2"))
    assert counted(make(growing)) == [3, 0]
    config.write_text(config.read_text().replace("count: 2", "count: 3"))
    assert plan(growing) == [0, 4, 2]
    assert (generated / "assets" / "data" / "parts.json").read_text() == "[1,2]\n"
    assert counted(make(growing)) == [0, 4]
    assert not [*(generated / ".labflake").glob("ahead*")]


def test_plan_after_a_failure_counts_what_is_left(project: Path) -> None:
    """What failed and what follows is to run, the rest is complete."""
    before, after = CHAIN.rsplit("cat", 1)
    write(project, f"{before}false; cat{after}", in_txt="1\n")
    refused(project)
    assert plan(project) == [1, 0, 1]


def test_documents_stand_in_the_columns_of_the_plan(built: Path) -> None:
    """State and name of a document are apart, as those of steps."""
    printed = building.made(built, "plan", EXPERIMENT=building.SAMPLE, CACHE="off")
    row = next(line for line in printed.splitlines() if line.startswith("report.md"))
    assert row.split() == ["report.md", "COMPLETE"]
    assert "  " in row


def test_a_text_that_no_build_shows_is_told(project: Path) -> None:
    """A report or slides with a name of its own would be missed in silence; a note is none."""
    building.experiment(project, NAME, Snakefile=HEAD + FILES, hashes_txt="")
    scripts = project / "scripts" / NAME
    for name in ("Report.md", "2024-05-31_talk.md", "talk.qmd"):
        (scripts / name).write_text("---\nlang: en\ntitle: T\n---\n\nText.\n", encoding="utf-8")
    (scripts / "notes.md").write_text("# Notes\n\n---\ntitle: no\n---\n", encoding="utf-8")
    for _ in range(2):  # also where there is nothing to do
        done = building.make(project, **building.where(project, NAME))
        named = [line.split()[1] for line in done.stderr.splitlines() if line[0] == "w"]
        assert named == [
            f"scripts/{NAME}/{name}" for name in ("2024-05-31_talk.md", "Report.md", "talk.qmd")
        ]


def test_what_a_rule_made_that_is_gone_is_no_target(project: Path) -> None:
    """A target that only an earlier build left is an error, as in a clone that never had it."""
    write(project, CHAIN, in_txt="1")
    make(project)
    write(project, CHAIN.replace('output: "assets/data/last', 'output: "assets/data/lst'))
    for words in ([], ["plan"]):
        said = refused(project, *words)
        assert "Snakefile:4: rule all needs assets/data/last.txt" in said
        assert "did you mean assets/data/lst.txt" in said
