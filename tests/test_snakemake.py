"""Snakemake's language: what a Snakefile may say, and what is refused with its alternative."""

import ast
import importlib
import re
import shutil
import tempfile
import textwrap
from pathlib import Path

import building
import pytest
import snakefiles
from rendering import REPOSITORY, SOURCES
from snakefiles import NAME

from labflake.steps.snakemake import INTERIOR
from labflake.verify.artifacts import artifacts

make = building.for_experiment(building.made, NAME)
TABLE = REPOSITORY / "docs" / "snakemake.md"
# What a row of the table promises: files that a build makes, with what is in them; None: no file.
DONE: dict[str, dict[str, str | None]] = {
    "`shell:`": {"out/shell.txt": "plain helped a of 1\n"},
    "`script:` in Python": {"out/python.txt": "helped a of 1\n2 5 2\n"},
    "`script:` in R": {"out/r.txt": "a of 1\nabc\n6\n"},
    "`script:` in Bash": {"out/bash.txt": "a of 1\nabc\n"},
    "`notebook:`": {"out/notebook.txt": "helped a of 1\n"},
    "`run:`": {"out/run.txt": "a of 1\n213 of the config\n"},
    "`log:`": {"logs/python.txt": "logged\n"},
    "`params:`, `input:` as functions": {"out/first-b.txt": "b of 1\n"},
    "`retries:`, `resources:` by `attempt`": {"out/tried.txt": "200\n"},
    "`include:`, `configfile:`": {"out/included.txt": "of the config\n"},
    "`module`, `use rule * from … as`": {"out/module.txt": "of the module\n"},
    "`use rule … as … with`": {"out/again-c.txt": "again\n"},
    "`workflow.source_path()`": {
        "out/sources.txt": "seed\nword\n",
        "out/words.txt": "word\nseed\n",
    },
    "`ruleorder:`": {"out/order.txt": "better\n"},
    "`directory()`": {"out/folder/in.txt": "in\n", "out/folder/.snakemake_timestamp": None},
    "`touch()`": {"out/mark.txt": "", "out/marked-a.txt": ""},
    "`ensure()`": {"out/full.txt": "full\n"},
    "`temp()`": {"out/of-temp.txt": "temp\n", "out/temp.txt": None},
    "`multiext()`": {"out/several.one": "one\n", "out/several.two": "two\n"},
    "`checkpoint`": {"out/gathered.txt": "part 1\npart 2\n"},
    "`envvars:`": {"out/variable.txt": "of the shell\n"},
    "`group:`": {"out/of-temp.txt": "temp\n"},
    "`priority:`, `wildcard_constraints:`": {"out/first-a.txt": "a of 1\n"},
    "`onstart:`, `onsuccess:`, `onerror:`": {"onstart.txt": "started"},
    "`scattergather:`": {"out/scattered.txt": "piece\npiece\n"},
    "`pathvars:`": {"out/scattered.txt": "piece\npiece\n"},
    "`inputflags:`, `outputflags:`": {"out/scattered.txt": "piece\npiece\n"},
    "`lookup()`, `branch()`, `collect()`, `subpath()`": {
        "out/helped.txt": "out/pieces/1-of-2.txt out/pieces/2-of-2.txt of the config helped.txt\n"
    },
    "`report:`, `report()`": {"out/scattered.txt": "piece\npiece\n"},
    "`default_target:`": {"out/gathered.txt": "part 1\npart 2\n"},
}
OTHERS = (
    "`protected()`",
    "`benchmark:`",
    "`message:`",
    "`threads:`",
    "`localrules:`",
    "`container:`",
)
RULE = "rule a:\n  output: 'x.txt'\n"
SHELL = "  shell: 'touch {output}'\n"
BOOK = "open(f'{workflow.basedir}/b.ipynb', 'w').write('{\"metadata\": {}}')\n"
REFUSED = {
    "`conda:`": RULE + "  conda: 'e.yaml'\n" + SHELL,
    "`envmodules:`": RULE + "  envmodules: 'x'\n" + SHELL,
    "`wrapper:`": RULE + "  wrapper: 'v1/bio/x'\n",
    "`cwl:`": RULE + "  cwl: 'x.cwl'\n",
    "`template_engine:`": RULE + "  template_engine: 'jinja2'\n",
    "`script:` in R Markdown, Rust and others": RULE + "  script: 'Snakefile'\n",
    "`shadow:`": RULE + "  shadow: 'minimal'\n" + SHELL,
    "`handover:`": RULE + "  handover: True\n" + SHELL,
    "`workdir:`": "workdir: 'elsewhere'\n" + RULE + SHELL,
    "`containerized:`": "containerized: 'docker://a/b'\n" + RULE + SHELL,
    "`meta_wrapper:`": "module a:\n  meta_wrapper: 'v1/meta/x'\n",
    "`pepfile:`, `pepschema:`": "pepfile: 'pep.yaml'\n" + RULE + SHELL,
    "`storage:`, `storage()`": "storage own:\n  provider='http'\n" + RULE + SHELL,
    "`include:`, `module` from elsewhere: `github()`, `https://`": "include: 'https://a.org/b.smk'\n",
    "`ancient()`": RULE + "  input: ancient('y.txt')\n" + SHELL,
    "`pipe()`": "rule a:\n  output: pipe('x.txt')\n" + SHELL,
    "`service()`": "rule a:\n  output: service('x.txt')\n" + SHELL,
    "`update()`": "rule a:\n  output: update('x.txt')\n" + SHELL,
    "`shell.prefix()`": "shell.prefix('set -x; ')\n" + RULE + SHELL,
    "`benchmark: repeat()`": RULE + "  benchmark: repeat('b.tsv', 3)\n" + SHELL,
}
ALIKE = {  # what the table leaves out, since a row of it says the same
    "`ancient()` of a function": RULE + "  input: ancient(lambda w: 'y.txt')\n" + SHELL,
    "`before_update()`": RULE + "  input: before_update('y.txt')\n" + SHELL,
    "`storage()`": RULE + "  input: storage('https://a.org/b.txt')\n" + SHELL,
    "`github()`": "module a:\n  snakefile: github('a/b', path='c', tag='d')\n",
    "x.txt/y is in x.txt": RULE + "    , 'x.txt/y'\n" + SHELL,
    "`notebook:` of no language": BOOK + RULE + "  notebook: 'b.ipynb'\n",
    "`shell.suffix()`": "shell.suffix('; true')\n" + RULE + SHELL,
    "`shell.executable()`": "shell.executable('sh')\n" + RULE + SHELL,
}
# What the experiment is to make: all that is promised, but for what other rules take away.
WANTED = sorted(
    {p for files in DONE.values() for p in files if p.startswith("out/") and p[4:8] != "temp"}
    - {"out/folder/in.txt", "out/folder/.snakemake_timestamp"}
    | {"out/folder"}
)


@pytest.fixture(scope="module")
def built_language(built: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Build the experiment once; return the project and what make printed."""
    project = building.copy(built, tmp_path_factory.mktemp("language") / "project", generated=False)
    snakefiles.write(project, WANTED)
    return project, make(project, shell=None, LANG_OF_TEST="of the shell", JOBS="2")


def again(project: Path) -> list[str]:
    """Run make again; return the steps that ran."""
    return building.ran(make(project, LANG_OF_TEST="of the shell", JOBS="2"))


def edit(project: Path, name: str, old: str, new: str) -> None:
    """Replace a text in a file of the experiment."""
    path = project / "scripts" / NAME / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_every_row_of_the_table_is_tested() -> None:
    """What the documentation says of Snakemake's language is what is tested here."""
    rows = re.findall(r"^\| (`.*?) \|", TABLE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted([*DONE, *OTHERS, *REFUSED])


def test_every_word_of_snakemakes_language_has_its_place_in_the_table() -> None:
    """Whatever word this Snakemake knows, the documentation says what becomes of it."""
    parser = importlib.import_module("snakemake.parser")
    words = {
        word for part in (parser.Python, parser.Rule, parser.Module) for word in part.subautomata
    }
    text = TABLE.read_text(encoding="utf-8")
    assert not {word for word in words if not re.search(rf"`[^`]*\b{word}\b", text)}


@pytest.mark.long
@pytest.mark.parametrize("row", DONE)
def test_what_works_does_what_snakemake_says(built_language: tuple[Path, str], row: str) -> None:
    """Each of these makes what Snakemake's documentation says."""
    generated = built_language[0] / "generated" / NAME
    files = {path: generated / path for path in DONE[row]}
    made = {p: f.read_text(encoding="utf-8") if f.exists() else None for p, f in files.items()}
    assert made == DONE[row]


@pytest.mark.long
def test_benchmark_has_the_columns_of_snakemake(built_language: tuple[Path, str]) -> None:
    """How long a step took stands where `benchmark:` says, in Snakemake's own table."""
    table = built_language[0] / "generated" / NAME / "benchmarks" / "first-a.tsv"
    head, values = table.read_text(encoding="utf-8").splitlines()
    assert head.split("\t")[:3] == ["s", "h:m:s", "max_rss"]
    assert re.fullmatch(r"\d+\.\d\d", values.split("\t")[0])  # 0.00 of the shortest


@pytest.mark.long
def test_message_is_shown_when_its_step_starts(built_language: tuple[Path, str]) -> None:
    """`message:` replaces nothing, and is said once for each step that runs."""
    assert built_language[1].count("first of a\n") == 1


@pytest.mark.long
def test_executed_notebook_is_where_its_log_says(built_language: tuple[Path, str]) -> None:
    """`log: notebook=` has the notebook with what its cells showed."""
    import nbformat

    path = built_language[0] / "generated" / NAME / "logs" / "seen.ipynb"
    assert nbformat.read(path, 4).cells[-1]["execution_count"] == 4
    log = built_language[0] / "generated" / NAME / ".labflake/logs/notebook.log"
    assert "WARNING" not in (log.read_text(encoding="utf-8") if log.exists() else "")


@pytest.mark.long
def test_second_make_does_nothing(built_language: tuple[Path, str]) -> None:
    """Whatever kinds of rules there are, a build after a build is up to date."""
    assert make(built_language[0], LANG_OF_TEST="of the shell", JOBS="2").endswith("up to date\n")


@pytest.mark.long
def test_each_kind_of_step_runs_again_for_what_it_is_made_of(
    built_language: tuple[Path, str],
) -> None:
    """Scripts, notebooks and blocks follow their own text, their modules and their values."""
    project = building.copy(built_language[0], built_language[0].with_name("edited"))
    edit(project, "steps/helper.py", "'helped '", "'HELPED '")
    assert again(project) == ["notebook", "python"]
    edit(project, "steps/sourced.txt", "word", "WORD")
    assert again(project) == ["sources", "words"]
    edit(project, "steps/fit.R", "+ 1", "+ 2")
    edit(project, "helping.py", "'helped '", "'HELPED '")
    assert again(project) == ["r", "shell"]
    edit(project, "Snakefile", "FACTOR * x", "FACTOR + x")
    edit(project, "Snakefile", "echo better", "echo best")
    assert again(project) == ["better", "block"]
    edit(project, "config.yaml", "unused: 1", "unused: 2")
    assert again(project) == ["block"]  # its block uses the settings
    edit(project, "Snakefile", "FACTOR + x", "FACTOR * x")
    edit(project, "config.yaml", "unused: 2", "unused: 1")
    assert again(project) == []  # from the cache


@pytest.mark.parametrize("row", REFUSED | ALIKE)
def test_what_has_no_meaning_here_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: str
) -> None:
    """It is named with its line, and with what to write instead."""
    text = (REFUSED | ALIKE)[row]
    first, *more = snakefiles.refusal(tmp_path, text, monkeypatch).splitlines()
    assert re.match(rf"scripts/{NAME}/Snakefile:[1-4]: ", first)
    assert row.strip("`").split("`")[0] in first
    assert more


def test_syntax_that_is_wrong_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the line of the Snakefile, and not of what Snakemake makes of it."""
    text = 5 * "A = 1\n" + RULE + "  params: n=1 2\n" + SHELL
    said = snakefiles.refusal(tmp_path, text, monkeypatch)
    assert re.match(rf"scripts/{NAME}/Snakefile:8: SyntaxError: [^(]*$", said)


GROWING = """
    def parts(wildcards):
        folder = checkpoints.split.get().output[0]
        return expand("part-{n}.txt", n=glob_wildcards(folder + "/{n}.txt").n)

    rule gather:
        input: parts, "slow.txt"
        output: "all.txt"
        shell: "cat {input} > {output}"

    checkpoint split:
        output: directory("split")
        shell: "rm -rf {output}; mkdir {output}; touch {output}/1.txt {output}/2.txt"

    rule part:
        input: "split/{n}.txt"
        output: "part-{n}.txt"
        shell: "mkdir -p .; echo {wildcards.n} > {output}"

    rule slow:
        output: "slow.txt"
        shell: "sleep 1; echo slow > {output}"
"""


def test_what_a_checkpoint_decides_anew_is_performed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint that was complete and runs again: what it decides now runs, and what follows.

    What follows a step that still runs then follows it also in the new graph.
    """
    request = snakefiles.asked(tmp_path, textwrap.dedent(GROWING), monkeypatch)
    request.force = True
    assert sorted(snakefiles.performed(request))[:2] == ["gather", "part:1"]
    request.force, folder = False, request.experiment.generated
    (folder / "split" / "2.txt").unlink()
    (folder / "part-2.txt").unlink()
    request.differs = lambda job: job.rule == "split" or not (folder / job.outputs[0]).exists()
    assert sorted(snakefiles.performed(request)) == ["gather", "part:2", "split"]
    request.differs = lambda job: job.rule in ("split", "slow") and not (folder / "seen").exists()
    ran = snakefiles.performed(request)
    assert ran[-1] == "gather"
    assert "slow" in ran


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("julia"), reason="no julia")
def test_script_in_julia_has_what_the_rule_says(built: Path, tmp_path: Path) -> None:
    """A script in Julia finds its files, parameters and wildcards in `snakemake`."""
    project = building.copy(built, tmp_path / "project", generated=False)
    folder = project / "scripts" / NAME
    folder.mkdir()
    rules = "rule all:\n  input: 'a.txt'\nrule a:\n  output: '{x}.txt'\n  params: n=5\n"
    (folder / "Snakefile").write_text(f"{rules}  script: 'fit.jl'\n", encoding="utf-8")
    said = 'snakemake.wildcards["x"], snakemake.params["n"] + 1'
    text = f'open(file -> print(file, {said}), snakemake.output[1], "w")\n'
    (folder / "fit.jl").write_text(text, encoding="utf-8")
    make(project)
    assert (project / "generated" / NAME / "a.txt").read_text(encoding="utf-8") == "a6"


@pytest.mark.parametrize("said", ["", "  resources: tmpdir=lambda wildcards: '/dev/shm'\n"])
def test_folder_for_temporary_files_is_known_to_a_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    """`{resources.tmpdir}` is that of this machine, or what the rule says of it, by a function."""
    text = f"{RULE}{said}  shell: 'echo {{resources.tmpdir}} > {{output}}'\n"
    folder = "/dev/shm" if said else tempfile.gettempdir()
    assert snakefiles.commands(tmp_path, text, monkeypatch) == [f"echo {folder} > x.txt"]


def interior(tree: ast.Module) -> set[str]:
    """Return what a module uses of Snakemake that is not public: imported, private, or replaced."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and re.match("snakemake\\b", node.module or ""):
            public = re.match("snakemake[.](api|settings|shell|utils)\\b", node.module or "")
            found |= set() if public else {alias.name for alias in node.names}
        elif isinstance(node, ast.Attribute) and re.match("_[^_]", node.attr):
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            found |= set() if own else {node.attr}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("replace"):
            names = [each.value for each in node.args if isinstance(each, ast.Constant)]
            found |= {*names} if len(node.args) == 3 else set()
    return found


def test_only_one_place_knows_snakemakes_interior() -> None:
    """One list says what is used of it that is not public, and why; no other module imports it."""
    room = SOURCES / "labflake" / "steps" / "snakemake"
    used: set[str] = set()
    for path in (SOURCES / "labflake").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.is_relative_to(room):
            used |= interior(ast.parse(text))
        else:
            assert not re.search(r"^\s*(from|import) snakemake\b", text, re.MULTILINE), path
    owners = {"DAG"}  # of what is replaced: not used themselves
    assert used - owners == {name.rpartition(".")[2] for name in INTERIOR}
    assert len(INTERIOR) <= 5


BESIDE = """
    import os

    TOP = glob_wildcards("{name,[a-z]+}.csv").name
    RAW = glob_wildcards("raw/{name}.csv").name

    rule all:
        input: "long.txt", "raw/linked.txt", "cores.txt", "module.txt"

    rule module:
        output: "module.txt"
        shell: "python -m tools.write {output}"

    rule long:
        input: expand("{name}.csv", name=TOP), [os.path.abspath(f"raw/{n}.csv") for n in RAW]
        output: "long.txt"
        params: words=["word"] * 40_000
        shell: "cat {input} > {output}; echo {params.words} | wc -w >> {output}"

    rule linked:
        input: "long.txt"
        output: "raw/linked.txt"
        shell: "ln -s ../{input} {output}"

    rule cores:
        output: "cores.txt"
        threads: workflow.cores * 0.5
        shell: "echo {threads} of {workflow.cores} > {output}"
"""

TOOLS = {
    "__init__.py": "",
    "value.py": "VALUE = 7\n",
    "write.py": "import sys\nfrom .value import VALUE\nopen(sys.argv[1], 'w').write(f'{VALUE}')\n",
}


@pytest.mark.long
def test_files_beside_the_snakefile_are_listed_as_they_are(built: Path, tmp_path: Path) -> None:
    """Files beside it are found where it lists its folder; a new one and one that goes count.

    A command may be as long as it likes, run a module of a package there, and its output be a link
    to an input. Errors name the file itself.
    """
    project = building.copy(built, tmp_path / "project", generated=False)
    generated = building.experiment(project, NAME, Snakefile=BESIDE)
    folder = project / "scripts" / NAME
    (folder / "raw").mkdir()
    for name in ("top.csv", "raw/a.csv"):
        (folder / name).write_text(f"{name}\n", encoding="utf-8")

    (folder / "tools").mkdir()
    for name, words in TOOLS.items():
        (folder / "tools" / name).write_text(words, encoding="utf-8")

    def text(name: str = "long.txt") -> str:
        return (generated / name).read_text(encoding="utf-8")

    make(project, JOBS="2", LOCKED="1")
    assert text() == text("raw/linked.txt") == "top.csv\nraw/a.csv\n40000\n"
    assert (text("cores.txt"), text("module.txt")) == ("1 of 2\n", "7")
    assert not building.ran(
        make(project, JOBS="2", LOCKED="1")
    )  # results are in the folders that it lists
    assert make(project, JOBS="2", LOCKED="1").endswith("up to date\n")
    (generated / "long.txt").unlink()
    make(project, JOBS="2", LOCKED="1")  # from the record
    for name in ("more.csv", "raw/b.csv"):
        (folder / name).write_text(f"{name}\n", encoding="utf-8")
    make(project, JOBS="2", LOCKED="1")
    assert sorted(text().split()) == ["40000", "more.csv", "raw/a.csv", "raw/b.csv", "top.csv"]
    (folder / "raw" / "a.csv").unlink()
    make(project, JOBS="2", LOCKED="1")
    assert sorted(text().split()) == ["40000", "more.csv", "raw/b.csv", "top.csv"]
    assert {*artifacts(generated)} == {"cores.txt", "long.txt", "module.txt", "raw/linked.txt"}
    (folder / "tools" / "value.py").write_text("VALUE = 1 / 0\n", encoding="utf-8")
    said = building.make(project, LOCKED="1").stderr
    assert f'File "{folder}/tools/value.py", line 1' in said


BLOCK = """
    rule all:
        output: "block.txt"
        run:
            import json

            def halve(text):
                return 1 / json.loads(text)

            open(output[0], "w").write(halve("0"))
"""


@pytest.mark.long
def test_an_error_in_a_block_has_the_lines_of_the_snakefile(built: Path, tmp_path: Path) -> None:
    """The traceback of a `run:` block shows what was written, and not what was made of it."""
    project = building.copy(built, tmp_path / "project", generated=False)
    building.experiment(project, NAME, Snakefile=BLOCK)
    said = building.make(project, LOCKED="1").stderr
    file = project / "scripts" / NAME / "Snakefile"
    frames = [line.strip() for line in said.splitlines() if line.strip().startswith("File ")]
    assert frames == [
        f'File "{file}", line 9, in run: of rule all',
        f'File "{file}", line 7, in halve',
    ]
    assert 'open(output[0], "w").write(halve("0"))' in said


PUBLISHED = {
    "workflow/Snakefile": """
        import pandas as pd

        configfile: "config/config.yaml"
        include: "rules/fit.smk"

        NAMES = pd.read_csv(config["samples"])["name"]

        rule all:
            input: expand("results/{name}.txt", name=NAMES), "results/run.txt"
    """,
    "workflow/rules/fit.smk": """
        rule fit:
            input: "resources/{name}.txt"
            output: "results/{name}.txt"
            script: "../scripts/fit.py"

        rule run:
            output: "results/run.txt"
            run:
                with open(output[0], "w") as file:
                    file.write(config["word"])
    """,
    "workflow/scripts/fit.py": """
        from common import text

        with open(snakemake.output[0], "w") as file:
            file.write(text(snakemake.input[0]) + snakemake.config["word"])
    """,
    "workflow/scripts/common.py": "def text(path):\n    return open(path).read()\n",
    "config/config.yaml": "samples: config/samples.csv\nword: abc\n",
    "config/samples.csv": "name\na\nb\n",
    "resources/a.txt": "1\n",
    "resources/b.txt": "2\n",
}


@pytest.mark.long
def test_snakefile_may_be_where_published_workflows_have_it(built: Path, tmp_path: Path) -> None:
    """With `workflow/Snakefile`, `config/` and `resources/` a folder is an experiment as it is."""
    project = building.copy(built, tmp_path / "project", generated=False)
    folder, results = project / "scripts" / NAME, project / "generated" / NAME / "results"
    for name, text in PUBLISHED.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text).lstrip(), encoding="utf-8")
    assert building.ran(make(project, LOCKED="1")) == ["fit:a", "fit:b", "run"]
    assert {path.name: path.read_text(encoding="utf-8") for path in results.iterdir()} == {
        "a.txt": "1\nabc",
        "b.txt": "2\nabc",
        "run.txt": "abc",
    }
    assert make(project).endswith("up to date\n")
    edit(project, "resources/b.txt", "2", "3")
    assert building.ran(make(project)) == ["fit:b"]
    edit(project, "workflow/scripts/common.py", "read()", "read().upper()")
    edit(project, "config/samples.csv", "b\n", "")
    assert building.ran(make(project)) == ["fit:a"]
    assert not (results / "b.txt").exists()
