"""One name for one step; what is said is done; what a step wrote is what is kept."""

import os
import shutil
import subprocess
from pathlib import Path

import building
import pytest

NAME = "2024-05-01-Identity"
make = building.for_experiment(building.made, NAME)
refused = building.for_experiment(building.refused, NAME)
HEAD = "from labflake import code, data, step\n"
SITES = (
    HEAD
    + """
rule all:
    input: expand("assets/data/{site}/out.csv", site=["berlin", "paris", "rome"])

rule fit:
    output: "assets/data/{site}/out.csv"
    shell:
        step(
            "echo I am {wildcards.site}; test {wildcards.site} != FAILS;"
            " echo {wildcards.site} > {output}"
        )
"""
)


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Path:
    """Copy the project without what was generated."""
    return building.copy(built, tmp_path / "project", generated=False)


def write(project: Path, snakefile: str, name: str = NAME, **files: str) -> Path:
    """Write the experiment of these tests; return its generated folder."""
    return building.experiment(project, name, Snakefile=snakefile, hashes_txt="", **files)


def one(output: str, command: str, more: str = "", rule: str = "") -> str:
    """Return a Snakefile with one step."""
    text = f"rule all:\n    input: 'o'\nrule a:\n    output: {output}\n{rule}"
    return f"{HEAD}{more}{text}    shell: step({command!r})\n"


# One name for one step


@pytest.mark.long
def test_sets_of_a_snakefile_have_one_order(project: Path) -> None:
    """What a Snakefile makes of a set is the same for everybody, however labflake is started."""
    names = '{"alpha", "beta", "gamma", "delta", "epsilon"}'
    text = one('"assets/data/out.txt"', "echo {params.names} > {output}")
    text = text.replace("'o'", "'assets/data/out.txt'")
    snakefile = text.replace("    shell:", f"    params: names=lambda w: list({names})\n    shell:")
    generated = write(project, snakefile)
    make(project, PYTHONHASHSEED="1")
    order = (generated / "assets/data/out.txt").read_text()
    for seed in ("2", "random"):
        write(project, f"{snakefile}# {seed}\n")
        assert "0 steps run" in make(project, PYTHONHASHSEED=seed)
    write(project, f"{snakefile}# by itself\n")
    command = [project / ".venv/bin/labflake", "plan"]
    env = building.variables(**building.where(project, NAME), PYTHONHASHSEED="4")
    done = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True)
    assert "0 to run" in done.stdout, done.stderr
    assert (generated / "assets/data/out.txt").read_text() == order


def test_steps_of_one_stem_are_told_apart(project: Path) -> None:
    """Outputs of one name in several folders are several steps: each has its row and its log."""
    generated = write(project, SITES)
    assert make(project, "plan").splitlines()[-1] == "3 to run, 0 from the cache, 0 complete"
    assert building.ran(make(project)) == ["fit:berlin", "fit:paris", "fit:rome"]
    logs = {path.read_text() for path in (generated / ".labflake" / "logs").iterdir()}
    assert logs == {"I am berlin\n", "I am paris\n", "I am rome\n"}


@pytest.mark.long
def test_failed_step_is_named_with_its_own_log(project: Path) -> None:
    """The failure of one variant shows what that one said, and the plan says what is left."""
    write(project, SITES.replace("FAILS", "paris"))
    said = refused(project, JOBS="3", KEEP_GOING="1")
    assert "step fit:paris failed" in said
    assert "I am paris" in said
    assert "I am rome" not in said
    assert make(project, "plan").splitlines()[-1] == "1 to run, 0 from the cache, 2 complete"


@pytest.mark.long
@pytest.mark.parametrize(
    "step",
    ["fit:paris", "assets/data/paris/out.csv", f"generated/{NAME}/assets/data/paris/out.csv"],
)
def test_one_variant_is_forgotten_by_its_name_or_file(project: Path, step: str) -> None:
    """`forget` and `redo` act on the variant that is named, and on no other."""
    generated = write(project, SITES)
    make(project)
    assert make(project, "forget", f"STEP={step}") == "forgotten: fit:paris\n"
    assert sorted(p.parent.name for p in generated.rglob("out.csv")) == ["berlin", "rome"]
    assert building.ran(make(project)) == ["fit:paris"]
    assert building.ran(make(project, "redo", f"STEP={step}")) == ["fit:paris"]


@pytest.mark.long
def test_values_cannot_imitate_each_other(project: Path) -> None:
    """Whatever wildcards hold, two steps have two names and two logs of at most 100 bytes."""
    pairs = [
        ("a,b", "c"),
        ("a", "b,c"),
        ("a b", "c"),
        ("a_b", "c"),
        (",".join(map(str, range(50))), "y"),
        ("a", ""),
        ("", "a"),
        ("", ""),
    ]
    text = f"""
PAIRS = {pairs!r}
rule all:
    input: ["+%s/+%s/o.txt" % pair for pair in PAIRS]
rule pair:
    output: "+{{one,.*}}/+{{two,[^/]*}}/o.txt"
    shell: step("echo {{wildcards.one}}+{{wildcards.two}}; touch {{output:q}}")
"""
    generated = write(project, HEAD + text)
    make(project)
    logs = {p.read_text().strip(): p.name for p in (generated / ".labflake" / "logs").iterdir()}
    assert sorted(logs) == sorted("+".join(pair) for pair in pairs)
    assert max(len(name.encode()) for name in logs.values()) <= 100
    rows = [line.split("  ")[0] for line in make(project, "plan").splitlines()[1:-1]]
    assert len(set(rows)) == len(pairs)
    assert not [row for row in rows if row.strip().endswith(",")]


@pytest.mark.long
def test_output_may_have_the_longest_name_that_the_disk_takes(project: Path) -> None:
    """A name of 251 bytes is a name."""
    name = ",".join(f"parameter{n}={n}" for n in range(30))[:251]
    text = f"rule all:\n    input: '{name}'\nrule a:\n    output: '{{x}}'\n"
    generated = write(project, f"{HEAD}{text}    shell: step('echo 1 > {{output}}')\n")
    make(project)
    assert (generated / name).read_text() == "1\n"
    assert make(project).splitlines()[-1] == "up to date"
    shutil.rmtree(generated)
    assert building.ran(make(project)) == []


def test_longest_name_in_any_script(project: Path) -> None:
    """`save` writes a name of 251 bytes, of letters that take two each."""
    name = "é" * 123 + ".json"
    program = "import sys\nfrom labflake import save\nsave({'a': 1}, sys.argv[1])\n"
    text = f"""
rule all:
    input: "{name}"
rule a:
    input: code=code("p.py")
    output: "{name}"
    shell: step("python {{input.code[0]}} ./{{output}}")
"""
    generated = write(project, HEAD + text, p_py=program)
    make(project)
    assert '"a": 1' in (generated / name).read_text()


@pytest.mark.long
def test_copy_of_an_experiment_computes_nothing(project: Path) -> None:
    """A copied or renamed experiment has other paths and the same content."""
    text = "rule all:\n    input: 'o'\nrule a:\n    input: code=code('p.py')\n    output: 'o'\n"
    write(
        project,
        f"{HEAD}{text}    shell: step('python -S {{input.code[0]}} > {{output}}')\n",
        p_py="print(1)\n",
    )
    assert building.ran(make(project)) == ["a"]
    other = "2024-05-02-Copy"
    shutil.copytree(project / "scripts" / NAME, project / "scripts" / other)
    assert building.ran(make(project, EXPERIMENT=other)) == []
    assert (project / "generated" / other / "o").read_text() == "1\n"


@pytest.mark.long
def test_notes_of_an_experiment_say_nothing_of_its_copy(project: Path) -> None:
    """Whoever copies the results, too, gets those of the copy, and not what the original says."""
    rules = one("'o'", "cat in.txt > {output}")
    write(project, rules, in_txt="1\n")
    make(project)
    other = "2024-05-02-Copy"
    write(project, rules, name=other, in_txt="2\n")
    shutil.copytree(project / "generated" / NAME, project / "generated" / other, symlinks=True)
    make(project, EXPERIMENT=other)
    assert (project / "generated" / other / "o").read_text() == "2\n"
    assert make(project, EXPERIMENT=other).endswith("up to date\n")


@pytest.mark.long
def test_name_in_a_command_is_part_of_the_command(project: Path) -> None:
    """A command that itself says the name of its experiment is another command in a copy."""
    other = "2024-05-02-Copy"
    for name in (NAME, other):
        write(project, one("'o'", f"echo {name} > {{output}}"), name=name)
    make(project)
    assert building.ran(make(project, EXPERIMENT=other)) == ["a"]


# Snakemake's language: each word does what its documentation says; the rest: test_snakemake.py


def test_touch_makes_the_flag(project: Path) -> None:
    """`touch()` makes an empty file where the command makes none."""
    generated = write(project, one("touch('o')", "true"))
    make(project)
    assert (generated / "o").read_bytes() == b""
    assert make(project).splitlines()[-1] == "up to date"


ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # sha256 of "abc"


@pytest.mark.long
@pytest.mark.parametrize(
    ("promise", "good", "bad"),
    [
        ("non_empty=True", "abc", ""),
        (f"sha256='{ABC}'", "abc", "abd"),
        ("md5=lambda w: '900150983cd24fb0d6963f7d28e17f72'", "abc", ""),
    ],
)
def test_ensure_is_enforced(project: Path, promise: str, good: str, bad: str) -> None:
    """What `ensure()` says holds for every result: of a command, of the cache, or already there."""
    generated = write(project, one("'o'", f"printf '{bad}' > {{output}}"))
    make(project)
    ensured = f"ensure('o', {promise})"
    write(project, one(ensured, f"printf '{bad}' > {{output}}"))
    assert "`ensure()` says" in refused(project)
    shutil.rmtree(generated)
    assert "`ensure()` says" in refused(project)
    assert "`ensure()` says" in refused(project, CACHE="off")
    assert not (generated / "o").exists()
    write(project, one(ensured, f"printf '{good}' > {{output}}"))
    make(project)
    assert (generated / "o").read_text() == good


def test_plain_shell_is_a_step(project: Path) -> None:
    """Where `step()` was left out, content decides all the same."""
    text = (
        "rule all:\n    input: 'o'\nrule a:\n    output: 'o'\n    shell: 'echo {rule} > {output}'\n"
    )
    generated = write(project, HEAD + text)
    assert building.ran(make(project)) == ["a"]
    for harm in (Path.unlink, lambda path: path.write_text("by hand")):
        harm(generated / "o")
        assert building.ran(make(project)) == []
        assert (generated / "o").read_text() == "a\n"


@pytest.mark.long
def test_handlers_run(project: Path) -> None:
    """`onstart`, `onsuccess` and `onerror` are called when their moment comes."""
    kinds = ("onstart", "onsuccess", "onerror")
    handlers = "".join(f"{kind}:\n    open('{kind}', 'w').close()\n" for kind in kinds)
    generated = write(project, one("'o'", "echo > {output}", more=handlers))
    make(project)
    assert [kind for kind in kinds if (generated / kind).exists()] == ["onstart", "onsuccess"]
    write(project, one("'o'", "false", more=handlers))
    refused(project)
    assert (generated / "onerror").exists()


MANY = (
    HEAD
    + """
include: "more.smk"
module other:
    snakefile: "other.smk"
use rule * from other as other_*
localrules: a
scattergather:
    split=2
rule all:
    default_target: True
    input: "more.txt", "module.txt", multiext("a", ".x", ".y"), "b.txt", "g.txt", "u.txt"
rule a:
    output: multiext("a", ".x", ".y")
    message: "hello"
    priority: 5
    group: "g"
    shell: step("echo 1 > {output[0]}; echo 2 > {output[1]}")
rule b:
    input: unpack(lambda wildcards: {"x": "a.x", "y": "a.y"})
    output: report("b.txt", category="x")
    params: p=lambda wildcards, input: len(input)
    threads: 2
    retries: 1
    resources: mem_mb=100, runtime=3
    shell: step("cat {input.x} {input.y} > {output}; echo {params.p} {threads} >> {output}")
use rule b as u with:
    output: "u.txt"
rule piece:
    output: "s-{scatteritem}.txt"
    shell: step("echo {wildcards.scatteritem} > {output}")
rule g:
    input: gather.split("s-{scatteritem}.txt")
    output: "g.txt"
    shell: step("cat {input} > {output}")
"""
)
MORE = """
rule more:
    output: "more.txt"
    log: "logs/more.log"
    shell: "echo log > {log}; echo more > {output}"
"""
OTHER = "rule m:\n    output: 'module.txt'\n    shell: 'echo module > {output}'\n"


@pytest.mark.long
def test_rest_of_the_language_works(project: Path) -> None:
    """Modules, includes, inheritance, groups, scattered steps: all are steps as any other."""
    generated = write(project, MANY, more_smk=MORE, other_smk=OTHER)
    steps = ["a", "b", "g", "more", "other_m", "piece:1-of-2", "piece:2-of-2", "u"]
    assert building.ran(make(project)) == steps
    texts = {path.name: path.read_text().split() for path in generated.glob("*.txt")}
    assert texts["b.txt"] == texts["u.txt"] == ["1", "2", "2", "2"]
    assert texts["g.txt"] == ["1-of-2", "2-of-2"]
    assert (texts["more.txt"], texts["module.txt"]) == (["more"], ["module"])
    assert make(project).splitlines()[-1] == "up to date"
    (generated / "module.txt").unlink()
    assert building.ran(make(project)) == []
    assert (generated / "module.txt").exists()


@pytest.mark.parametrize(
    ("output", "command", "says"),
    [
        ("'o'", "mkdir {output}", "is a folder: write `directory(…)`"),
        ("directory('o')", "touch {output}", "is a file: take `directory()` away"),
    ],
)
def test_folder_is_declared_as_one(project: Path, output: str, command: str, says: str) -> None:
    """A result is a file or a folder, as the rule says."""
    write(project, one(output, command))
    assert says in refused(project)


# What a step wrote


@pytest.mark.long
@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("mkfifo {output}", "its output o is a named pipe"),
        ("ln -s /no/such/place {output}", "leads nowhere"),
        ("ln -s o {output}", "leads nowhere"),
        ("mkdir {output}; mkfifo {output}/p", "p is a named pipe"),
        ("mkdir {output}; ln -s . {output}/a; ln -s . {output}/b", "circle"),
        (
            "mkdir -p {output}/a {output}/b; ln -s ../a {output}/b/x; ln -s ../b {output}/a/x",
            "circle",
        ),
        ("mkdir {output}; ln -s .. {output}/a", "circle"),
        ("mkdir {output}; ln -s / {output}/a", "circle"),
        ("mkdir {output}; ln -s nowhere {output}/a", "a is a link that leads nowhere"),
        (
            "mkdir {output}; python -S -c 'import _socket as s; s.socket(1).bind(\"{output}/s\")'",
            "s is a socket",
        ),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(project: Path, command: str, says: str) -> None:
    """Pipes, sockets and links without an end are no results; the build ends and says which."""
    folder = "mkdir" in command
    generated = write(project, one("directory('o')" if folder else "'o'", command))
    done = building.make(project, **building.where(project, NAME))
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not (generated / "o").exists()


@pytest.mark.long
def test_link_out_of_an_output_becomes_what_it_leads_to(project: Path, tmp_path: Path) -> None:
    """Nothing outside is touched through it, and the result is the same from the cache."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.txt").write_text("x")
    before = (outside / "x.txt").stat()
    lines = [f"ln -s {outside} {{output}}/all", f"ln -s {outside}/x.txt {{output}}/x"]
    lines += ["echo 1 > {output}/own", "ln -s $PWD/{output}/own {output}/mine"]
    generated = write(project, one("directory('o')", "; ".join(["mkdir {output}", *lines])))
    make(project)
    first = tree(generated / "o")
    assert first == {"all/x.txt": "x", "x": "x", "own": "1\n", "mine": "-> own"}
    shutil.rmtree(generated)
    assert building.ran(make(project)) == []
    assert tree(generated / "o") == first
    after = (outside / "x.txt").stat()
    assert (after.st_mtime_ns, after.st_ctime_ns) == (before.st_mtime_ns, before.st_ctime_ns)


@pytest.mark.long
def test_what_takes_the_place_of_a_result_is_replaced(project: Path, tmp_path: Path) -> None:
    """A link, wherever it leads, is no result: it goes, and what it leads to stays."""
    text = "rule all:\n    input: 'o', 'd'\nrule a:\n    output: 'o', directory('d')\n"
    command = "    shell: step('echo 1 > {output[0]}; mkdir {output[1]}; echo 2 > {output[1]}/x')\n"
    generated = write(project, HEAD + text + command)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "file").write_text("precious")
    make(project)
    for name, end in [("o", "nowhere"), ("o", "own/file"), ("d", "nowhere"), ("d", "own")]:
        path = generated / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        path.symlink_to(tmp_path / end)
        assert building.ran(make(project)) == []
        assert tree(generated / "d") == {"x": "2\n"}
        assert ((generated / "o").read_text(), (generated / name).is_symlink()) == ("1\n", False)
    assert tree(tmp_path / "own") == {"file": "precious"}


def test_pipe_in_the_place_of_a_result_is_named(project: Path) -> None:
    """A named pipe would be waited for for ever."""
    generated = write(project, one("'o'", "echo > {output}"))
    make(project)
    (generated / "o").unlink()
    os.mkfifo(generated / "o")
    assert "o is neither a file nor a folder" in refused(project)


def tree(folder: Path) -> dict[str, str]:
    """Return what is in a folder: the text of files, and where links lead."""
    paths = [path for path in folder.rglob("*") if path.is_symlink() or path.is_file()]
    return {
        path.relative_to(folder).as_posix(): f"-> {path.readlink()}"
        if path.is_symlink()
        else path.read_text()
        for path in paths
    }
