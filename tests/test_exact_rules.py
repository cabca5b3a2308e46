"""What files decide without being read: that they are there, their size, that they may run."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
import random_steps
from random_steps import GENERATED, SCRIPTS

pytestmark = pytest.mark.long

ASKED = {
    "there": "os.path.exists(F)",
    "file": "Path(F).is_file()",
    "folder": "os.path.isdir(F)",
    "snakemake": "exists(F)",
    "glob": "len(glob.glob(F))",
    "link": "os.path.lexists(F)",
    "allowed": "os.access(F, os.R_OK)",
    "size": "os.path.getsize(F) if os.path.exists(F) else -1",
    "listed": "os.path.basename(F) in os.listdir(os.path.dirname(F))",
    "program": "shutil.which('asked', path=os.path.dirname(F)) is not None",
    "beside": "os.path.exists('asked') or Path('inner/asked').exists()",
    "module": "beside.found(F)",
}
SNAKEFILE = """
import glob, os, shutil
import beside
from pathlib import Path

F = "../../scripts/asked"
TOP = {top}

rule all:
    input: "assets/data/top.txt", "assets/data/later.txt"

rule top:
    output: "assets/data/top.txt"
    shell: "echo {{TOP}} > {{output}}"

rule later:
    output: "assets/data/later.txt"
    params: found=lambda wildcards: {asked}
    shell: "echo {{params.found}} > {{output}}"
"""
MODULE = "import os\n\ndef found(path):\n    return os.path.exists(path)\n"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Write a project whose builds use no cache."""
    monkeypatch.setenv("LABFLAKE_CACHE", "off")
    monkeypatch.delenv("CI", raising=False)

    def written(snakefile: str, **files: str) -> Path:
        project = random_steps.write(tmp_path / "project", random_steps.Drawn(snakefile))
        for name, text in files.items():
            (project / SCRIPTS / name.replace("_", ".")).write_text(text, encoding="utf-8")
        return project

    return written


def build(project: Path) -> str:
    """Build; return what it says."""
    return random_steps.in_a_fork(project, random_steps.build)


def texts(project: Path, *names: str) -> list[str]:
    """Return what steps made."""
    data = project / GENERATED / "assets" / "data"
    return [(data / f"{name}.txt").read_text(encoding="utf-8").strip() for name in names]


def test_what_a_snakefile_asks_of_a_file_decides(write: Callable[..., Path]) -> None:
    """However it asks whether a file is there, the rules follow from the answer of today."""
    asked = ", ".join(ASKED.values())
    project = write(SNAKEFILE.format(top=f"[{asked}]", asked=f"[{asked}]"), beside_py=MODULE)
    file, own = project / "scripts" / "asked", project / SCRIPTS / "asked"

    def answer(*, is_there: bool, size: int, program: bool, beside: bool) -> list[str]:
        found = dict.fromkeys(ASKED, is_there) | {
            "folder": False,
            "glob": int(is_there),
            "size": size,
            "program": program,
            "beside": beside,
        }
        return [" ".join(map(str, found.values()))] * 2

    def check(**expected) -> None:
        build(project)
        assert texts(project, "top", "later") == answer(**expected)
        assert build(project) == "up to date\n"

    check(is_there=False, size=-1, program=False, beside=False)
    file.write_text("1", encoding="utf-8")
    check(is_there=True, size=1, program=False, beside=False)
    file.write_text("two", encoding="utf-8")
    file.chmod(0o755)
    check(is_there=True, size=3, program=True, beside=False)
    own.write_text("1", encoding="utf-8")
    file.unlink()
    check(is_there=False, size=-1, program=False, beside=True)
    own.rename(own.parent / "other")
    (own.parent / "inner").mkdir()
    (own.parent / "inner" / "asked").write_text("1", encoding="utf-8")
    check(is_there=False, size=-1, program=False, beside=True)


MAKES = """
import os
if not os.path.exists("logs"):
    os.makedirs("logs/inner")
if not os.path.exists("logs/once"):
    with open("logs/once.new", "w") as file:
        file.write("x")
    os.rename("logs/once.new", "logs/once")

rule all:
    output: "assets/data/out.txt"
    shell: "echo {word} > {{output}}"
"""


def test_what_a_snakefile_makes_itself_is_no_change(write: Callable[..., Path]) -> None:
    """What it makes where there was nothing leaves nothing to do for the next build."""
    project = write(MAKES.format(word=random.randint(0, 9)))
    build(project)
    assert build(project) == "up to date\n"


RESULT = """
import os

rule all:
    input: "assets/data/a.txt", "assets/data/b.txt"

rule a:
    input: "../../{scripts}/in0.txt"
    output: "assets/data/a.txt"
    shell: "cat {{input}} > {{output}}"

rule b:
    input: "assets/data/a.txt"
    output: "assets/data/b.txt"
    params: size=lambda wildcards, input: os.path.getsize(input[0])
    shell: "echo {{params.size}} > {{output}}"
"""


def test_the_size_of_a_result_is_that_of_the_result(write: Callable[..., Path]) -> None:
    """A function that asks for the size of an input gets that of today, whatever ran before."""
    project = write(RESULT.format(scripts=SCRIPTS))
    for size in (2, 1):
        (project / SCRIPTS / "in0.txt").write_text("x" * size, encoding="utf-8")
        build(project)
        assert texts(project, "b") == [str(size)]
    while build(project) != "up to date\n":
        assert texts(project, "b") == ["1"]


RUNS = """
rule all:
    input: "assets/data/input.txt", "assets/data/word.txt", "assets/data/other.txt"

rule input:
    input: "input.sh"
    output: "assets/data/input.txt"
    shell: "./{{input}} > {{output}}"

rule word:
    output: "assets/data/word.txt"
    shell: "../../{scripts}/word.sh > {{output}}"

rule other:
    output: "assets/data/other.txt"
    shell: "{other} > {{output}}"
"""


def test_a_program_that_may_not_run_makes_nothing(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    """A script, ours or elsewhere, that lost the right to run fails its step; results have none."""
    other = tmp_path / "tool"
    project = write(RUNS.format(scripts=SCRIPTS, other=other))
    files = [project / SCRIPTS / "input.sh", project / SCRIPTS / "word.sh", other]
    for file in files:
        file.write_text("#!/bin/sh\necho 1\n", encoding="utf-8")
        file.chmod(0o755)
    build(project)
    for file, rule in zip(files, ("input", "word", "other"), strict=True):
        file.chmod(0o644)
        with pytest.raises(AssertionError, match=f"step {rule} failed"):
            build(project)
        file.chmod(0o755)
        assert build(project) == "up to date\n"
    (project / GENERATED / "assets" / "data" / "word.txt").chmod(0o755)
    assert build(project) == "up to date\n"


OF_A_VARIABLE = """
import os

rule all:
    output: "assets/data/out.txt"
    params: word=os.environ.get("ASKED", "default")
    shell: "echo '[{params.word}]' > {output}"
"""


def test_a_variable_that_is_not_set_is_not_an_empty_one(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Snakefile that has a word for a variable that is not there is told when it is there."""
    project = write(OF_A_VARIABLE)
    for value, said in ((None, "[default]"), ("", "[]"), ("x", "[x]"), (None, "[default]")):
        monkeypatch.delenv("ASKED", raising=False)
        if value is not None:
            monkeypatch.setenv("ASKED", value)
        build(project)
        assert texts(project, "out") == [said]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({1: "x"}, {"1": "x"}),
        ({"a": {None: 1}}, {"a": {"null": 1}}),
        ((1, 2), [1, 2]),
        (1, True),
        (1, 1.0),
        (1, "1"),
        ([{"mapping": []}], [{}]),
    ],
)
def test_values_that_a_script_tells_apart_are_told_apart(one: object, other: object) -> None:
    """Order and kind of what a script is handed are part of what it is made from."""
    from labflake.steps.snakemake.given import plain_text

    assert plain_text(one) != plain_text(other)
    assert plain_text(one) == plain_text(one)


WITH_A_PATH = """
rule all:
    input: expand("assets/data/{{name}}.txt", name=["here", "exported", "quoted", "script"])

rule here:
    output: "assets/data/here.txt"
    shell: "PYTHONPATH={scripts}/lib python - > {{output}} <<< 'import deep; print(deep.WORD)'"

rule exported:
    output: "assets/data/exported.txt"
    shell:
        "export PYTHONPATH='{scripts}/lib'; python -c 'import deep; print(deep.WORD)' > {{output}}"

rule quoted:
    output: "assets/data/quoted.txt"
    shell:
        "sh -c 'env PYTHONPATH={scripts}/lib python -c \\"import deep; print(deep.WORD)\\"'"
        " > {{output}}"

rule script:
    output: "assets/data/script.txt"
    shell: "sh {scripts}/run.sh > {{output}}"
"""


def test_python_with_a_path_of_its_own_is_seen(write: Callable[..., Path]) -> None:
    """A module that only `PYTHONPATH=` of a command or script leads to is followed."""
    scripts = f"../../{SCRIPTS}"
    project = write(
        WITH_A_PATH.format(scripts=scripts),
        run_sh=f"PYTHONPATH={scripts}/lib python -c 'import deep; print(deep.WORD)'\n",
    )
    module = project / SCRIPTS / "lib" / "deep.py"
    module.parent.mkdir()
    for word in ("one", "two"):
        module.write_text(f"WORD = {word!r}\n", encoding="utf-8")
        build(project)
        assert texts(project, "here", "exported", "quoted", "script") == [word] * 4


OF_A_FOLDER = """
rule all:
    input: "raw"
    output: "assets/data/all.txt"
    shell: "(cd {input}; find . | sort; find . -type l | sort | xargs cat) > {output}"
"""


def test_a_folder_beside_the_snakefile_is_what_it_is_today(write: Callable[..., Path]) -> None:
    """Files and folders in it come, go, and take each other's place, at any depth."""
    project = write(OF_A_FOLDER)
    raw = project / SCRIPTS / "raw"

    def check() -> None:
        build(project)
        names = sorted(f"./{p.relative_to(raw)}" for p in raw.rglob("*"))
        files = [raw / name for name in names if (raw / name).is_file()]
        said = [".", *names, *(file.read_text(encoding="utf-8").strip() for file in files)]
        assert texts(project, "all") == ["\n".join(said)]

    def put(name: str) -> None:
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).write_text(f"{name}\n", encoding="utf-8")

    put("a.txt")
    put("sub/b.txt")
    check()
    put("sub/deep/c.txt")
    (raw / "sub" / "b.txt").unlink()
    check()
    (raw / "a.txt").rename(raw / "A.txt")
    (raw / "sub" / "deep" / "c.txt").unlink()
    put("sub/deep/c.txt/d.txt")
    check()
    (raw / "sub" / "deep" / "c.txt" / "d.txt").unlink()
    (raw / "sub" / "deep" / "c.txt").rmdir()
    put("sub/deep/c.txt")
    check()


STARTS = {
    "read": "shell('cat {scripts}/list.txt', read=True).strip()",
    "popen": "os.popen('sh {scripts}/list.sh').read().strip()",
    "python": "subprocess.check_output(['python', '{scripts}/list.py']).decode().strip()",
    "there": "subprocess.run(['cat', 'list.txt'], cwd=HERE, stdout=-1).stdout.decode().strip()",
}
OF_PROGRAMS = """
import os, subprocess

HERE = workflow.basedir

rule all:
    output: "assets/data/out.txt"
    params: words={said}
    shell: "echo {{params.words}} > {{output}}"
"""


@pytest.mark.parametrize("how", STARTS)
def test_what_a_program_of_the_snakefile_reads_decides(
    write: Callable[..., Path], how: str
) -> None:
    """Files that the words of a program name, and the modules that it imports, are followed."""
    scripts = f"../../{SCRIPTS}"
    project = write(
        OF_PROGRAMS.format(said=STARTS[how].format(scripts=scripts)),
        list_sh='cat "$(dirname "$0")/list.txt"\n',
        list_py="import words\nprint(words.WORD)\n",
    )
    for word in ("one", "two"):
        (project / SCRIPTS / "list.txt").write_text(f"{word}\n", encoding="utf-8")
        (project / SCRIPTS / "words.py").write_text(f"WORD = {word!r}\n", encoding="utf-8")
        build(project)
        assert texts(project, "out") == [word]
        assert build(project) == "up to date\n"


COLLECTED = """
rule all:
    input: "assets/data/all.txt"

rule fit:
    output: "fit.txt"
    log: "logs/fit.log", "logs/silent.log"
    benchmark: "benchmarks/fit.tsv"
    shell: "echo said > {log[0]}; echo 1 > {output}"

rule collect:
    input: "logs/fit.log", "logs/silent.log", "benchmarks/fit.tsv"
    output: "assets/data/all.txt"
    shell: "cat {input[0]} {input[1]} > {output}; head -c 1 {input[2]} >> {output}"
"""


@pytest.mark.parametrize("log", ["logs/fit.log", "logs/silent.log", "benchmarks/fit.tsv"])
def test_a_log_that_is_an_input_is_a_result(write: Callable[..., Path], log: str) -> None:
    """What collects logs gets those of the steps: an edited one and one that is gone come back."""
    project = write(COLLECTED)
    build(project)
    assert texts(project, "all") == ["said\ns"]
    assert "fit" not in build(project)
    path = project / GENERATED / log
    path.write_text("edited\n")
    build(project)
    assert texts(project, "all") == ["said\ns"]
    assert path.read_text() != "edited\n"
    path.unlink()
    build(project)
    assert path.exists()
    assert texts(project, "all") == ["said\ns"]


BLOCK = """
import functools, sys
sys.path.insert(0, workflow.basedir)
import lib.deep.er as er
from lib.tools import Tool

class Above:
    factor = 2

class Thing(Above):
    def times(self, number):
        return self.factor * number

@functools.cache
def cached():
    return "cached 2"

def scaled(number, by):
    return f"scaled {number * by} 2"

THING, TOOL, HALF = Thing(), Tool(), functools.partial(scaled, by=2)
ALL = {"thing": [THING]}

rule all:
    output: "assets/data/out.txt"
    run:
        words = [er.VALUE, TOOL.word(), ALL["thing"][0].times(3), cached(), HALF(1)]
        open(output[0], "w").write(" ".join(map(str, words)))
"""
EDITS = {
    "package": ("lib/deep/__init__.py", "WORD = 'word'", "WORD = 'WORD'"),
    "class of a module": ("lib/tools.py", "return 'tool'", "return 'TOOL'"),
    "class above": ("Snakefile", "factor = 2", "factor = 3"),
    "method": ("Snakefile", "self.factor * number", "self.factor + number"),
    "wrapped": ("Snakefile", "cached 2", "cached 3"),
    "partial": ("Snakefile", "* by} 2", "* by} 3"),
}


def test_a_block_is_made_of_all_the_code_that_it_can_reach(write: Callable[..., Path]) -> None:
    """Classes and functions behind the values that a block names decide it, however it has them."""
    project = write(BLOCK)
    folder = project / SCRIPTS
    (folder / "lib" / "deep").mkdir(parents=True)
    texts_of = {
        "lib/deep/__init__.py": "WORD = 'word'\n",
        "lib/deep/er.py": "from . import WORD\nVALUE = WORD\n",
        "lib/tools.py": "class Tool:\n    def word(self):\n        return 'tool'\n",
    }
    for name, text in texts_of.items():
        (folder / name).write_text(text, encoding="utf-8")
    said = ["word", "tool", "6", "cached", "2", "scaled", "2", "2"]
    build(project)
    assert texts(project, "out") == [" ".join(said)]
    after = {
        "package": (0, "WORD"),
        "class of a module": (1, "TOOL"),
        "class above": (2, "9"),
        "method": (2, "6"),
        "wrapped": (4, "3"),
        "partial": (7, "3"),
    }
    for name, (file, old, new) in EDITS.items():
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new), encoding="utf-8")
        said[after[name][0]] = after[name][1]
        build(project)
        assert texts(project, "out") == [" ".join(said)]
    assert build(project) == "up to date\n"
