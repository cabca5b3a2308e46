"""From an edit to the result without Snakemake: the same steps, and the same bytes."""

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import random_steps
from random_steps import GENERATED, SCRIPTS

from labflake.content.removal import Removal

GRAPHS, STATES, BUILDS = 8, 125, 50


@pytest.fixture(autouse=True)
def options(monkeypatch: pytest.MonkeyPatch) -> None:
    """Build without a cache, so that what has to run does run."""
    monkeypatch.setenv("LABFLAKE_CACHE", "off")
    monkeypatch.setenv("LABFLAKE_JOBS", "3")
    monkeypatch.delenv("CI", raising=False)


@pytest.fixture(autouse=True, scope="module")
def loaded() -> None:
    """Import Snakemake once, for all processes in which it reads a Snakefile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABFLAKE_PROJECT", str(random_steps.rendering.REPOSITORY))
        from labflake.steps.snakemake import adjusted

        adjusted.load()


@pytest.fixture
def chance() -> random.Random:
    """Draw the same in each run of the tests; their header says how to draw something else."""
    return random.Random(os.environ["EXACTNESS_SEED"])


@pytest.mark.long
def test_the_record_and_snakemake_choose_the_same_steps(
    tmp_path: Path, chance: random.Random
) -> None:
    """In a thousand states of experiments, the record tells the steps that Snakemake tells."""
    known = 0
    for number in range(GRAPHS):
        drawn = random_steps.draw(chance)
        project = random_steps.write(tmp_path / str(number), drawn)
        random_steps.in_a_fork(project, random_steps.build)
        seed = chance.random()
        said = random_steps.in_a_fork(project, lambda p=project, d=drawn, s=seed: _compare(p, d, s))
        known += int(said.split()[-1])
    assert known > GRAPHS * STATES // 20  # the draw decides how many are left to Snakemake


def _compare(project: Path, drawn: random_steps.Drawn, seed: float) -> None:
    """Compare both in some states of an experiment; say in how many the record can tell."""
    from labflake.content.contents import Contents
    from labflake.processes import determinism
    from labflake.project.experiments import current
    from labflake.steps import changed, limits, recorded, steps
    from labflake.steps.job import Job
    from labflake.steps.snakemake import engine, opened

    chance, known = random.Random(seed), 0
    experiment = current()
    request = opened.Request(experiment, limits.from_options(), {})
    known_steps = engine.read(request, lambda path: False, lambda jobs: [])[-1]
    jobs = [Job(s.rule, s.name, s.rules_inputs(), s.outputs) for s in known_steps]
    makers = {path: job.outputs[0] for job in jobs for path in job.outputs}
    os.chdir(experiment.generated)
    for _ in range(STATES):
        random_steps.change(project, drawn, chance, code=False)
        contents = Contents(str(experiment.generated))
        change = changed.examine(experiment, contents)
        due = recorded.due(experiment, contents, change.steps, determinism.conditions())
        session = type("Session", (), {"contents": contents, "graph": contents.graph["id"]})
        following = {job.outputs[0] for job in jobs if steps.differs(job, session)}
        for job in jobs:  # each after all that it needs
            above = {str(each) for path in job.inputs for each in (path, *Path(path).parents)}
            if following.intersection(makers[each] for each in above & makers.keys()):
                following.add(job.outputs[0])
        following = _with_what_is_gone(following, jobs, makers)
        if due is not None:
            assert due.steps.keys() == following
            known += 1
        if chance.random() < 0.2:
            os.chdir(project)
            restore(project, drawn)
            os.chdir(experiment.generated)
    print(known)


def _with_what_is_gone(following: set, jobs: list, makers: dict) -> set[str]:
    """Add what makes the inputs that are gone, since they are `temp()`, and what follows that."""
    found = set(following)
    for job in jobs:
        above = {str(each) for path in job.inputs for each in (path, *Path(path).parents)}
        needs = {makers[each] for each in above & makers.keys()}
        if job.outputs[0] in found and not all(map(os.path.lexists, job.inputs)):
            gone = [path for path in job.inputs if not os.path.lexists(path)]
            found |= {
                makers[p]
                for path in gone
                for p in (path, *map(str, Path(path).parents))
                if p in makers
            }
        if needs & found:
            found.add(job.outputs[0])
    return found if found == following else _with_what_is_gone(found, jobs, makers)


def restore(project: Path, drawn: random_steps.Drawn) -> None:
    """Write what people write as it was."""
    for number, name in enumerate(drawn.inputs):
        (project / SCRIPTS / name).write_text(f"{name} {number}\n", encoding="utf-8")


@pytest.mark.long
def test_the_record_and_snakemake_make_the_same_bytes(
    tmp_path: Path, chance: random.Random
) -> None:
    """After each of fifty edits, both ways make the same files, and run as many steps."""
    for number in range(BUILDS):
        if number % 17 == 0:
            drawn = random_steps.draw(chance, most=6, decides=True)
            first = random_steps.write(tmp_path / f"{number}-recorded", drawn)
            random_steps.in_a_fork(first, random_steps.build)
            second = tmp_path / f"{number}-read"
            shutil.copytree(first, second, symlinks=True)
        seed = chance.random()
        for project in (first, second):
            random_steps.change(project, drawn, random.Random(seed))
        (second / GENERATED / ".labflake" / "jobs.json").unlink(missing_ok=True)
        told = [random_steps.in_a_fork(p, random_steps.build) for p in (first, second)]
        assert (
            len({line.partition("s: ")[2] for text in told for line in text.splitlines()[-1:]}) == 1
        )
        assert made(first) == made(second)


MANY = """
def names(folder):
    return sorted(glob_wildcards(os.path.join(folder, "{{i}}.txt")).i)

def first(wildcards):
    found = names(checkpoints.split.get().output[0])
    return expand("assets/data/one/{{i}}.txt", i=found)

def second(wildcards):
    found = names(checkpoints.again.get().output[0])
    return expand("assets/data/two/{{i}}.txt", i=found)

def third(wildcards):
    found = names(checkpoints.other.get(n=wildcards.n).output[0])
    return expand("assets/data/three/{{i}}.txt", i=found)

rule all:
    input: expand("assets/data/{{name}}.txt", name=["total", "last", "n/1", "n/2"])

rule pre:
    input: "../../{scripts}/in0.txt"
    output: {mark}("assets/data/pre.txt")
    shell: "cat {{input}} > {{output}}; ! grep bad {{input}}"

checkpoint split:
    input: "assets/data/pre.txt"
    output: directory("assets/data/split")
    shell:
        "mkdir {{output}};"
        " for i in $(seq $(( $(wc -c < {{input}}) % 3 + 1 )));"
        " do echo $i > {{output}}/$i.txt; done; ! grep worse {{input}}"

rule one:
    input: "assets/data/split/{{i}}.txt", "../../{scripts}/in1.txt"
    output: {mark}("assets/data/one/{{i}}.txt")
    shell: "cat {{input}} > {{output}}"

checkpoint again:
    input: first
    output: directory("assets/data/again")
    shell:
        "mkdir {{output}};"
        " for i in $(seq $(cat {{input}} | wc -l)); do echo $i > {{output}}/$i.txt; done"

rule two:
    input: "assets/data/again/{{i}}.txt", "assets/data/pre.txt"
    output: "assets/data/two/{{i}}.txt"
    shell: "cat {{input}} > {{output}}"

checkpoint other:
    input: "../../{scripts}/in2.txt"
    output: directory("assets/data/other/{{n}}")
    shell:
        "mkdir -p {{output}};"
        " for i in $(seq $(( ($(wc -c < {{input}}) + {{wildcards.n}}) % 3 + 1 )));"
        " do echo $i > {{output}}/{{wildcards.n}}_$i.txt; done"

rule three:
    input: "assets/data/pre.txt"
    output: {mark}("assets/data/three/{{i}}.txt")
    shell: "cat {{input}} > {{output}}; echo {{wildcards.i}} >> {{output}}"

rule gathered:
    input: third
    output: "assets/data/n/{{n}}.txt"
    shell: "cat {{input}} > {{output}}"

use rule gathered as total with:
    input: first
    output: "assets/data/total.txt"

use rule gathered as last with:
    input: second
    output: "assets/data/last.txt"
"""
STATES_OF_MANY = 4


@pytest.mark.long
def test_many_checkpoints_make_what_snakemake_makes(
    tmp_path: Path, chance: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checkpoints that follow each other, with `temp()` and `KEEP_GOING`, are as in Snakemake."""
    text = MANY.format(scripts=SCRIPTS, mark=chance.choice(["temp", ""]))
    drawn = random_steps.Drawn(text, ["assets/data/total.txt"], [f"in{n}.txt" for n in range(3)])
    project = random_steps.write(tmp_path / "project", drawn)
    for _ in range(STATES_OF_MANY):
        words = "x" * chance.randint(0, 5), chance.choice(["", "", "bad", "worse"])
        path = project / SCRIPTS / chance.choice(drawn.inputs)
        path.write_text("\n".join([path.stem, *words, ""]))
        if chance.random() < 0.3:
            (project / GENERATED / "assets/data/last.txt").unlink(missing_ok=True)
        going = chance.random() < 0.5
        monkeypatch.setenv("LABFLAKE_KEEP_GOING", str(int(going)))
        good = random_steps.try_in_a_fork(project, random_steps.build)
        told, theirs = _by_snakemake(project, going)
        ours = made(project)
        assert good == told
        assert all(ours[path] == text for path, text in theirs.items()) or not (good or going)
        assert not good or ours == theirs


def _by_snakemake(project: Path, going: bool) -> tuple[bool, dict[str, bytes]]:
    """Let Snakemake alone make everything from nothing; tell whether it did, and what it made."""
    folder = project / "generated" / "plain"
    options = ["--cores", "2", "--quiet", *(["--keep-going"] if going else [])]
    command = [sys.executable, "-m", "snakemake", "-s", project / SCRIPTS / "Snakefile"]
    done = subprocess.run([*command, "-d", folder, *options], capture_output=True)
    data = folder / "assets"
    files = [p for p in data.rglob("*") if p.is_file() and p.name != ".snakemake_timestamp"]
    theirs = {str(path.relative_to(data)): path.read_bytes() for path in files}
    shutil.rmtree(folder, ignore_errors=True)
    return not done.returncode, theirs


def made(project: Path) -> dict[str, bytes]:
    """Return what the steps of a project have made."""
    folder = project / GENERATED / "assets"
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_steps_run_from_the_record_without_snakemake(tmp_path: Path) -> None:
    """After an edit Snakemake is not imported, not even where the last build failed."""
    drawn = random_steps.Drawn(SNAKEFILE, ["assets/data/b.txt"], ["in1.txt"], [])
    project = random_steps.write(tmp_path / "project", drawn)
    random_steps.in_a_fork(project, random_steps.build)
    edited = project / SCRIPTS / "in1.txt"
    edited.write_text("bad\n")
    assert _built(project).endswith("\nFalse\n")
    edited.write_text("new\n")
    said = _built(project)
    assert "2 steps run, 1 unchanged" in said
    assert said.endswith("\nFalse\n")
    assert (project / GENERATED / "assets/data/b.txt").read_text() == "new\n"


@pytest.mark.parametrize("edited", ["script.py", "block.py", "program.py", "in1.txt"])
def test_scripts_blocks_and_programs_run_from_the_record(tmp_path: Path, edited: str) -> None:
    """After an edit of a script, a module, a program or an input, no Snakefile is read."""
    project = tmp_path / "project"
    random_steps.write(project, random_steps.Drawn(OF_SCRIPTS, inputs=["in1.txt"]))
    texts = {"script.py": SCRIPT, "block.py": "WORD = 'word'\n", "program.py": PROGRAM}
    for name, text in texts.items():
        (project / SCRIPTS / name).write_text(text)
    random_steps.in_a_fork(project, random_steps.build)
    (project / SCRIPTS / edited).write_text(texts.get(edited, "'word'").replace("'word'", "'new'"))
    said = _built(project)
    assert said.endswith("\nFalse\n")
    last = (project / GENERATED / "assets/data/program.txt").read_text()
    assert "new" in last
    shutil.rmtree(project / GENERATED)
    _built(project)
    assert (project / GENERATED / "assets/data/program.txt").read_text() == last


OF_SCRIPTS = f"""
rule script:
  input: "../../{SCRIPTS}/in1.txt"
  output: "assets/data/script.txt"
  params: word="a"
  script: "script.py"

rule block:
  input: "assets/data/script.txt"
  output: "assets/data/block.txt"
  threads: 1
  run:
    import block
    with open(output[0], "w") as file:
        file.write(open(input[0]).read() + block.WORD)

rule program:
  input: "assets/data/block.txt"
  output: "assets/data/program.txt"
  shell: "python program.py {{input}} {{output}}"
""".replace("rule script", "rule all:\n  input: 'assets/data/program.txt'\n\nrule script", 1)
SCRIPT = """
with open(snakemake.output[0], "w") as file:
    file.write('word' + open(snakemake.input[0]).read() + snakemake.params.word)
"""
PROGRAM = """
import sys
with open(sys.argv[2], "w") as file:
    file.write(open(sys.argv[1]).read() + 'word')
"""


def test_settings_that_a_step_reads_decide_all_the_same(tmp_path: Path) -> None:
    """A step reads `config.yaml` itself: another value there reaches the commands of others."""
    project = tmp_path / "project"
    random_steps.write(project, random_steps.Drawn(OF_SETTINGS))
    settings = project / SCRIPTS / "config.yaml"
    for value in ("1", "2"):
        settings.write_text(f"value: {value}\n")
        random_steps.in_a_fork(project, random_steps.build)
        folder = project / GENERATED / "assets/data"
        assert (folder / "value.txt").read_text() == f"{value}\n"
        assert (folder / "copy.txt").read_text() == f"value: {value}\n"


OF_SETTINGS = f"""
rule all:
  input: "assets/data/value.txt", "assets/data/copy.txt"

rule value:
  output: "assets/data/value.txt"
  params: value=config["value"]
  shell: "echo {{params.value}} > {{output}}"

rule copy:
  input: "../../{SCRIPTS}/config.yaml"
  output: "assets/data/copy.txt"
  shell: "cat {{input}} > {{output}}"
"""


@pytest.mark.parametrize(("count", "noise", "is_read"), [("2", "x", False), ("3", "", True)])
def test_a_checkpoint_that_decides_the_same_needs_no_snakemake(
    tmp_path: Path, count: str, noise: str, is_read: bool
) -> None:
    """The Snakefile is read again where a checkpoint decides something else, and only there."""
    project = tmp_path / "project"
    random_steps.write(project, random_steps.Drawn(DECIDING, inputs=["in1.txt", "in2.txt"]))
    (project / SCRIPTS / "in1.txt").write_text("2")
    random_steps.in_a_fork(project, random_steps.build)
    total = project / GENERATED / "assets/data/total.txt"
    assert total.read_text() == "part 1\npart 2\nin2.txt 1\n"
    (project / SCRIPTS / "in1.txt").write_text(f"{count}\n{noise}")
    (project / SCRIPTS / "in2.txt").write_text("new\n")
    said = _built(project)
    assert said.endswith(f"\n{is_read}\n")
    parts = "".join(f"part {number + 1}\n" for number in range(int(count)))
    assert total.read_text() == f"{parts}new\n"
    assert _built(project) == "up to date\nFalse\n"


DECIDING = f"""
def parts(wildcards):
    folder = checkpoints.split.get().output[0]
    names = glob_wildcards(os.path.join(folder, "{{i}}.txt")).i
    return sorted(f"assets/data/part/{{i}}.txt" for i in names)

rule all:
  input: "assets/data/total.txt"

checkpoint split:
  input: "../../{SCRIPTS}/in1.txt"
  output: directory("assets/data/split")
  shell:
    "mkdir {{output}}; for i in $(seq $(head -n 1 {{input}}));"
    " do echo $i > {{output}}/$i.txt; done"

rule part:
  input: "assets/data/split/{{i}}.txt"
  output: "assets/data/part/{{i}}.txt"
  shell: "echo part $(cat {{input}}) > {{output}}"

rule total:
  input: parts, "../../{SCRIPTS}/in2.txt"
  output: "assets/data/total.txt"
  shell: "cat {{input}} > {{output}}"
"""


def _built(project: Path) -> str:
    """Build in a process of its own; return what it says, and whether it imported Snakemake."""
    command = [sys.executable, "-c", BUILD]
    env = os.environ | {"LABFLAKE_PROJECT": str(project)}
    done = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True)
    return done.stdout


SNAKEFILE = f"""
rule all:
  input: "assets/data/b.txt", "assets/data/other.txt"

rule a:
  input: "../../{SCRIPTS}/in1.txt"
  output: "assets/data/a.txt"
  shell: "grep -v bad {{input}} > {{output}}"

rule b:
  input: "assets/data/a.txt"
  output: "assets/data/b.txt"
  shell: "cat {{input}} > {{output}}"

rule other:
  output: "assets/data/other.txt"
  shell: "echo 1 > {{output}}"
"""
BUILD = """
import sys
from labflake.commands import build
build.main([])
print("snakemake.workflow" in sys.modules, flush=True)
"""


def test_a_function_is_asked_when_its_step_starts(tmp_path: Path) -> None:
    """What a function of `params:` finds is what there is when the step starts, also at first."""
    drawn = random_steps.Drawn(OF_A_FUNCTION, ["assets/data/b.txt"], ["in1.txt"], [])
    project = random_steps.write(tmp_path / "project", drawn)
    random_steps.in_a_fork(project, random_steps.build)
    assert (project / GENERATED / "assets/data/b.txt").read_text() == "True\n"


OF_A_FUNCTION = (
    SNAKEFILE
    + """
ruleorder: c > b

rule c:
  input: "assets/data/a.txt"
  output: "assets/data/b.txt"
  params: there=lambda wildcards: os.path.exists("assets/data/a.txt")
  shell: "echo {params.there} > {output}"
"""
)


def test_a_folder_is_removed_beside_all_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is done with is out of the way at once, and gone in the end."""
    monkeypatch.chdir(tmp_path)
    removal, folder = Removal(), Path("one")
    for _ in range(20):
        (folder / "two").mkdir(parents=True)
        (folder / "two" / "file").touch()
        removal.take(folder)
        assert not folder.exists()
    monkeypatch.chdir("/")
    removal.wait()
    assert [*tmp_path.iterdir()] == []


def test_data_is_read_once(tmp_path: Path) -> None:
    """With nothing cached, a build opens each data file once to read it: its hash is handed on."""
    drawn = random_steps.Drawn(OF_DATA, ["assets/data/size.txt"], [], [])
    project = random_steps.write(tmp_path / "project", drawn)
    places = {"raw.csv": "file", "many/one.csv": "folder", "many/two.csv": "folder"}
    for name in places:
        (project / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        (project / "source" / name).write_text(name)
    (project / SCRIPTS / "config.yaml").write_text(CONFIG.format(source=project / "source"))
    opened = random_steps.in_a_fork(project, _build_and_list_what_is_opened)
    folder = project / GENERATED / "assets/data"
    assert [opened.count(f"opened {folder / name}\n") for name in places] == [1, 1, 1]


OF_DATA = """
from labflake import data
rule size:
  input: data("raw.csv"), data("many")
  output: "assets/data/size.txt"
  shell: "cat {input[0]} {input[1]}/* | wc -c > {output}"
"""
CONFIG = """
data:
  raw.csv: {{file: {source}/raw.csv}}
  many: {{folder: {source}/many}}
"""


def _build_and_list_what_is_opened() -> None:
    """Build, and say what this process opened to read it."""
    opened = []

    def see(event: str, given: tuple) -> None:
        if event == "open" and not (isinstance(given[2], int) and given[2] & os.O_WRONLY):
            opened.append(given[0])

    sys.addaudithook(see)
    random_steps.build()
    for path in opened:
        print("opened", os.fsdecode(path) if isinstance(path, str | bytes) else path)
