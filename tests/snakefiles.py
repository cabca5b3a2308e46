"""An experiment with much of Snakemake's language in it, and the message that refuses the rest."""

import json
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import building
import pytest

NAME = "2024-04-04-Language"
SNAKEFILE = """
    import os, shutil

    FACTOR = 3
    MACHINE = shutil.which("bash"), os.environ.get("TZ"), os.environ.get("LAB_BUILD")

    scattergather: piece=2
    pathvars: own="out"
    inputflags: access.sequential
    report: "seed.txt"

    wildcard_constraints: x="[abc]"
    localrules: first
    ruleorder: better > worse
    envvars: "LANG_OF_TEST"
    include: "more.smk"

    module other:
        snakefile: "other.smk"
        config: {"word": "of the module"}

    use rule * from other as other_*

    onstart:
        open("onstart.txt", "w").write("started")

    def scaled(x):
        return FACTOR * x

    def parts(wildcards):
        folder = checkpoints.split.get().output[0]
        return expand("out/part-{n}.txt", n=glob_wildcards(folder + "/{n}.txt").n)

    rule first:
        input: branch(True, then="../../scripts/NAME/seed.txt")
        output: "out/first-{x}.txt"
        params: word=lambda wildcards, input: f"{wildcards.x} of {len(input)}"
        benchmark: "benchmarks/first-{x}.tsv"
        message: "first of {wildcards.x}"
        priority: 7
        shell: "cat {input}; echo {params.word} > {output}"

    use rule first as again with:
        output: "out/again-{x}.txt"
        params: word="again"

    rule shell:
        input: "out/first-a.txt"
        output: "out/shell.txt"
        shell: "python ../../scripts/NAME/plain.py {input} {output}"

    rule python:
        input: one="out/first-a.txt", rest=["out/first-b.txt"]
        output: "out/python.txt"
        params: n=5
        log: "logs/python.txt"
        threads: 2
        script: "steps/fit.py"

    rule r:
        input: one="out/first-a.txt"
        output: "out/r.txt"
        params: n=5, word="abc"
        script: "steps/fit.R"

    rule bash:
        input: one="out/first-a.txt"
        output: "out/bash.txt"
        params: word="abc"
        script: "steps/fit.sh"

    rule notebook:
        input: "out/first-a.txt"
        output: "out/notebook.txt"
        log: notebook="logs/seen.ipynb"
        notebook: "steps/book.ipynb"

    rule block:
        input: "out/first-a.txt"
        output: "out/run.txt"
        params: n=7
        run:
            with open(output[0], "w") as file:
                file.write(open(input[0]).read() + str(scaled(params.n)))
            shell("echo {FACTOR} {config[word]} >> {output}")

    rule sources:
        input: workflow.source_path("seed.txt")
        output: "out/sources.txt"
        params: word=workflow.source_path("steps/sourced.txt")
        run:
            with open(output[0], "w") as file:
                file.write(open(input[0]).read() + open(params.word).read())

    rule words:
        input: workflow.source_path("steps/sourced.txt")
        output: "out/words.txt"
        params: seed=workflow.source_path("seed.txt")
        shell: "cat {input} {params.seed} > {output}"

    rule scatter:
        output: scatter.piece("out/pieces/{scatteritem}.txt")
        shell: "for file in {output}; do echo piece > $file; done"

    rule scattered:
        input: gather.piece("<own>/pieces/{scatteritem}.txt")
        output: report("<own>/scattered.txt", caption="seed.txt")
        shell: "cat {input} > {output}"

    rule helpers:
        input: branch(True, then=collect("out/pieces/{n}-of-2.txt", n=[1, 2]))
        output: "out/helped.txt"
        params: word=lookup(dpath="word", within=config), stem=subpath(output[0], basename=True)
        shell: "echo {input} {params.word} {params.stem} > {output}"

    rule better:
        output: "out/order.txt"
        shell: "echo better > {output}"

    rule worse:
        output: "out/{any,order}.txt"
        shell: "echo worse > {output}"

    rule marks:
        output: folder=directory("out/folder"), mark=touch("out/mark.txt"),
            full=ensure("out/full.txt", non_empty=True), gone=temp("out/temp.txt")
        shell: "mkdir {output.folder}; echo in > {output.folder}/in.txt;"
            " echo full > {output.full}; echo temp > {output.gone}"

    rule mark:
        input: "out/mark.txt"
        output: touch("out/marked-{x}.txt")

    rule kept:
        input: rules.marks.output.gone
        output: "out/of-temp.txt"
        group: "together"
        shell: "cat {input} > {output}"

    rule several:
        output: multiext("out/several", a=".one", b=".two")
        shell: "echo one > {output.a}; echo two > {output.b}"

    rule tried:
        output: "out/tried.txt"
        retries: 2
        resources: mem_mb=lambda wildcards, attempt: attempt * 100
        shell: "test {resources.mem_mb} -ge 200 && echo {resources.mem_mb} > {output}"

    rule variable:
        output: "out/variable.txt"
        shell: "echo $LANG_OF_TEST > {output}"

    checkpoint split:
        output: directory("out/split")
        shell: "mkdir {output}; touch {output}/1.txt {output}/2.txt"

    rule part:
        input: "out/split/{n}.txt"
        output: "out/part-{n}.txt"
        shell: "echo part {wildcards.n} > {output}"

    rule gather:
        input: parts
        output: "out/gathered.txt"
        shell: "cat {input} > {output}"

    rule everything:
        input: WANTED
        default_target: True
"""
OTHERS = {
    "seed.txt": "seed\n",
    "steps/sourced.txt": "word\n",
    "config.yaml": "word: of the config\nunused: 1\n",
    "plain.py": """
        import sys
        from helping import helped
        open(sys.argv[2], "w").write("plain " + helped(open(sys.argv[1]).read()))
    """,
    "helping.py": "def helped(text):\n    return 'helped ' + text\n",
    "more.smk": """
        rule included:
            output: "out/included.txt"
            shell: "echo {config[word]} > {output}"
    """,
    "other.smk": """
        rule of_it:
            output: "out/module.txt"
            shell: "echo {config[word]} > {output}"
    """,
    "steps/helper.py": "def helped(text):\n    return 'helped ' + text\n",
    "steps/fit.py": """
        from helper import helped

        one = open(snakemake.input.one).read()
        with open(snakemake.output[0], "w") as file:
            file.write(helped(one))
            print(len(snakemake.input), snakemake.params.n, snakemake.threads, file=file)
        with open(snakemake.log[0], "w") as file:
            print("logged", file=file)
    """,
    "steps/fit.R": """
        one <- readLines(snakemake@input[["one"]])
        more <- as.character(snakemake@params[["n"]] + 1)
        writeLines(c(one, snakemake@params[["word"]], more), snakemake@output[[1]])
    """,
    "steps/fit.sh": """
        #!/usr/bin/env bash
        cat "${snakemake_input[one]}" > "${snakemake_output[0]}"
        echo "${snakemake_params[word]}" >> "${snakemake_output[0]}"
    """,
}
_CELLS = (
    "from helper import helped",
    "text = helped(open(snakemake.input[0]).read())",
    "open(snakemake.output[0], 'w').write(text)",
)


def write(project: Path, made: list[str]) -> Path:
    """Write the experiment, which is to make these files; return its generated folder."""
    folder = project / "scripts" / NAME
    (folder / "steps").mkdir(parents=True)
    wanted = f"WANTED = {made!r}\n"
    text = textwrap.dedent(SNAKEFILE).replace("NAME/", f"{NAME}/")
    (folder / "Snakefile").write_text(wanted + text, encoding="utf-8")
    for name, text in OTHERS.items():
        (folder / name).write_text(textwrap.dedent(text).lstrip(), encoding="utf-8")
    cells = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": s}
        for s in _CELLS
    ]
    kind = {"language_info": {"name": "python"}}
    book = {"cells": cells, "metadata": kind, "nbformat": 4, "nbformat_minor": 4}
    (folder / "steps/book.ipynb").write_text(json.dumps(book), encoding="utf-8")
    return project / "generated" / NAME


def refusal(folder: Path, text: str, patch: pytest.MonkeyPatch) -> str:
    """Return the message with which a Snakefile is refused before anything runs."""
    from labflake.errors import LabError

    with pytest.raises(LabError) as caught:
        commands(folder, text, patch)
    return str(caught.value)


def commands(folder: Path, text: str, patch: pytest.MonkeyPatch) -> list[str]:
    """Return the commands of the steps that a Snakefile has, each after what it needs."""
    from labflake.steps.snakemake import engine

    request = asked(folder, text, patch)
    [known] = engine.read(request, lambda path: False, lambda steps: [])
    return [step.command for step in known]


def performed(request: Any) -> list[str]:
    """Run the commands of the steps that a request needs; return their names in the order."""
    from labflake.steps.snakemake import engine

    ran: list[str] = []

    def perform(step: Any, is_plain: bool) -> None:
        ran.append(step.name)
        command = ["bash", "-ec", step.command]
        subprocess.run(command, cwd=request.experiment.generated, check=True)

    request.perform = perform
    good, _ = engine.execute(request, lambda graph: None, lambda graph: None, lambda: None)
    assert good
    return ran


def asked(folder: Path, text: str, patch: pytest.MonkeyPatch) -> Any:
    """Return a request for the steps of a Snakefile, in a project of its own."""
    from labflake.project.experiments import Experiment
    from labflake.steps.limits import Limits
    from labflake.steps.snakemake import opened

    (folder / "pyproject.toml").write_text("[tool.labflake]\n", encoding="utf-8")
    building.experiment(folder, NAME, Snakefile=text)
    patch.setenv("LABFLAKE_PROJECT", str(folder))
    patch.chdir(folder)
    return opened.Request(Experiment(NAME), Limits(2, 1000, 0), {})
