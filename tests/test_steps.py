"""Steps: dynamic ones, sweeps, the plan, redoing and forgetting."""

import json
import re
import shutil
from pathlib import Path

import building
import pytest

NAME = "2024-03-01-Steps"
make = building.for_experiment(building.made, NAME)
DYNAMIC = """
    import json
    from labflake import step

    def parts(wildcards):
        with checkpoints.split.get().output[0].open() as file:
            return expand("assets/data/part-{n}.txt", n=json.load(file))

    rule all:
        input: "assets/data/sum.txt",

    checkpoint split:
        output: "assets/data/parts.json",
        params: parts=config["count"],
        shell: step("seq {params.parts} | paste -sd, | sed 's/.*/[&]/' > {output}")

    rule part:
        output: "assets/data/part-{n}.txt",
        shell: step("expr {wildcards.n} '*' {wildcards.n} > {output}")

    rule gather:
        input: parts,
        output: "assets/data/sum.txt",
        shell: step("cat {input} | awk '{{s += $1}} END {{print s}}' > {output}")
"""
RULE = "from labflake import step\nrule a:\n  output: 'assets/data/x.txt'\n"
SWEEP = """
    from labflake import code, step

    rule all:
        input: expand("assets/data/results.alpha={alpha},seed={seed}.csv", **config["sweep"]),

    rule results:
        input: code=code("fit.awk"),
        output: "assets/data/results.alpha={alpha},seed={seed}.csv",
        shell:
            step(
                "awk -f {input.code[0]} -v alpha={wildcards.alpha}"
                " -v seed={wildcards.seed} > {output}"
            )
"""
CHAIN = """
    from labflake import step

    rule all:
        input: "assets/data/d.txt", "assets/data/side.txt",

    rule a:
        output: "assets/data/a.txt",
        params: seed=config["seed"],
        shell: step("echo {params.seed} > {output}")

    rule b:
        input: "assets/data/a.txt",
        output: "assets/data/b.txt",
        shell: step("cat {input} > {output}")

    rule d:
        input: "assets/data/b.txt",
        output: "assets/data/d.txt",
        shell: step("cat {input} > {output}")

    rule side:
        output: "assets/data/side.txt",
        shell: step("echo side > {output}")
"""


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Path:
    """Copy the project without what was generated."""
    return building.copy(built, tmp_path / "project", generated=False)


def files(project: Path) -> dict[str, str]:
    """Read the data files of the experiment."""
    folder = project / "generated" / NAME / "assets" / "data"
    return {p.name: p.read_text(encoding="utf-8").strip() for p in sorted(folder.glob("*"))}


@pytest.fixture
def chain(project: Path) -> Path:
    """Give the project four steps: a, b and d in a row, and one beside them; built once."""
    building.experiment(project, NAME, Snakefile=CHAIN, config_yaml="seed: 3\n")
    make(project)
    return project


@pytest.mark.long
def test_number_of_steps_follows_from_an_earlier_step(project: Path) -> None:
    """Dynamic steps grow and shrink with what an earlier step found, and leave nothing over."""
    building.experiment(project, NAME, Snakefile=DYNAMIC, config_yaml="count: 3\n")
    make(project)
    assert files(project)["sum.txt"] == "14"
    config = project / "scripts" / NAME / "config.yaml"
    config.write_text("count: 4\n", encoding="utf-8")
    ran = building.ran(make(project))
    assert ran == ["gather", "part:4", "split"]
    assert files(project)["sum.txt"] == "30"
    config.write_text("count: 2\n", encoding="utf-8")
    make(project)
    found = files(project)
    assert found["sum.txt"] == "5"
    assert sorted(found) == ["part-1.txt", "part-2.txt", "parts.json", "sum.txt"]


@pytest.mark.long
def test_sweep_reruns_only_new_variants_and_loads_as_one_frame(project: Path) -> None:
    """Each variant has a readable file of its own; `load_all` joins them with their parameters."""
    folder = building.experiment(
        project,
        NAME,
        Snakefile=SWEEP,
        config_yaml="sweep: {alpha: [0.1, 0.5], seed: [1, 2]}\n",
        fit_awk='BEGIN { print "score"; print alpha * seed }\n',
    )
    make(project)
    config = project / "scripts" / NAME / "config.yaml"
    config.write_text("sweep: {alpha: [0.1, 0.5, 0.9], seed: [1]}\n", encoding="utf-8")
    assert building.ran(make(project)) == ["results:0.9,1"]
    code = "from labflake import load_all; print(load_all('results').to_json(orient='records'))"
    printed = building.run_python(project, code, folder)
    rows = [(r["alpha"], r["seed"], r["score"]) for r in json.loads(printed)]
    assert rows == [(0.1, 1, 0.1), (0.5, 1, 0.5), (0.9, 1, 0.9)]


@pytest.mark.long
def test_seed_on_the_command_line_wins_and_goes_back_for_free(chain: Path) -> None:
    """SEED=7 overrides config.yaml for one build; without it the old results return."""
    assert building.ran(make(chain, SEED="7")) == ["a", "b", "d"]
    assert files(chain)["d.txt"] == "7"
    assert building.ran(make(chain)) == []
    assert files(chain)["d.txt"] == "3"


def test_plan_says_what_is_complete(chain: Path) -> None:
    """After a build every step is complete."""
    assert make(chain, "plan").splitlines()[-1] == "0 to run, 0 from the cache, 4 complete"


def test_plan_says_why_a_step_is_pending(chain: Path) -> None:
    """A new parameter is named as the reason; what follows waits."""
    printed = make(chain, "plan", SEED="8")
    lines = printed.splitlines()
    assert any(" a " in f" {line} " and "command or parameters changed" in line for line in lines)
    assert any("follows a" in line for line in lines)
    assert files(chain)["d.txt"] == "3"


def test_plan_sees_the_cache(chain: Path) -> None:
    """What the cache holds is shown as such before it is restored."""
    make(chain, "clean")
    assert make(chain, "plan").splitlines()[-1] == "0 to run, 4 from the cache, 0 complete"


def test_redo_runs_a_step_and_all_that_follows(chain: Path) -> None:
    """The cache does not answer for a step that is done again."""
    assert building.ran(make(chain, "redo", "STEP=b")) == ["b", "d"]


def test_redo_only_runs_one_step(chain: Path) -> None:
    """ONLY=1 leaves what follows."""
    assert building.ran(make(chain, "redo", "STEP=b", "ONLY=1")) == ["b"]


def test_forget_makes_a_step_pending_again(chain: Path) -> None:
    """A forgotten result is gone here and in the cache; DOWN=1 takes what follows along."""
    make(chain, "forget", "STEP=b", "DOWN=1")
    assert sorted(files(chain)) == ["a.txt", "side.txt"]
    assert building.ran(make(chain)) == ["b", "d"]


def test_forget_reaches_the_cache_of_a_project_without_a_record(chain: Path) -> None:
    """What only the cache has, here a fresh clone's, is forgotten, too."""
    shutil.rmtree(chain / "generated" / NAME)
    make(chain, "forget", "STEP=side")
    assert building.ran(make(chain)) == ["side"]


def test_unknown_step_lists_close_names(chain: Path) -> None:
    """A misspelt step is an error that helps."""
    done = building.make(chain, "redo", "STEP=sid", EXPERIMENT=NAME)
    assert done.returncode == 2
    assert "there is no step 'sid'" in done.stderr
    assert "did you mean side?" in done.stderr


def test_independent_steps_finish_when_one_fails(chain: Path) -> None:
    """KEEP_GOING=1 builds what does not depend on the failure; the exit code stays an error."""
    snakefile = chain / "scripts" / NAME / "Snakefile"
    text = snakefile.read_text(encoding="utf-8")
    snakefile.write_text(text.replace('step("echo {params.seed}', 'step("exit 4; echo'), "utf-8")
    make(chain, "clean")
    done = building.make(chain, EXPERIMENT=NAME, KEEP_GOING="1", CACHE=str(chain.parent / "other"))
    assert done.returncode == 2
    assert list(files(chain)) == ["side.txt"]


def test_graph_is_an_svg_of_the_rules(chain: Path) -> None:
    """The graph names every rule."""
    make(chain, "graph")
    text = (chain / "generated" / NAME / "outputs" / "graph.svg").read_text(encoding="utf-8")
    assert [rule for rule in ("a", "b", "d", "side") if f">{rule}</text>" not in text] == []


@pytest.mark.long
@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("rule all:\n  input: 'nowhere.txt'\n", "nowhere.txt"),
        (
            "from labflake import code\nx = code('no.py')\n",
            "Snakefile:2: code('no.py'): there is no",
        ),
        ("from labflake import data\nx = data('no.csv')\n", "Snakefile:2: data('no.csv') is not"),
        ("rule a:\n  output 'x'\n", "Snakefile:2"),
        ("x = undefined\n", "Snakefile:1: NameError"),
        ("x = data('a.csv')\n", "\n  write above the first rule: from labflake import data"),
        ("rule a:\n    output: 'x'\n  shell: ''\n", "Snakefile:3: IndentationError"),
        ("x = config['nothing']\n", "Snakefile:1: KeyError"),
        (RULE + "  shell: step('echo {params.nope} > {output}')\n", "Snakefile:4: AttributeError"),
        (RULE + "  shell: step('echo {nope} > {output}')\n", "Snakefile:4: NameError"),
        (RULE + "  resources: mem_mb=lambda w: w.nope\n  shell: step('')\n", "no attribute 'nope'"),
        (RULE + "  shadow: 'minimal'\n  shell: step('touch {output}')\n", "rule a: `shadow:`"),
    ],
)
def test_broken_snakefile_is_an_error_without_traceback(
    project: Path, broken: str, says: str
) -> None:
    """A mistake in a Snakefile is named with its place."""
    building.experiment(project, NAME, Snakefile=broken)
    done = building.make(project, EXPERIMENT=NAME)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback (most" not in done.stderr


ALL = 'rule all:\n    input: "assets/data/a.txt"\n\n\n'


@pytest.mark.long
@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ('    input: "{x}.csv"\n    output: "assets/data/a.txt"\n', "Wildcards in input files"),
        ('    input: "assets/data/a.txt"\n    output: "assets/data/a.txt"\n', "Cyclic dependency"),
        ('    input: "assets/{f}_1.txt"\n    output: "assets/{f}.txt"\n', "periodically repeated"),
        ('    input: lambda w: w.nope\n    output: "assets/{n}/a.txt"\n', "no attribute 'nope'"),
    ],
)
def test_error_of_a_rule_has_the_line_that_was_written(
    project: Path, rules: str, says: str
) -> None:
    """What Snakemake finds wrong with a rule is told once, with a line of that rule."""
    building.experiment(project, NAME, Snakefile=f"{ALL}rule a:\n{rules}    shell: 'true'\n")
    done = building.make(project, EXPERIMENT=NAME)
    assert re.search(rf"Snakefile:[5-8]: .*{says}", done.stderr, re.S), done.stderr
    assert "(rule a, line" not in done.stderr
