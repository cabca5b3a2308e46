"""What a step reads and writes: what it declares, what it is seen to read, and nothing else."""

from pathlib import Path

import building
import pytest
from building import TINY

SNAKEFILE = """
    from lab import code, step

    rule all:
        input: "assets/data/summary.csv",

    rule measure:
        output: "assets/data/measurements.csv",
        params: seed=config["seed"],
        shell: step("printf 'x\\\\n{params.seed}\\\\n' > {output}")

    rule summarise:
        input: code=code("summarise.py"), values="assets/data/measurements.csv",
        output: "assets/data/summary.csv",
        shell: step("COMMAND")
"""
PYTHON = "python {input.code[0]} {input.values} {output}"
COPY = """
    import shutil, sys
    shutil.copyfile(sys.argv[1], sys.argv[2])
"""
BY_NAME = """
    from lab import load, save
    save(load("measurements"), "summary")
"""


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Path:
    """Copy the project without what was generated, with an experiment of two steps."""
    project = building.copy(built, tmp_path / "project", generated=False)
    write(project, COPY)
    return project


def write(project: Path, program: str, command: str = PYTHON, **files: str) -> None:
    """Write the experiment of these tests: its program, the command of its step, more files."""
    building.experiment(
        project,
        TINY,
        Snakefile=SNAKEFILE.replace("COMMAND", command),
        summarise_py=program,
        **{"config_yaml": "seed: 3\n"} | files,
    )


def make(project: Path, *arguments: str, **environment: str) -> str:
    """Build the experiment with a cache of its own; return what was printed."""
    cache = {"CACHE": str(project.parent / "cache"), "EXPERIMENT": TINY}
    return building.made(project, *arguments, **(cache | environment))


def refused(project: Path, *arguments: str, **environment: str) -> str:
    """Build the experiment, expect that it fails, and return what was said."""
    cache = {"CACHE": str(project.parent / "cache"), "EXPERIMENT": TINY}
    done = building.make(project, *arguments, **(cache | environment))
    assert done.returncode == 2, done.stdout
    return done.stderr


def result(project: Path, name: str = "summary.csv") -> str:
    """Read a data file of the experiment."""
    return (project / "generated" / TINY / "assets/data" / name).read_text(encoding="utf-8")


def setting(project: Path, text: str) -> None:
    """Change the settings of the experiment."""
    (project / "scripts" / TINY / "config.yaml").write_text(text, encoding="utf-8")


def test_bare_names_are_what_the_step_declares(project: Path) -> None:
    """`load` and `save` by name mean inputs and outputs, and a change of the input is seen."""
    write(project, BY_NAME)
    make(project)
    assert result(project) == "x\n3\n"
    setting(project, "seed: 4\n")
    make(project)
    assert result(project) == "x\n4\n"


@pytest.mark.parametrize(
    "name", ["measurements", "measurements.csv", "assets/data/measurements.csv"]
)
def test_loading_what_is_not_declared_is_an_error(project: Path, name: str) -> None:
    """The error names the file, the rule and the way to declare it."""
    write(project, f"from lab import load, save\nsave(load('{name}'), 'summary')\n")
    snakefile = project / "scripts" / TINY / "Snakefile"
    text = snakefile.read_text().replace(', values="assets/data/measurements.csv"', "")
    text = text.replace(
        '"assets/data/summary.csv",', '"assets/data/summary.csv", "assets/data/measurements.csv"', 1
    )
    snakefile.write_text(text.replace(" {input.values}", ""))
    make(project, f"generated/{TINY}/assets/data/measurements.csv")
    said = refused(project)
    assert "does not declare" in said
    assert '`input:` of rule summarise, for example "assets/data/measurements.csv"' in said


def test_saving_what_is_not_declared_is_an_error(project: Path) -> None:
    """A result that no rule names has no place among the results."""
    write(project, "from lab import load, save\nsave(load('measurements'), 'extra')\n")
    assert "does not declare extra as an output" in refused(project)
    assert not (project / "generated" / TINY / "assets/data/extra.csv").exists()


@pytest.mark.parametrize(
    "command",
    [
        "cp {input.values} assets/data/summary.csv",
        "python {input.code[0]} {input.values} assets/data/summary.csv",
        "cp {input.values} $PWD/assets/data/summary.csv",
    ],
)
def test_output_may_be_written_under_its_own_name(project: Path, command: str) -> None:
    """A program whose names are fixed works, the first time and every other."""
    write(project, COPY, command)
    for seed in ("3", "4"):
        setting(project, f"seed: {seed}\n")
        make(project)
        assert result(project) == f"x\n{seed}\n"
    assert make(project).splitlines()[-1] == "up to date"


def test_step_does_not_see_its_own_last_result(project: Path) -> None:
    """What is appended to starts empty: the result follows from the inputs alone."""
    write(project, COPY, "cat {input.values} >> assets/data/summary.csv")
    make(project)
    make(project, "redo", "STEP=summarise")
    assert result(project) == "x\n3\n"


def test_failing_step_leaves_its_last_result(project: Path) -> None:
    """A step that fails half-way, or stops without writing, has lost nothing."""
    make(project)
    for command in ("echo half > assets/data/summary.csv; false", "true {input.values}"):
        write(project, COPY, command)
        refused(project)
        assert result(project) == "x\n3\n"


def test_command_that_is_shown_is_the_one_that_ran(project: Path) -> None:
    """The command of a failure can be run as it stands in the generated folder."""
    write(project, COPY, "echo {input.values} > {output}; exit 3")
    said = refused(project)
    command = next(line for line in said.splitlines() if line.startswith("  echo "))
    assert ".lab/running/" in command


def test_undeclared_side_files_are_said(project: Path) -> None:
    """What a step writes beside its output is not kept, and the build says so."""
    write(project, COPY, "cp {input.values} {output}; touch {output}.idx")
    assert "summarise wrote assets/data/summary.csv.idx, too, which is not kept" in make(project)


SWEEP = """
    from lab import code, step

    rule all:
        input: "assets/data/all.csv",

    rule one:
        output: "assets/data/sweep.c={c}.csv",
        shell: step("printf 'x\\\\n{wildcards.c}0\\\\n' > {output}")

    rule gather:
        input: code("gather.py"), sweep=expand("assets/data/sweep.c={c}.csv", c=[1, 2]),
        output: "assets/data/all.csv",
        shell: step("python {input[0]} {input.sweep}")
"""


@pytest.mark.parametrize("given", ["sys.argv[1:]", "'sweep'"])
def test_variants_are_loaded_from_a_list(project: Path, given: str) -> None:
    """`load_all` takes the files that a step declares, by their paths or by their name."""
    gather = f"import sys\nfrom lab import load_all, save\nsave(load_all({given}), 'all')\n"
    building.experiment(project, TINY, Snakefile=SWEEP, gather_py=gather)
    make(project)
    assert result(project, "all.csv") == "c,x\n1,10\n2,20\n"
