"""What a step reads and writes: what it declares, what it is seen to read, and nothing else."""

import subprocess
import sys
from pathlib import Path

import building
import pytest
import writing
from building import TINY

from labflake.processes import fences
from labflake.programs import commands

make = building.for_experiment(building.made, TINY)
refused = building.for_experiment(building.refused, TINY)
SNAKEFILE = """
    from labflake import code, step

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
COPY = "import shutil, sys\nshutil.copyfile(sys.argv[1], sys.argv[2])\n"
BY_NAME = """
    from labflake import load, save
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


def result(project: Path, name: str = "summary.csv") -> str:
    """Read a data file of the experiment."""
    return (project / "generated" / TINY / "assets/data" / name).read_text(encoding="utf-8")


def setting(project: Path, text: str) -> None:
    """Change the settings of the experiment."""
    (project / "scripts" / TINY / "config.yaml").write_text(text, encoding="utf-8")


@pytest.mark.long
def test_bare_names_are_what_the_step_declares(project: Path) -> None:
    """`load` and `save` by name mean inputs and outputs, and a change of the input is seen."""
    write(project, BY_NAME)
    make(project)
    assert result(project) == "x\n3\n"
    setting(project, "seed: 4\n")
    make(project)
    assert result(project) == "x\n4\n"


@pytest.mark.long
@pytest.mark.parametrize(
    "name", ["measurements", "measurements.csv", "assets/data/measurements.csv"]
)
def test_loading_what_is_not_declared_is_an_error(project: Path, name: str) -> None:
    """The error names the file, the rule and the way to declare it."""
    write(project, f"from labflake import load, save\nsave(load('{name}'), 'summary')\n")
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
    write(project, "from labflake import load, save\nsave(load('measurements'), 'extra')\n")
    assert "does not declare extra as an output" in refused(project)
    assert not (project / "generated" / TINY / "assets/data/extra.csv").exists()


@pytest.mark.long
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


@pytest.mark.long
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
    assert ".labflake/running/" in command


def test_undeclared_side_files_are_said(project: Path) -> None:
    """What a step writes beside its output is not kept, and the build says so."""
    write(project, COPY, "cp {input.values} {output}; touch {output}.idx")
    assert "summarise wrote assets/data/summary.csv.idx, too, which is not kept" in make(project)


def other(project: Path) -> Path:
    """Put a file among the results that no rule of the experiment names."""
    path = project / "generated" / TINY / "assets/data/other.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x\n9\n", encoding="utf-8")
    return path


READS = {
    "by its path": "open(OTHER).read()",
    "by its whole path": "open(os.path.abspath(OTHER), 'rb').read()",
    "through pandas": "__import__('pandas').read_csv(OTHER)",
    "through SQLite": "__import__('sqlite3').connect(OTHER)",
    "in a process of its own": "subprocess.run([sys.executable, '-c', f'open({OTHER!r})'])",
    "in a worker": "multiprocessing.get_context('fork').Process(target=open, args=[OTHER]).start()",
    "mapped into memory": "__import__('numpy').memmap(OTHER, mode='r')",
}


@pytest.mark.long
@pytest.mark.parametrize("how", READS)
def test_reading_a_result_that_is_not_declared_is_an_error(project: Path, how: str) -> None:
    """Whatever way a program of Python opens it, the step fails with the line to add."""
    other(project)
    program = "import multiprocessing, os, subprocess, sys\nOTHER = 'assets/data/other.csv'\n"
    write(project, f"{program}{READS[how]}\n{COPY}")
    said = refused(project)
    assert "it read assets/data/other.csv, which its rule does not declare" in said
    assert 'add it to `input:` of rule summarise: "assets/data/other.csv"' in said


@pytest.mark.parametrize("path", ["assets/data/extra.csv", "../../src/study/extra.csv"])
def test_writing_what_is_not_declared_is_an_error(project: Path, path: str) -> None:
    """A file that no rule declares has nobody who made it."""
    write(project, f"open('{path}', 'w').write('x')\n{COPY}")
    assert f"it wrote {path.removeprefix('../../')}, which its rule does" in refused(project)


def test_temporary_files_are_no_results(project: Path) -> None:
    """What a step writes to read it itself, or for a moment, needs no declaration."""
    program = """
        import os, sys, tempfile
        with tempfile.TemporaryDirectory() as folder:
            open(f"{folder}/x", "w").write("1")
            open(f"{folder}/x").read()
        open("assets/data/.part", "w").write(open(sys.argv[1]).read())
        os.rename("assets/data/.part", "assets/data/summary.csv")
    """
    write(project, program)
    make(project)
    assert result(project) == "x\n3\n"


FOUND = {
    "settings": ("config.yaml", "open('../../scripts/EXPERIMENT/config.yaml')"),
    "file outside the project": ("../../../outside.csv", "open(OUTSIDE)"),
    "file that was not there": ("new.txt", "open('../../scripts/EXPERIMENT/new.txt')"),
    "table beside a module": (
        "../../src/study/table.txt",
        "(importlib.resources.files('study') / 'table.txt').open()",
    ),
    "module under a made-up name": (
        "../../src/study/extra.py",
        "io.StringIO(importlib.import_module('study.' + 'extra'[:]).__doc__)",
    ),
    "module through sys.path": (
        "../../src/deep/mod.py",
        "(sys.path.insert(0, '../../src/deep'), io.StringIO(__import__('mod').__doc__))[1]",
    ),
    "script in another process": (
        "other.py",
        "os.popen(f'{sys.executable} ../../scripts/EXPERIMENT/other.py')",
    ),
    "names in a folder": (
        "tables/b.csv",
        "io.StringIO(' '.join(sorted(os.listdir('../../scripts/EXPERIMENT/tables'))))",
    ),
    "names in a folder outside": (
        "../../../a folder/b.csv",
        "io.StringIO(' '.join(sorted(os.listdir(os.path.dirname(OUTSIDE) + '/a folder'))))",
    ),
    "program in another folder": (
        "../../../outside.csv",
        "subprocess.Popen(['cat', 'outside.csv'], cwd=os.path.dirname(OUTSIDE), **PIPE).stdout",
    ),
    "shell after a change of the folder": (
        "../../../outside.csv",
        "(os.chdir(os.path.dirname(OUTSIDE)), os.popen('cat outside.csv'))[1]",
    ),
    "program without the variables of the step": (
        "table.txt",
        "subprocess.Popen([sys.executable, '-c', 'import glob; print(open(glob.glob('"
        " '\\'../../scripts/*/t*.txt\\')[0]).read())'], env={}, **PIPE).stdout",
    ),
    "compiled module": (
        "fast.abi3.so",
        "io.StringIO(imported('fast'))",
    ),
}
READER = """
    import importlib, importlib.resources, io, os, subprocess, sys
    OUTSIDE = {outside!r}
    PIPE = dict(stdout=subprocess.PIPE, text=True)
    target = os.path.abspath(sys.argv[2])
    def imported(name):
        try:
            importlib.import_module(name)
        except ImportError as error:
            return str(error)
    try:
        text = {how}.read()
    except FileNotFoundError:
        text = "nothing"
    open(target, "w").write(text)
"""


@pytest.mark.long
@pytest.mark.parametrize("what", FOUND)
def test_what_a_step_is_seen_to_read_decides(project: Path, what: str) -> None:
    """A read that nobody declared runs the step again when it changes, and comes back for free."""
    place, how = FOUND[what]
    path = project / "scripts" / TINY / place
    path.parent.mkdir(parents=True, exist_ok=True)
    (project / "scripts" / TINY / "tables").mkdir(exist_ok=True)
    outside = str((project / "../outside.csv").resolve())
    write(project, READER.format(outside=outside, how=how.replace("EXPERIMENT", TINY)))
    texts = {"config.yaml": ["seed: 3 # 1", "seed: 3 # 2"], "other.py": ["print(1)", "print(2)"]}
    texts["fast.abi3.so"] = ["too short for a library", "no library" * 999]
    first, second = texts.get(place, ['"""one"""', '"""another"""'])
    if what != "file that was not there" and not what.startswith("names in"):
        path.write_text(first, encoding="utf-8")
    make(project)
    before = result(project)
    assert make(project).splitlines()[-1] == "up to date"
    old = path.read_text(encoding="utf-8") if path.exists() else None
    path.write_text(second, encoding="utf-8")
    make(project)
    assert result(project) != before
    path.write_text(old, encoding="utf-8") if old else path.unlink()
    assert building.ran(make(project)) == []
    assert result(project) == before


@pytest.mark.long
def test_a_clone_finds_in_the_cache_only_what_read_the_same(project: Path, tmp_path: Path) -> None:
    """A result is shared with those whose undeclared files are the same, and with nobody else."""
    how = f"open('../../scripts/{TINY}/table.txt')"
    write(project, READER.format(outside="", how=how), table_txt="one")
    make(project)
    clone = building.copy(project, tmp_path / "clone", generated=False)
    assert building.ran(make(clone)) == []
    (clone / "scripts" / TINY / "table.txt").write_text("two", encoding="utf-8")
    assert building.ran(make(clone)) == ["summarise"]
    assert (result(project), result(clone)) == ("one", "two")


SWEEP = """
    from labflake import code, step

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


@pytest.mark.long
@pytest.mark.parametrize("given", ["sys.argv[1:]", "'sweep'"])
def test_variants_are_loaded_from_a_list(project: Path, given: str) -> None:
    """`load_all` takes the files that a step declares, by their paths or by their name."""
    gather = f"import sys\nfrom labflake import load_all, save\nsave(load_all({given}), 'all')\n"
    building.experiment(project, TINY, Snakefile=SWEEP, gather_py=gather)
    make(project)
    assert result(project, "all.csv") == "c,x\n1,10\n2,20\n"


SETTINGS = """
    from labflake import step

    rule all:
        input: "assets/data/used.txt", "assets/data/unused.txt",

    rule used:
        output: "assets/data/used.txt",
        shell: step("echo {config[size]} {config[sweep][alpha]} > {output}")

    rule unused:
        output: "assets/data/unused.txt",
        shell: step("echo 1 > {output}")
"""


@pytest.mark.long
def test_any_setting_can_be_set_for_one_build(project: Path) -> None:
    """SET runs what uses the settings again, and without it the old results return."""
    config = "seed: 1\nsize: 10\nsweep: {alpha: 1, beta: 2}\n"
    building.experiment(project, TINY, Snakefile=SETTINGS, config_yaml=config)
    make(project)
    assert building.ran(make(project, "SET=size=20 sweep.alpha=0.3")) == ["used"]
    assert result(project, "used.txt") == "20 0.3\n"
    assert building.ran(make(project)) == []
    assert result(project, "used.txt") == "10 1\n"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("siz=20", "there is no setting 'siz'"),
        ("sweep.gama=1", "there is no setting 'sweep.gama'"),
        ("size", "no NAME=VALUE"),
        ("size=[1", "no value of YAML"),
    ],
)
def test_setting_that_is_not_there_is_an_error(project: Path, given: str, says: str) -> None:
    """A misspelt setting would change nothing, so it is refused with close names."""
    config = "seed: 1\nsize: 10\nsweep: {alpha: 1, gamma: 2}\n"
    building.experiment(project, TINY, Snakefile=SETTINGS, config_yaml=config)
    assert says in refused(project, f"SET={given}")


@pytest.mark.long
@pytest.mark.parametrize("named", ["", f"'../../scripts/{TINY}/config.yaml'"])
def test_settings_reach_a_program_through_one_object(project: Path, named: str) -> None:
    """`labflake.config` has what the build was told; another value is another result."""
    program = f"{named}\nfrom labflake import config\n{COPY}"
    write(project, f"{program}open(sys.argv[2], 'a').write(str(config.seed))\n")
    make(project)
    assert result(project) == "x\n3\n3"
    make(project, "SEED=7")
    assert result(project) == "x\n7\n7"
    make(project)
    assert result(project) == "x\n3\n3"


VARIABLES = """
    from labflake import step
    {head}
    rule all:
        input: "assets/data/out.txt",
    rule out:
        output: "assets/data/out.txt",
        shell: step("{command}")
"""


def environment(project: Path, command: str, head: str = "", config: str = "seed: 1\n") -> None:
    """Write an experiment whose one step asks for variables."""
    snakefile = VARIABLES.format(head=head, command=command)
    building.experiment(project, TINY, Snakefile=snakefile, config_yaml=config)


def test_variables_of_make_do_not_reach_a_step(project: Path) -> None:
    """An inner make has its own rules and variables, whatever the outer one was told."""
    folder = project / "inner"
    folder.mkdir()
    (folder / "hello.c").write_text("int main() { return 0; }\n", encoding="utf-8")
    inner = "SEED = inner\nall: hello.o\n\t@echo $(SEED)\n"
    (folder / "Makefile").write_text(inner, encoding="utf-8")
    environment(project, f"make -s -C {folder} CC=true all > {{output}}")
    make(project, "SEED=3", "JOBS=1")
    assert result(project, "out.txt") == "inner\n"


def test_step_gets_the_variables_that_it_asks_for(project: Path) -> None:
    """Without being asked for, a variable is not there, and the error says how to ask."""
    environment(project, "echo $COHORT > {output}")
    said = refused(project, COHORT="1")
    assert "COHORT is set, but does not reach steps" in said
    assert 'envvars: "COHORT"' in said
    environment(project, "echo $COHORT > {output}", config="environment: [COHORT]\n")
    make(project, COHORT="1")
    assert result(project, "out.txt") == "1\n"


@pytest.mark.long
def test_variable_that_decides_is_in_the_key(project: Path) -> None:
    """`envvars:` names what decides: another value is another result, and the old one returns."""
    environment(project, "echo $COHORT > {output}", 'envvars: "COHORT"')
    for value, steps in (("1", ["out"]), ("2", ["out"]), ("1", [])):
        make(project, "clean")
        assert building.ran(make(project, COHORT=value)) == steps
        assert result(project, "out.txt") == f"{value}\n"


@pytest.mark.long
@pytest.mark.parametrize(
    "variable", ["PYTHONOPTIMIZE", "PYTHONPATH", "BASH_ENV", "R_LIBS", "MPLCONFIGDIR", "FOO"]
)
def test_settings_of_a_person_do_not_reach_a_step(project: Path, variable: str) -> None:
    """What a person's shell sets for other programs decides no result."""
    environment(project, f"echo ${{{{{variable}:-none}}}} | grep -v mine > {{output}}")
    make(project, **{variable: "mine"})


def test_program_of_the_machine_is_in_the_key(project: Path, tmp_path: Path) -> None:
    """Another version of a program on the PATH is another result, also for a shared cache."""
    environment(project, "mytool > {output}")
    place = tmp_path / "bin"
    place.mkdir()
    path = {"PATH": f"{place}:{building.variables()['PATH']}"}
    for number, steps in ((1, ["out"]), (2, ["out"]), (1, [])):
        (place / "mytool").write_text(f"#!/bin/sh\necho {number}\n", encoding="utf-8")
        (place / "mytool").chmod(0o755)
        assert building.ran(make(project, **path)) == steps
        assert result(project, "out.txt") == f"{number}\n"


FIGURE = """
    import sys
    from matplotlib import pyplot

    pyplot.rcParams["font.family"] = ["Square", "DejaVu Sans"]
    pyplot.figure(figsize=(1, 1)).text(0, 0, "a")
    pyplot.savefig(sys.argv[1])
"""


@pytest.mark.long
def test_fonts_of_the_machine_are_in_no_figure(project: Path, tmp_path: Path) -> None:
    """Matplotlib asks no program for fonts, and two machines with other ones share a figure."""
    place, homes = tmp_path / "bin", [tmp_path / "one", tmp_path / "two"]
    place.mkdir()
    (place / "fc-list").write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\n", encoding="utf-8")
    (place / "fc-list").chmod(0o755)
    write(project, FIGURE, "python {input.code[0]} {output}.svg; mv {output}.svg {output}")
    writing.font(homes[1] / "fonts" / "square.ttf", "a")
    for home, steps in zip(homes, (["summarise"], []), strict=True):
        make(project, "clean")
        path = f"{place}:{building.variables()['PATH']}"
        printed = make(project, PATH=path, XDG_DATA_HOME=str(home))
        assert [step for step in building.ran(printed) if step == "summarise"] == steps
    assert not (tmp_path / "asked").exists()


@pytest.mark.long
@pytest.mark.parametrize(("where", "steps"), [("import probing", []), ("probing.look()", ["out"])])
def test_what_a_package_starts_while_it_is_imported_is_not_of_the_step(
    project: Path, tmp_path: Path, where: str, steps: list[str]
) -> None:
    """A package that looks at the machine when it is imported is as locked; a call of it is not."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "v"], check=True)
    (site,) = (tmp_path / "v").glob("lib/python*/site-packages")
    look = "import subprocess\n\n\ndef look():\n    subprocess.run(['mytool'])\n"
    (site / "probing.py").write_text(look + ("\n\nlook()\n" if not steps else ""))
    (project / "scripts" / TINY / "look.py").write_text(f"import probing\n{where}\n")
    program = f"{tmp_path}/v/bin/python ../../scripts/{TINY}/look.py"
    environment(project, f"{program}; echo 1 > {{output}}")
    path = {"PATH": f"{tmp_path}:{building.variables()['PATH']}"}
    for number, ran in ((1, ["out"]), (2, steps)):
        (tmp_path / "mytool").write_text(f"#!/bin/sh\necho {number}\n", encoding="utf-8")
        (tmp_path / "mytool").chmod(0o755)
        make(project, "clean")
        assert building.ran(make(project, **path)) == ran


def test_script_that_a_command_names_is_followed(project: Path) -> None:
    """No rule has to list what its command says already."""
    command = f"bash ../../scripts/{TINY}/one.sh > {{output}}"
    environment(project, command)
    scripts = project / "scripts" / TINY
    (scripts / "one.sh").write_text("source $(dirname $0)/two.sh", encoding="utf-8")
    for text in ("1", "2"):
        (scripts / "two.sh").write_text(f"echo {text}", encoding="utf-8")
        make(project)
        assert result(project, "out.txt") == f"{text}\n"


PERL = "use FindBin; use lib $FindBin::Bin; use My::Mod;"
NAMED = {
    "after cd": ("(cd ../../../outside && cat a.txt)", "../../../outside/a.txt", "", ""),
    "below a variable": ("cat $HOME/a.txt", "../../../a.txt", "", ""),
    "in a folder of tools": ("bash ../../tools/run.sh", "../../tools/run.sh", "", ""),
    "in a module of Perl": ("perl ../../scripts/EXPERIMENT/run", "My/Mod.pm", "run", PERL),
    "in a folder that a script lists": (
        "bash ../../scripts/EXPERIMENT/run",
        "a.txt",
        "run",
        "cd ../../scripts/EXPERIMENT\nls | while read x; do case $x in a*) cat $x; esac; done",
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("what", NAMED)
def test_file_that_a_command_or_script_means_is_an_input(project: Path, what: str) -> None:
    """Where a command goes first, what a variable holds, and names without suffix count."""
    command, place, script, text = (part.replace("EXPERIMENT", TINY) for part in NAMED[what])
    environment(project, f"{command} > {{output}}")
    scripts = project / "scripts" / TINY
    (scripts / place).parent.mkdir(exist_ok=True)
    if script:
        (scripts / script).write_text(text, encoding="utf-8")
    for number in ("1", "2"):
        said = {".pm": f'print "{number}"; 1;', ".sh": f"printf {number}"}.get(place[-3:], number)
        (scripts / place).write_text(said, encoding="utf-8")
        make(project, HOME=str(project.parent))
        assert result(project, "out.txt") == number


LATE = """rule both:
        input: "assets/data/out.txt", "assets/data/later.csv",
    rule late:
        output: "assets/data/later.csv",
        shell: "echo 1 > {output}"
"""


@pytest.mark.long
@pytest.mark.parametrize(
    "text",
    ["other.csv", "o*.csv", "late*.csv", "{{other,another}}.csv", "$name.csv", "deep/*", "deep"],
)
def test_command_may_not_name_an_undeclared_result(project: Path, text: str) -> None:
    """What a command reads without a rule that says so stops it before it runs."""
    other(project)
    environment(project, f"cat -- assets/data/{text} > {{output}}", LATE)
    (project / "generated" / TINY / "assets/data/deep").mkdir()
    (project / "generated" / TINY / "assets/data/deep/other.csv").write_text("1", encoding="utf-8")
    assert "its command names assets/data/" in refused(project)


TEXTS = {
    "script of sed": "sed 's#assets/data/.*##'",
    "script of sed with a class": "sed -E 's|^assets/data/[a-z]*|x|; s,assets/data/o*,,g'",
    "script of sed with a name": "sed 's:assets/data/other.csv::'",
    "regular expression": "grep -v '^assets/data/.*csv$'",
    "name of nothing": "grep -v 'assets/data/none.csv'",
    "variable without its beginning": "cat; f=a/b; echo ${{f#assets/data/*}}",
}


@pytest.mark.long
@pytest.mark.parametrize("what", TEXTS)
def test_text_that_looks_like_a_path_is_none(project: Path, what: str) -> None:
    """What a command only compares with is no file that it reads."""
    other(project)
    environment(project, f"(echo text | {TEXTS[what]}) > {{output}}")
    make(project)
    assert "text" in result(project, "out.txt")


def test_result_that_comes_later_is_declared(project: Path) -> None:
    """A result that another rule has not made yet is refused as one that is there."""
    rules = LATE.replace("later.csv", "summary.csv")
    environment(project, "cat assets/data/summary.csv > {output}", rules)
    assert "its command names assets/data/summary.csv" in refused(project)


@pytest.mark.long
def test_log_comes_back_with_its_result(project: Path) -> None:
    """A log that a rule declares is in the cache as the step wrote it, and is of its last run."""
    environment(project, "echo $RANDOM $$ >> {log}; echo 1 > {output}")
    snakefile = project / "scripts" / TINY / "Snakefile"
    text = snakefile.read_text(encoding="utf-8")
    rule = 'rule out:\n    log: "logs/out.log", "logs/silent.log"'
    snakefile.write_text(text.replace("rule out:", rule).replace("{log}", "{log[0]}"), "utf-8")
    make(project)
    logs = project / "generated" / TINY / "logs"
    first = (logs / "out.log").read_text(encoding="utf-8")
    assert first.count("\n") == 1
    building.made(project, "clean", EXPERIMENT=TINY)
    assert "0 to run, 1 from the cache" in make(project, "plan")
    assert building.ran(make(project)) == []
    assert (logs / "out.log").read_text(encoding="utf-8") == first
    assert (logs / "silent.log").read_bytes() == b""
    make(project, "redo", "STEP=out")
    assert (logs / "out.log").read_text(encoding="utf-8").count("\n") == 1


def test_colon_in_the_path_is_refused(project: Path) -> None:
    """A folder whose name ends a PATH is refused before anything is done with it."""
    moved = project.rename(project.with_name("a:b"))
    assert "has a ':' in it" in refused(moved)


@pytest.mark.parametrize(
    "name", ["random.py", "types.py", "calendar.py", "numpy.py", "labflake.py"]
)
def test_name_that_hides_a_module_is_refused(project: Path, name: str) -> None:
    """A program called like a module that others import is named before anything runs."""
    (project / "scripts" / TINY / name).write_text("", encoding="utf-8")
    said = refused(project)
    assert f"scripts/{TINY}/{name} has the name of a module of" in said
    assert len(said.splitlines()) <= 4


def test_settings_read_by_hand_are_refused_beside_others(project: Path) -> None:
    """A program that opens config.yaml would not see SEED=7: it says so instead of the old seed."""
    write(project, f"open('../../scripts/{TINY}/config.yaml')\n{COPY}")
    make(project)
    assert "by itself, where SEED=7 does not stand" in refused(project, "SEED=7")


def test_program_in_another_language_is_watched_from_outside(project: Path) -> None:
    """What no rule declares and a shell wrote among the results is named after the steps."""
    environment(project, "echo 1 > {output}; echo 2 > assets/data/ex''tra.csv")
    cache = {"CACHE": str(project.parent / "cache"), "EXPERIMENT": TINY}
    done = building.make(project, **cache)
    assert done.returncode == 0, done.stderr
    assert "assets/data/extra.csv: written while steps ran, and no rule declares" in done.stderr


def test_plan_says_what_is_not_noticed(project: Path) -> None:
    """A program that runs code in another language may read what nobody sees: the plan says so."""
    (project / "scripts" / TINY / "p.awk").write_text("BEGIN {print 1}", encoding="utf-8")
    environment(project, f"awk -f ../../scripts/{TINY}/p.awk > {{output}}")
    text = "note: what awk reads beyond the files that p.awk names is not noticed"
    assert text in make(project, "plan")
    assert make(project).count(text) == 1


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("cat {p} > out", ""),
        ("LC_ALL=C sort -u {p} | head -3 > out", ""),
        ("sha256sum {p} > out; wc -l {p}", ""),
        ("echo --input {p} in.txt {p} > out", ""),
        ("sha256sum --check {p}", "sha256sum"),
        ("md5sum -wc {p} > out", "md5sum"),
        ("split --filter=sh {p}", "split"),
        ("cat {p} | awk -f {p} > out", "awk"),
        ("sort {p} && Rscript --vanilla {p}", "Rscript"),
    ],
)
def test_program_that_only_reads_what_it_is_told_needs_no_note(
    project: Path, monkeypatch: pytest.MonkeyPatch, command: str, program: str
) -> None:
    """`cat` runs no code: nothing is said of it; of a language beside it, it is."""
    (project / "scripts" / TINY / "in.txt").write_text("text", encoding="utf-8")
    generated = project / "generated" / TINY
    generated.mkdir(parents=True, exist_ok=True)
    (generated / "in.txt").write_text("text", encoding="utf-8")
    monkeypatch.setenv("LABFLAKE_PROJECT", str(project))
    text = command.format(p=f"../../scripts/{TINY}/in.txt")
    said = commands.unseen(text, str(generated))
    end = "reads beyond the files that in.txt names is not noticed"
    assert said == (f"what {program} {end}" if program else "")


@pytest.mark.long
@pytest.mark.parametrize(
    "start",
    [
        "subprocess.run(['mytool'], stdout=out)",
        "subprocess.run('my''tool', shell=True, stdout=out)",
        "os.system(f'mytool > {sys.argv[2]}')",
        "subprocess.run(['bash', '../../scripts/' + E + '/run.sh'], stdout=out)",
    ],
)
def test_program_that_a_program_starts_is_in_the_key(
    project: Path, tmp_path: Path, start: str
) -> None:
    """What a step of Python starts is treated like its own command."""
    program = f"import os, subprocess, sys\nE = {TINY!r}\nout = open(sys.argv[2], 'w')\n{start}\n"
    write(project, program, run_sh="mytool\n")
    place = tmp_path / "bin"
    place.mkdir()
    path = {"PATH": f"{place}:{building.variables()['PATH']}"}
    for number in ("1", "2"):
        (place / "mytool").write_text(f"#!/bin/sh\necho {number}\n", encoding="utf-8")
        (place / "mytool").chmod(0o755)
        make(project, **path)
        assert result(project) == f"{number}\n"


def test_every_file_in_a_folder_of_data_counts(project: Path, tmp_path: Path) -> None:
    """What an editor or Snakemake left in a folder of data is data, for the gate and for steps."""
    share = tmp_path / "share"
    share.mkdir()
    for name in ("x", "x~", ".DS_Store", ".snakemake_timestamp"):
        (share / name).write_text("", encoding="utf-8")
    snakefile = """
        from labflake import data

        rule all:
            input: "assets/data/names.txt",

        rule names:
            input: data("scans"),
            output: "assets/data/names.txt",
            shell: "ls -A {input}/ > {output}"
    """
    config = f"data: {{scans: {{folder: {share}}}}}\n"
    building.experiment(project, TINY, Snakefile=snakefile, config_yaml=config)
    make(project)
    assert {*result(project, "names.txt").split()} == {p.name for p in share.iterdir()}


SHARES = {
    "pattern": "cat {share}/*.csv > {{output}}",
    "pattern with a variable": "for i in 1 2; do cat {share}/$i.* || true; done > {{output}}",
    "pattern of folders": "cat {share}/*/*.csv > {{output}} || true",
    "folder": "find {share} -name '*.csv' | sort | xargs cat > {{output}}",
    "folder where it works": "out=$PWD/{{output}}; (cd {share} && cat *.csv) > $out",
    "script": "bash ../../scripts/" + TINY + "/read.sh > {{output}}",
}


@pytest.mark.long
@pytest.mark.parametrize("how", SHARES)
def test_new_file_outside_that_a_command_means_is_noticed(
    project: Path, tmp_path: Path, how: str
) -> None:
    """A file that a pattern or a folder brings in counts when it comes, changes and goes."""
    share = (tmp_path / "share").resolve()
    (share / "deep").mkdir(parents=True)
    (share / "1.csv").write_text("1\n", encoding="utf-8")
    (share / "deep/0.csv").write_text("0\n", encoding="utf-8")
    script = f"cat {share}/*.csv\n"
    (project / "scripts" / TINY / "read.sh").write_text(script, encoding="utf-8")
    environment(project, SHARES[how].format(share=share))
    make(project)
    first = result(project, "out.txt")
    assert make(project).splitlines()[-1] == "up to date"
    new = share / "deep" / "2.csv" if how == "pattern of folders" else share / "2.csv"
    for text in ("2\n", "3\n"):
        new.write_text(text, encoding="utf-8")
        make(project)
        assert text in result(project, "out.txt")
    new.unlink()
    assert building.ran(make(project)) == []
    assert result(project, "out.txt") == first
    (share / "note").write_text("3\n", encoding="utf-8")
    assert building.ran(make(project)) == (["out"] if "folder" in how and "of" not in how else [])


def test_file_outside_that_a_command_means_is_refused_where_all_is_locked(
    project: Path, tmp_path: Path
) -> None:
    """What a command takes from outside has to be declared as data, as an input has."""
    share = tmp_path / "share"
    share.mkdir()
    (share / "1.csv").write_text("1\n", encoding="utf-8")
    environment(project, f"cat {share}/*.csv > {{output}}")
    assert f"rule out reads {share}/*.csv, which no rule makes" in refused(project, LOCKED="1")
    make(project)
    assert "which no rule makes" in refused(project, LOCKED="1")


HIDDEN = """
    rule all:
        input: "assets/data/made.txt"

    rule made:
        output: "assets/data/made.txt"
        shell: "COMMAND ../../scripts/EXPERIMENT/FILE {output}"
"""
READERS = {
    "python": (
        "read.py",
        "import sys\nname = 'loo' + 'kup.txt'\nfolder = sys.argv[0].rpartition('/')[0]\n"
        "open(sys.argv[1], 'w').write(open(f'{folder}/{name}').read())\n",
    ),
    "perl": (
        "read.pl",
        "my $path = join('/', '..', '..', 'scripts', 'EXPERIMENT', 'loo' . 'kup.txt');\n"
        'open(my $in, "<", $path) or die "$path: $!";\n'
        'open(my $out, ">", $ARGV[0]) or die "$!";\nprint {$out} readline($in);\n',
    ),
}


def hidden_reader(project: Path, language: str) -> None:
    """Write an experiment with a program that reads a file which nothing names."""
    name, program = READERS[language]
    text = HIDDEN.replace("COMMAND", language).replace("FILE", name).replace("EXPERIMENT", TINY)
    building.experiment(project, TINY, Snakefile=text, config_yaml="", lookup_txt="1\n")
    (project / "scripts" / TINY / name).write_text(
        program.replace("EXPERIMENT", TINY), encoding="utf-8"
    )


def test_undeclared_read_is_told_and_with_strict_an_error(project: Path) -> None:
    """A note names it; with STRICT=1 it is an error, where the result is there, too."""
    hidden_reader(project, "python")
    assert "lookup.txt, which its rule does not declare" in refused(project, STRICT="1")
    assert f"note: made reads scripts/{TINY}/lookup.txt undeclared" in make(project)
    assert "lookup.txt, which its rule does not declare" in refused(project, STRICT="1")
    assert make(project).endswith("up to date\n")


@pytest.mark.long
@pytest.mark.skipif(not fences.is_possible(), reason="this system has no Landlock")
def test_program_in_another_language_cannot_read_undeclared_files_with_strict(
    project: Path,
) -> None:
    """With STRICT=1 it gets a permission error that says why; declared files can be read."""
    hidden_reader(project, "perl")
    assert "STRICT=1: of the project it reads only" in refused(project, STRICT="1")
    snakefile = project / "scripts" / TINY / "Snakefile"
    text = snakefile.read_text(encoding="utf-8")
    declared = f'rule made:\n    input: "../../scripts/{TINY}/lookup.txt"\n'
    snakefile.write_text(text.replace("rule made:\n", declared), encoding="utf-8")
    make(project, STRICT="1")
    assert result(project, "made.txt") == "1\n"
