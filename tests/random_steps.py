"""Small experiments drawn at random, what can be done to them, and builds of them in a fork."""

import json
import os
import random
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import rendering

from labflake import environment

NAME = "2024-02-29-Drawn"
GENERATED = Path("generated") / NAME
SCRIPTS = Path("scripts") / NAME
PROGRAM = """
import sys
{imports}
with open(sys.argv[-1], "w") as target:
    for path in sys.argv[1:-1]:
        target.write({number} * open(path).read())
"""
SCRIPT = """
{imports}
with open(snakemake.output[0], "w") as target:
    for path in snakemake.input:
        target.write({number} * open(path).read())
    target.write(str({part}))
"""
KINDS = {
    **{"shell": 8, "program": 4, "plain": 2, "script": 3, "folder": 2, "temp": 3, "function": 1},
    **{"threads": 1, "attempt": 1, "notebook": 1},
}
PARTS = ("1", "snakemake.threads", "snakemake.config")  # that a script may come to name
DECIDING = """
def parts(wildcards):
    folder = checkpoints.decide.get().output[0]
    names = glob_wildcards(os.path.join(folder, "{{i}}.txt")).i
    return sorted(f"assets/data/part/{{i}}.txt" for i in names)

checkpoint decide:
  input: {needs!r}
  output: directory("assets/data/decided")
  shell:
    "mkdir {{output}}; for i in $(seq $(( $(cat {{input}} | wc -c) % 3 + 1 )));"
    " do echo $i > {{output}}/$i.txt; done"

rule part:
  input: "assets/data/decided/{{i}}.txt"
  output: "assets/data/part/{{i}}.txt"
  shell: "cat {{input}} > {{output}}"

rule gathered:
  input: parts, "../../{scripts}/in2.txt"
  output: "assets/data/gathered.txt"
  shell: "cat {{input}} > {{output}}"

rule block:
  input: "../../{scripts}/in1.txt"
  output: "assets/data/block.txt"
  run:
    import beside_one
    with open(output[0], "w") as file:
        file.write(beside_one.NUMBER * open(input[0]).read())
"""
SHELL = ("cat {input} > {output}", "cat {input} | sort -u > {output}", "wc -c {input} > {output}")


@dataclass
class Drawn:
    """A Snakefile with its files; `steps` are the outputs, `inputs` what people write."""

    snakefile: str = ""
    outputs: list[str] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    programs: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    notebooks: list[str] = field(default_factory=list)


def draw(chance: random.Random, most: int = 12, decides: bool = False) -> Drawn:
    """Draw an experiment of at least four steps: chains, folders, programs, marks and functions.

    Some that `decides` has a checkpoint as well, and a block.
    """
    drawn = Drawn(inputs=[f"in{n}.txt" for n in range(3)], programs=["one.py", "two.py"])
    drawn.scripts, drawn.notebooks = ["three.py", "four.py"], ["five.py.ipynb"]
    rules = ["from labflake import code", ""]
    files = [f"../../{SCRIPTS}/{name}" for name in drawn.inputs]
    for number in range(chance.randint(4, most)):
        needs = sorted({chance.choice(files[-6:]) for _ in range(chance.randint(1, 3))})
        output = f"assets/data/{number}.txt"
        kind = chance.choices([*KINDS], KINDS.values())[0]
        inputs, command, more, mark = repr(needs), chance.choice(SHELL), "", repr(output)
        start = "shell"
        if kind == "program":
            program = chance.choice(drawn.programs)
            inputs = f"**dict(raw={needs!r}, code=code({program!r}))"
            command = "python {input.code[0]} {input.raw} {output}"
        elif kind == "plain":
            command = f"python ../../{SCRIPTS}/{chance.choice(drawn.programs)} {{input}} {{output}}"
        elif kind == "script":
            start, command = "script", chance.choice(drawn.scripts)
        elif kind == "notebook":
            start, command = "notebook", chance.choice(drawn.notebooks)
        elif kind == "folder":
            output = f"assets/data/{number}"
            mark = f"directory({output!r})"
            command = "mkdir -p {output}; cat {input} > {output}/part.txt"
        elif kind == "temp" and number > 2:
            mark = f"temp({output!r})"
        elif kind == "function":
            more = "  params: size=lambda wildcards, input: len(input)\n"
            command = "cat {input} > {output}; echo {params.size} >> {output}"
        elif kind == "threads":
            more = f"  threads: {chance.randint(1, 3)}\n"
            command = "cat {input} > {output}; echo {threads} >> {output}"
        elif kind == "attempt":
            more = "  retries: 1\n  resources: mem_mb=lambda wildcards, attempt: 50 * attempt\n"
        rules.append(
            f"rule r{number}:\n  input: {inputs}\n  output: {mark}\n{more}  {start}: {command!r}\n"
        )
        drawn.outputs.append(output)
        files.append(f"{output}/part.txt" if kind == "folder" else output)
    if decides:
        rules.append(DECIDING.format(needs=[chance.choice(files)], scripts=SCRIPTS))
        drawn.outputs += ["assets/data/gathered.txt", "assets/data/block.txt"]
    drawn.snakefile = f"rule all:\n  input: {drawn.outputs!r}\n\n" + "\n".join(rules)
    drawn.snakefile = drawn.snakefile.replace("rule all:", "rule all:", 1)
    return drawn


def write(project: Path, drawn: Drawn) -> Path:
    """Write an experiment into a project of its own, with the environment of the tests."""
    scripts = project / SCRIPTS
    scripts.mkdir(parents=True)
    (project / ".venv").symlink_to(sys.prefix)
    shutil.copy(rendering.REPOSITORY / "poetry.lock", project)
    text = (rendering.REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    (project / "pyproject.toml").write_text(f"{text}\n[tool.labflake]\n", encoding="utf-8")
    assert environment.is_current(project), "poetry.lock has changed: make tools"
    (project / "src").mkdir()
    (scripts / "Snakefile").write_text(drawn.snakefile, encoding="utf-8")
    for number, name in enumerate(drawn.inputs):
        (scripts / name).write_text(f"{name} {number}\n", encoding="utf-8")
    for number, name in enumerate(drawn.programs):
        (scripts / name).write_text(PROGRAM.format(imports="", number=number + 1))
        (scripts / f"beside_{name}").write_text("NUMBER = 1\n")
    for number, name in enumerate([*drawn.scripts, *drawn.notebooks]):
        (scripts / name).write_text(_script(name, imports="", part="1", number=number + 1))
        (scripts / _beside(name)).write_text("NUMBER = 1\n")
    return project


def _script(name: str, **parts: object) -> str:
    """Return the text of a script or notebook."""
    text = SCRIPT.format(**parts)
    if not name.endswith(".ipynb"):
        return text
    cell = {"cell_type": "code", "id": "one", "source": text, "outputs": [], "metadata": {}}
    kernel = {"name": "python3", "display_name": "Python", "language": "python"}
    about = {"kernelspec": kernel, "language_info": {"name": "python"}}
    known = {"metadata": about, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(known | {"cells": [cell | {"execution_count": None}]})


def _beside(name: str) -> str:
    """Return the name of the module that a program, script or notebook may come to import."""
    return f"beside_{name.partition('.')[0]}.py"


def change(project: Path, drawn: Drawn, chance: random.Random, code: bool = True) -> None:
    """Do something to an experiment that a person may do to it."""
    scripts, generated = project / SCRIPTS, project / GENERATED
    what = chance.choice(("input", "input", "gone", "edited", "program", "import", "beside"))
    if what == "input" or (what in ("program", "import", "beside") and not code):
        with (scripts / chance.choice(drawn.inputs)).open("a") as file:
            file.write(f"{chance.randint(0, 9)}\n")
    elif what in ("gone", "edited"):
        path = generated / chance.choice(drawn.outputs)
        path = path / "part.txt" if path.is_dir() else path
        if what == "edited" and path.exists():
            path.write_text(f"{chance.randint(0, 9)}\n")
        else:
            path.unlink(missing_ok=True)
    elif what == "beside":
        program = chance.choice([*drawn.programs, *drawn.scripts, *drawn.notebooks])
        (scripts / _beside(program)).write_text(f"NUMBER = {chance.randint(0, 9)}\n")
    else:
        program = chance.choice([*drawn.programs, *drawn.scripts, *drawn.notebooks])
        imports = f"import {_beside(program).removesuffix('.py')}" if what == "import" else ""
        part, number = chance.choice(PARTS), chance.randint(1, 4)
        if program in drawn.programs:
            text = PROGRAM.format(imports=imports, number=number)
        else:
            text = _script(program, imports=imports, part=part, number=number)
        (scripts / program).write_text(text)


def try_in_a_fork(project: Path, work: Callable[[], None]) -> bool:
    """Do something as `in_a_fork` does; tell whether it went well."""
    try:
        in_a_fork(project, work)
    except AssertionError as error:
        print(error)
        return False
    return True


def in_a_fork(project: Path, work: Callable[[], None]) -> str:
    """Do something in a process of its own, as if started in the project; return what it says.

    So each build reads everything anew, and nobody waits for Python to start.
    """
    with tempfile.TemporaryFile() as said:
        process = os.fork()
        if not process:
            code = 1
            try:
                for number in (1, 2):
                    os.dup2(said.fileno(), number)
                sys.stdout = sys.stderr = os.fdopen(1, "w", buffering=1)
                os.environ["LABFLAKE_PROJECT"] = str(project)
                os.chdir(project)
                work()
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(code)
        _, status = os.waitpid(process, 0)
        said.seek(0)
        text = said.read().decode()
    assert status == 0, text
    return text


def build() -> None:
    """Build the experiment, in the process that stands in its project."""
    from labflake.commands import build

    assert build.main([]) == 0
