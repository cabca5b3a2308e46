"""What was read is what is recorded: a digest is taken before use and confirmed after use."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import building
import pytest
from waiting import PATIENCE, until

NAME = "2024-06-01-Exact"
make = building.for_experiment(building.made, NAME)
refused = building.for_experiment(building.refused, NAME)
HEAD = "from labflake import code, data, step\n"
ALL = 'rule all:\n    input: "assets/data/out.txt"\n'
ONE = HEAD + ALL
# A program that stops when it begins, and when it has read, until the test lets it go on.
PROGRAM = """
import pathlib, sys, time
{imports}

def wait(what):
    pathlib.Path({folder!r}, what).touch()
    while not pathlib.Path({folder!r}, what + "-go").exists():
        time.sleep(0.02)

wait("begun")
text = {value}
wait("read")
print(text)
"""
SLOW = (
    ONE
    + """
rule one:
    input: "assets/data/raw.csv", code=code("p.py"),
    output: "assets/data/out.txt"
    shell: step("python {input.code[0]} {input[0]} > {output}")
"""
)
TWO = (
    HEAD
    + """
rule all:
    input: "assets/data/final.txt"

rule first:
    input: code=code("p.py")
    output: "assets/data/sub/first.txt"
    params: v=config["v"]
    shell: step("(python {input.code[0]}; echo {params.v}) > {output}")

rule final:
    input: "assets/data/sub/first.txt", code=code("p.py"),
    output: "assets/data/final.txt"
    params: v=config["v"]
    shell: step("(cat {input[0]}; python {input.code[0]}; echo {params.v}) > {output}")
"""
)


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Path:
    """Copy the project with an experiment that has one slow step and one data file."""
    return building.copy(built, tmp_path / "project", generated=False)


def write(project: Path, snakefile: str, **files: str) -> Path:
    """Write the experiment of these tests; return its generated folder."""
    return building.experiment(project, NAME, Snakefile=snakefile, hashes_txt="", **files)


def is_up_to_date(project: Path) -> bool:
    """Tell whether make has nothing to do."""
    return make(project).splitlines()[-1] == "up to date"


def is_settled(project: Path) -> bool:
    """Tell whether make has nothing to do, and the plan says the same."""
    plan = make(project, "plan").splitlines()[-1]
    return is_up_to_date(project) and plan.startswith("0 to run, 0 from")


def begin(project: Path) -> subprocess.Popen:
    """Start make for the experiment of these tests."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    env = building.variables(**building.where(project, NAME))
    return subprocess.Popen(["make", "--no-print-directory"], cwd=project, env=env, **options)


class Slow:
    """A build of the slow step, which stops where the test says."""

    def __init__(
        self,
        project: Path,
        value: str = "open(sys.argv[1]).read()",
        imports: str = "",
        **files: str,
    ) -> None:
        self.folder = project.parent / "steps"
        self.folder.mkdir()
        snakefile = SLOW.replace('"assets/data/raw.csv"', 'data("raw.csv")') if files else SLOW
        self.generated = write(project, snakefile, **files)
        self.program = project / "scripts" / NAME / "p.py"
        self.raw = self.generated / "assets" / "data" / "raw.csv"
        if not files:
            self.raw.parent.mkdir(parents=True)
            self.raw.write_text("right\n")
        self.save(value, imports)
        self.process = begin(project)

    def save(self, value: str, imports: str = "") -> None:
        """Write the program."""
        text = PROGRAM.format(folder=str(self.folder), value=value, imports=imports)
        self.program.write_text(text)

    def reach(self, what: str) -> None:
        """Let the step go on until it is there."""
        if what == "read":
            (self.folder / "begun-go").touch()
        until((self.folder / what).exists, self.process)

    def end(self) -> str:
        """Let the build end; return what it said."""
        for place in ("begun-go", "read-go"):
            (self.folder / place).touch()
        said, _ = self.process.communicate(timeout=PATIENCE)
        assert "Traceback" not in said
        return said

    @property
    def out(self) -> str:
        """Return the result."""
        return (self.generated / "assets" / "data" / "out.txt").read_text().strip()


def one(command: str, more: str = "") -> str:
    """Return the rule of one step."""
    return f"""
rule one:
    output: "assets/data/out.txt"
    {more}
    shell: step({command!r})
"""


def texts(generated: Path) -> list[str]:
    """Return what the two steps made, without line breaks."""
    names = ("sub/first.txt", "final.txt")
    return [(generated / "assets" / "data" / name).read_text().replace("\n", "") for name in names]


# What changes while a step runs


@pytest.mark.long
def test_program_saved_while_its_step_runs_is_what_the_result_is_of(project: Path) -> None:
    """The step runs again with what was saved; neither key ever has the result of the other."""
    slow = Slow(project, "'version 1'")
    old = slow.program.read_text()
    slow.reach("begun")
    slow.save("'version 2'")
    said = slow.end()
    assert f"scripts/{NAME}/p.py changed while step one ran" in said
    assert slow.out == "version 2"
    assert is_settled(project)
    slow.program.write_text(old)
    assert building.ran(make(project)) == ["one"]
    assert slow.out == "version 1"
    clone = building.copy(project, project.parent / "clone", generated=False)
    place = clone / "generated" / NAME / "assets" / "data"
    place.mkdir(parents=True)
    shutil.copy(slow.raw, place)
    make(clone)
    assert (place / "out.txt").read_text() == "version 1\n"


@pytest.mark.long
def test_module_saved_while_a_step_runs_is_what_the_result_is_of(project: Path) -> None:
    """A module counts as the program does, and what it imports since then is followed, too."""
    module, other = (project / "src" / "study" / name for name in ("k.py", "other.py"))
    module.write_text("v = 1\n")
    slow = Slow(project, "v", "from study.k import v")
    slow.reach("read")
    other.write_text("w = 2\n")
    module.write_text("from study.other import w as v\n")
    assert "src/study/k.py changed" in slow.end()
    assert slow.out == "2"
    other.write_text("w = 3\n")
    make(project)
    assert slow.out == "3"


@pytest.mark.long
@pytest.mark.parametrize("dated", [False, True])
def test_input_changed_and_put_back_while_a_step_reads_is_noticed(
    project: Path, dated: bool
) -> None:
    """What counts is what the step read, not what is there when it ends, with its old date."""
    slow = Slow(project)
    slow.reach("begun")
    found = slow.raw.stat()
    slow.raw.write_text("wrong\n")
    slow.reach("read")
    slow.raw.write_text("right\n")
    if dated:
        os.utime(slow.raw, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert "raw.csv changed while step one ran" in slow.end()
    assert slow.out == "right"
    assert is_settled(project)


@pytest.mark.long
def test_data_changed_while_a_step_runs_leaves_no_result(project: Path) -> None:
    """No result of data that is not recorded is kept; with the right data all is as it should."""
    (project / "raw.csv").write_text("right\n")
    config = f'data: {{raw.csv: {{file: "{project}/raw.csv", copy: true}}}}\n'
    slow = Slow(project, config_yaml=config)
    slow.reach("begun")
    slow.raw.unlink()
    slow.raw.write_text("wrong\n")
    slow.reach("read")
    assert "raw.csv changed while step one ran" in slow.end()
    slow.raw.unlink(missing_ok=True)
    slow.raw.write_text("right\n")
    make(project)
    assert slow.out == "right"


@pytest.mark.long
def test_step_that_writes_its_own_input_is_an_error(project: Path) -> None:
    """It would have another key whenever it ran: the file is named, and nothing is kept."""
    rule = one("echo more >> {input}; cat {input} > {output}", 'input: "assets/data/raw.csv"')
    generated = write(project, ONE + rule)
    raw = generated / "assets" / "data" / "raw.csv"
    raw.parent.mkdir(parents=True)
    raw.write_text("x\n")
    said = refused(project)
    assert "raw.csv changed while step one ran, 3 times" in said
    assert "must not write to what it reads" in said
    assert not (raw.parent / "out.txt").exists()


# What changes while other steps run


@pytest.mark.long
@pytest.mark.parametrize("what", ["p.py", "config.yaml", "Snakefile"])
def test_file_saved_after_its_step_ran_is_built_by_the_next_make(project: Path, what: str) -> None:
    """A build records what it read, so the change is still to be built, and it says so."""
    begun, go = project.parent / "begun", project.parent / "go"
    command = f"touch {begun}; while [ ! -e {go} ]; do sleep 0.02; done; cat {{input[0]}}"
    snakefile = TWO.replace("cat {input[0]}; python {input.code[0]}", command)
    snakefile = snakefile.replace(
        '"assets/data/sub/first.txt", code=code("p.py"),', '"assets/data/sub/first.txt"'
    )
    generated = write(project, snakefile, config_yaml="v: 1\n", p_py="print(1)\n")
    build = begin(project)
    until(begun.exists, build)
    path = project / "scripts" / NAME / what
    old, new = ("{params.v}", "{params.v} s") if what == "Snakefile" else ("1", "2")
    path.write_text(path.read_text().replace(old, new))
    go.touch()
    said, _ = build.communicate(timeout=PATIENCE)
    assert f"scripts/{NAME}/{what} changed meanwhile: make again" in said
    assert make(project, "plan").splitlines()[-1].startswith("2 to run")
    make(project)
    expected = {"p.py": "211", "config.yaml": "122", "Snakefile": "11 s1 s"}
    assert texts(generated)[1] == expected[what]
    assert is_settled(project)


# A part is built


@pytest.mark.long
@pytest.mark.parametrize("edited", ["p.py", "config.yaml"])
@pytest.mark.parametrize("part", ["path", "redo", "failed", "forgotten"])
def test_part_that_is_built_leaves_the_rest_to_be_built(
    project: Path, part: str, edited: str
) -> None:
    """After a part of an edit was built, make builds the other part, however that part was made."""
    generated = write(project, TWO, config_yaml="v: 1\n", p_py="print(1)\n")
    make(project)
    path = project / "scripts" / NAME / edited
    path.write_text(path.read_text().replace("1", "2"))
    if part == "path":
        make(project, f"generated/{NAME}/assets/data/sub/first.txt")
    elif part == "redo":
        make(project, "redo", STEP="first", ONLY="1")
    elif part == "forgotten":
        make(project, "forget", STEP="first")
    else:
        (generated / "matplotlibrc").mkdir()  # no step starts with it
        refused(project)
        (generated / "matplotlibrc").rmdir()
    assert make(project, "plan").splitlines()[-1][:4] in ("1 to", "2 to")
    make(project)
    assert texts(generated) == (["21", "2121"] if edited == "p.py" else ["12", "1212"])
    assert is_settled(project)


# Dates


def test_times_of_files_decide_nothing(project: Path) -> None:
    """Results dated ahead, and a clock that was set back, hide no edit."""
    generated = write(project, TWO, config_yaml="v: 1\n", p_py="print(1)\n")
    make(project)
    ahead = time.time() + 3600
    for path in (generated / "assets" / "data").rglob("*.txt"):
        os.utime(path, (ahead, ahead))
    program = project / "scripts" / NAME / "p.py"
    program.write_text("print(2)\n")
    os.utime(program, (1_000_000_000, 1_000_000_000))
    make(project)
    assert texts(generated) == ["21", "2121"]
    assert is_settled(project)


def test_module_of_the_same_size_and_date_is_another_module(project: Path) -> None:
    """Python's compiled form of the old text is not taken for the new one."""
    module = project / "src" / "study" / "k.py"
    generated = write(project, TWO, config_yaml="v: 1\n", p_py="from study.k import v\nprint(v)\n")
    for value in "12":
        module.write_text(f"v = {value}\n")
        os.utime(module, (1_000_000_000, 1_000_000_000))
        make(project)
        assert texts(generated)[0] == f"{value}1"


# Results that are gone or edited

PARTS = (
    HEAD
    + """
import os

rule all:
    input: "assets/data/sum.txt"

checkpoint parts:
    input: code=code("p.py")
    output: directory("assets/data/parts")
    shell:
        step(
            "mkdir {output};"
            " for i in $(python {input.code[0]}); do echo $i > {output}/$i; done"
        )

rule loud:
    input: "assets/data/parts/{n}"
    output: temp("assets/data/loud/{n}.txt")
    shell: step("sed s/^/L/ {input} > {output}")

def parts(wildcards):
    found = os.listdir(checkpoints.parts.get().output[0])
    return [f"assets/data/loud/{n}.txt" for n in sorted(found)]

rule sum:
    input: parts
    output: "assets/data/sum.txt"
    shell: step("cat {input} > {output}")
"""
)


@pytest.mark.long
def test_folder_of_a_checkpoint_is_made_again_as_it_was(project: Path) -> None:
    """It may be deleted, edited or added to: it is there again, and so is all that follows."""
    generated = write(project, PARTS, p_py="print(1, 2)\n")
    make(project)
    assert is_up_to_date(project)
    parts = generated / "assets" / "data" / "parts"
    for tamper in (
        lambda: shutil.rmtree(parts),
        lambda: (parts / "1").write_text("x"),
        lambda: (parts / "9").write_text("x"),
        lambda: (shutil.rmtree(parts), parts.write_text("x")),
    ):
        tamper()
        make(project)
        assert {p.name: p.read_text() for p in parts.iterdir()} == {"1": "1\n", "2": "2\n"}
        assert (generated / "assets" / "data" / "sum.txt").read_text() == "L1\nL2\n"
        assert is_up_to_date(project)


@pytest.mark.long
def test_checkpoint_that_was_made_alone_still_decides(project: Path) -> None:
    """What follows from a checkpoint is built, also if the checkpoint itself was built before."""
    generated = write(project, PARTS, p_py="print(1, 2)\n")
    make(project)
    (project / "scripts" / NAME / "p.py").write_text("print(1, 3, 4)\n")
    make(project, f"generated/{NAME}/assets/data/parts")
    make(project)
    assert (generated / "assets" / "data" / "sum.txt").read_text() == "L1\nL3\nL4\n"
    assert is_up_to_date(project)


def test_result_in_a_folder_that_was_deleted_is_there_again(project: Path) -> None:
    """What is gone is made again, also where nobody asks for it."""
    generated = write(project, TWO, config_yaml="v: 1\n", p_py="print(1)\n")
    make(project)
    shutil.rmtree(generated / "assets" / "data" / "sub")
    assert "assets/data/sub/first.txt is gone" in make(project)
    assert texts(generated) == ["11", "1111"]
    assert is_settled(project)


@pytest.mark.long
def test_result_may_become_a_folder_of_results_and_a_file_again(project: Path) -> None:
    """What an earlier rule made is out of the way; what a person put there is named, and stays."""
    rule = 'rule one:\n    output: OUTPUT\n    shell: step("COMMAND")\n'
    kinds = {
        "fit": ('"assets/data/fit"', "echo 1 > {output}"),
        "fit/a": ('"assets/data/fit/a"', "echo 2 > {output}"),
        "fit/b": ('directory("assets/data/fit")', "mkdir {output}; echo 3 > {output}/b"),
    }
    for name in ("fit", "fit/a", "fit", "fit/b", "fit/a"):
        text = rule.replace("OUTPUT", kinds[name][0]).replace("COMMAND", kinds[name][1])
        generated = write(project, HEAD + text)
        make(project)
        made = generated / "assets" / "data"
        assert [p.relative_to(made).as_posix() for p in made.rglob("*") if p.is_file()] == [name]
        assert is_up_to_date(project)
    shutil.rmtree(made / "fit")
    (made / "fit").write_text("mine")
    done = building.make(project, EXPERIMENT=NAME, CACHE=str(project.parent / "cache"))
    assert "assets/data/fit is in the way" in done.stderr
    assert (made / "fit").read_text() == "mine"


@pytest.mark.long
def test_result_that_no_step_makes_any_more_stays_if_it_was_edited(project: Path) -> None:
    """What a person wrote is never removed."""
    generated = write(project, TWO, config_yaml="v: 1\n", p_py="print(1)\n")
    make(project)
    first = generated / "assets" / "data" / "sub" / "first.txt"
    first.write_text("corrected by hand\n")
    write(
        project,
        ONE + 'rule one:\n    output: "assets/data/out.txt"\n    shell: step("echo > {output}")\n',
    )
    assert "was edited, and stays" in make(project)
    assert first.read_text() == "corrected by hand\n"
    assert not (generated / "assets" / "data" / "final.txt").exists()
    assert is_settled(project)


# What decides the graph

READERS = {
    "included": ('include: "../../src/common.smk"', "src/common.smk", "VALUE = {}"),
    "configured": (
        'configfile: "../../scripts/all.yaml"\nVALUE = config["k"]',
        "scripts/all.yaml",
        "k: {}",
    ),
    "imported": ("from study.opts import VALUE", "src/study/opts.py", "VALUE = {}"),
    "opened": ('VALUE = open("../../src/value.txt").read().strip()', "src/value.txt", "{}"),
}


@pytest.mark.long
@pytest.mark.parametrize("how", READERS)
def test_file_that_the_snakefile_reads_anywhere_is_seen(project: Path, how: str) -> None:
    """Whatever a Snakefile opens while it is read decides which steps there are."""
    line, file, text = READERS[how]
    rule = 'rule one:\n    output: "assets/data/out.txt"\n    params: v=VALUE\n'
    snakefile = (
        ONE.replace(HEAD, HEAD + line + "\n")
        + rule
        + '    shell: step("echo {params.v} > {output}")\n'
    )
    (project / file).write_text(text.format(1))
    generated = write(project, snakefile)
    make(project)
    assert is_settled(project)
    (project / file).write_text(text.format(2))
    make(project)
    assert (generated / "assets" / "data" / "out.txt").read_text() == "2\n"


TABLE = (
    HEAD
    + """
V = open("../../scripts/2024-06-01-Exact/t.csv").read().split()
N, = glob_wildcards("assets/data/raw/{n}.txt")

rule all:
    input: "assets/data/out.txt", "assets/data/copy.txt"

rule copy:
    input: "../../scripts/2024-06-01-Exact/t.csv"
    output: "assets/data/copy.txt"
    shell: step("cat {input} > {output}")
"""
)


@pytest.mark.long
def test_input_that_the_snakefile_reads_too_decides_twice(project: Path) -> None:
    """A table for parameters and for a step changes both; a file in a listed folder counts."""
    rule = one("echo {params.v} {params.n} > {output}", "params: v=V, n=sorted(N)")
    data = write(project, TABLE + rule, t_csv="1\n") / "assets" / "data"
    (data / "raw").mkdir(parents=True)
    make(project)
    assert is_settled(project)
    (project / "scripts" / NAME / "t.csv").write_text("2\n")
    make(project)
    assert (data / "out.txt").read_text() == "2\n"
    (data / "raw" / "x.txt").write_text("")
    make(project)
    assert (data / "out.txt").read_text() == "2 x\n"


def test_new_experiment_changes_no_other(project: Path) -> None:
    """What the equipment looks at to find its way decides nothing."""
    (project / "raw.csv").write_text("1\n")
    config = f"data: {{raw.csv: {{file: {str(project / 'raw.csv')!r}, copy: true}}}}\n"
    rule = one("cat {input} > {output}", 'input: data("raw.csv")')
    write(project, ONE + rule, config_yaml=config)
    make(project)
    building.experiment(project, "2024-06-02-Another", Snakefile=HEAD)
    assert is_settled(project)


@pytest.mark.long
@pytest.mark.parametrize("declared", [True, False])
def test_environment_variable_of_a_snakefile_is_seen(project: Path, declared: bool) -> None:
    """A variable that the Snakefile declares under `envvars:`, or only reads, decides the steps."""
    rule = 'rule one:\n    output: "assets/data/out.txt"\n    params: v=os.environ["COHORT"]\n'
    head = HEAD + "import os\n" + 'envvars: "COHORT"\n' * declared
    generated = write(
        project, ONE.replace(HEAD, head) + rule + '    shell: step("echo {params.v} > {output}")\n'
    )
    make(project, COHORT="1")
    assert make(project, COHORT="1").splitlines()[-1] == "up to date"
    make(project, COHORT="2")
    assert (generated / "assets" / "data" / "out.txt").read_text() == "2\n"


# The notes themselves


@pytest.mark.long
@pytest.mark.parametrize("file", ["manifest.json", "journal.jsonl"])
def test_notes_of_another_shape_are_no_notes(project: Path, file: str) -> None:
    """Whatever stands in them, the results are right, and nobody sees a traceback."""
    generated = write(project, TWO, config_yaml="v: 1\n", p_py="print(1)\n")
    make(project)
    notes = generated / ".labflake" / file
    good = (generated / ".labflake" / "manifest.json").read_text()
    shapes = ["{}", "[1]", "null", '{"version":3,"steps":{"x":{}},"graph":{"id":1}}']
    for text in [*shapes, good[:-20], good.replace('"steps"', '"stebs"')]:
        notes.write_text(text)
        assert building.ran(make(project)) == []
        assert texts(generated) == ["11", "1111"]
    assert is_settled(project)


def test_full_disk_is_an_error_of_three_lines(project: Path) -> None:
    """A step whose result has no room fails with a sentence; with room again, make goes on."""
    generated = write(project, ONE + one("head -c 3000000 /dev/zero > {output}"))
    generated.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", generated]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no right to mount a small disk")
    try:
        assert "no space left on device" in refused(project).lower()
        subprocess.run(["mount", "-o", "remount,size=20m", generated], check=True)
        make(project)
        assert is_settled(project)
    finally:
        subprocess.run(["umount", "-l", generated], check=True)
