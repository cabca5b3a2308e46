"""Results belong to the packages that a step can see, and to no others."""

import subprocess
import sys
from pathlib import Path

import building
import pytest
import software

from labflake.io import formats
from labflake.processes import determinism
from labflake.programs import installed, packages, pins, undeclared
from labflake.programs.pins import Asked
from labflake.project.experiments import Experiment

QUIET = "2026-03-01-Quiet"
PYPROJECT = """
[project]
dependencies = ["labflake", "alpha>=1", "numpy", "pandas", "skops"]

[tool.labflake]
[tool.poetry.group.dev.dependencies]
tool = "1"

[tool.poetry.group.more]
optional = true
[tool.poetry.group.more.dependencies]
extra = "1"
"""


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project with a few packages that have no code."""
    there = tmp_path / ".venv/lib/python3.12/site-packages"
    software.distribution(there, "alpha", requires=("beta[fast]", 'gone; python_version < "3"'))
    software.distribution(there, "beta", requires=('quick; extra == "fast"', 'extra; extra == "x"'))
    for name in ("quick", "extra", "gone", "numpy", "pandas", "skops", "snakemake"):
        software.distribution(there, name)
    software.distribution(there, "labflake", requires=("numpy", "snakemake"))
    software.distribution(there, "plugin", registers="alpha.backends", requires=("tool",))
    software.distribution(there, "other", registers="alphabet")
    software.distribution(there, "tool", files=("../../../bin/tool", "tool/__init__.py"))
    for part in ("one", "two"):
        software.distribution(there, f"wide-{part}", files=(f"wide/{part}/__init__.py",))
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "src").mkdir()
    (tmp_path / "scripts/e").mkdir(parents=True)
    monkeypatch.setenv("LABFLAKE_PROJECT", str(tmp_path))
    return tmp_path


def seen(*modules: str, everything: bool = False) -> set[str]:
    return {*pins.of(Asked(frozenset(modules), everything=everything))}


def test_what_a_package_requires_is_seen(small: Path) -> None:
    """What is required here counts, with the extras that are asked for; no others do."""
    assert seen("beta.part") == {"beta"}
    assert seen("alpha") >= {"alpha", "beta", "quick"}
    assert not seen("alpha") & {"extra", "gone", "numpy"}


def test_plugins_are_seen(small: Path) -> None:
    """What registers entry points for a package that is seen counts, with what it requires."""
    assert seen("alpha") == {"alpha", "beta", "quick", "plugin", "tool"}


def test_parts_of_a_common_name_are_apart(small: Path) -> None:
    """Of packages with a common first name, those count that are imported."""
    assert seen("wide.one.x") == {"wide-one"}
    assert seen("wide") == {"wide-one", "wide-two"}


def test_labflake_counts_as_what_it_reads_and_writes_with(small: Path) -> None:
    """Load and save stand for NumPy, pandas and skops; labflake and its tools are in no key."""
    assert seen("labflake.load") == {"numpy", "pandas", "skops"}


def test_everything_is_what_the_project_asks_for(small: Path) -> None:
    """Where imports cannot be followed all counts but tools, labflake and what only that needs."""
    every = {"alpha", "beta", "quick", "plugin", "tool", "numpy", "pandas", "skops", "extra"}
    assert seen(everything=True) == every


def test_a_pin_names_the_file_that_is_installed(tmp_path: Path) -> None:
    """A further file of the lock changes no pin, another file for this machine does."""
    software.distribution(tmp_path, "alpha")
    ours, other = {"file": "alpha-1.0-py3-none-any.whl", "hash": "a"}, {"file": "alpha-1.0.tar.gz"}
    lock = {"name": "Alpha", "version": "1.0", "files": [ours]}
    first = installed.read([tmp_path], [lock])["alpha"]["pin"]
    more = lock | {"files": [ours, other | {"hash": "b"}]}
    assert installed.read([tmp_path], [more])["alpha"]["pin"] == first
    changed = lock | {"files": [ours | {"hash": "c"}]}
    assert installed.read([tmp_path], [changed])["alpha"]["pin"] != first


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"a": "1 x", "b": "2"}, ""),
        ({"a": "2 x", "b": "2"}, "a 1 → 2"),
        ({"a": "1 y", "b": "2"}, "a 1 (from another file)"),
        ({"a": "1 x", "b": "2", "c": "3 z"}, "c 3 (new)"),
        ({"b": "3"}, "a 1 (removed) and 1 more"),
    ],
)
def test_what_differs_is_named(now: dict[str, str], said: str) -> None:
    """The difference of two sets of pins names the package, and both versions."""
    assert pins.difference({"a": "1 x", "b": "2"}, now) == said


PROGRAMS = {
    "plain.py": "import alpha\n",
    "open.py": "import importlib\nimportlib.import_module(input())\n",
    "fit.R": "print(1)\n",
    "run.sh": "python ../../scripts/e/plain.py\ntool x\n",
    "table.csv": "a\n1\n",
}
EVERYTHING = Asked(everything=True)
COMMANDS = {
    "awk '{print $1}' a > b": Asked(),
    "python ../../scripts/e/plain.py": Asked(frozenset({"alpha"})),
    "python ../../scripts/e/plain.py ../../scripts/e/table.csv": Asked(frozenset({"alpha"})),
    "python ../../scripts/e/open.py": EVERYTHING,
    "python -c 'import alpha'": EVERYTHING,
    "python -m alpha x": EVERYTHING,
    "python - < a": EVERYTHING,
    "Rscript ../../scripts/e/fit.R": EVERYTHING,
    "tool a > b": Asked(packages=frozenset({"tool"})),
    "sort a | .venv/bin/tool > b": Asked(packages=frozenset({"tool"})),
    "bash ../../scripts/e/run.sh": Asked(frozenset({"alpha"}), frozenset({"tool"})),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_command_asks_for(command: str, small: Path) -> None:
    """A command asks for what its programs import; for all, where that cannot be followed."""
    for name, text in PROGRAMS.items():
        (small / "scripts/e" / name).write_text(text)
    inputs = [f"../../scripts/e/{name}" for name in PROGRAMS if f"/{name}" in command]
    inputs += ["../../scripts/e/plain.py"] if "run.sh" in command else []
    generated = str(small / "generated/e")
    assert packages.asked(command, inputs, generated) == COMMANDS[command]
    assert packages.asked(command, inputs, generated, "docker://x") == Asked()


@pytest.fixture(scope="module")
def owned(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the built project with an environment that can be changed; tests change it further."""
    project = building.copy(built, tmp_path_factory.mktemp("owned") / "p")
    return software.own(project)


def newer_labflake(project: Path) -> None:
    """Change a comment in each module of labflake, and its version."""
    for path in (software.site(project) / "labflake").rglob("*.py"):
        software.replace(path, path.read_text(encoding="utf-8") + "# newer\n")
    software.newer(project, "labflake", "99.0")


def comment(project: Path) -> None:
    lock = project / "poetry.lock"
    lock.write_text("# a comment\n" + lock.read_text(encoding="utf-8"), encoding="utf-8")
    software.settled(project)


CHANGES = {
    "a newer labflake": newer_labflake,
    "a newer tool": lambda project: software.newer(project, "ruff", "99.0"),
    "a comment in the lock": comment,
    "a tool that a package looks for": lambda project: software.arrives(
        project, "rich", "1.0", "dev"
    ),
    "an optional group": lambda project: software.arrives(project, "s3fs", "2030.1", "s3"),
    "a package that nothing sees": lambda project: software.arrives(project, "unseen", "1.0"),
}


@pytest.mark.long
@pytest.mark.parametrize("change", CHANGES)
def test_what_no_step_sees_runs_nothing(change: str, owned: Path) -> None:
    """Software that no step can see leaves all as it is, documents too."""
    before = building.artifacts(owned)
    CHANGES[change](owned)
    planned = building.made(owned, "plan")
    assert "0 to run, 0 from the cache" in planned
    assert "PENDING" not in planned
    assert building.made(owned).splitlines()[-1] == "up to date"
    assert building.artifacts(owned) == before


def test_a_package_that_pandas_looked_for_arrives(owned: Path) -> None:
    """When pyarrow arrives, all that uses pandas is pending, and the plan says why."""
    software.arrives(owned, "pyarrow", "99.0", "database")
    planned = building.made(owned, "plan")
    assert "pyarrow 99.0 (new)" in planned
    assert "15 to run" in planned


@pytest.mark.long
def test_a_newer_package_runs_all_that_sees_it(owned: Path) -> None:
    """A newer NumPy makes all pending that can see it, and the plan says from which to which."""
    old = software.version(owned, "numpy")
    software.newer(owned, "numpy", "99.0")
    planned = building.made(owned, "plan")
    assert f"numpy {old} → 99.0" in planned
    assert "15 to run" in planned


def test_steps_that_see_all_or_nothing(owned: Path) -> None:
    """A package that arrives concerns steps whose imports nobody can follow, and no others."""
    building.experiment(
        owned,
        QUIET,
        Snakefile="""
            from labflake import code, step

            rule all:
                input: "assets/data/awk.txt", "assets/data/open.txt", "assets/data/late.txt"

            rule awk:
                output: "assets/data/awk.txt"
                shell: step("awk 'BEGIN {{print 1}}' > {output}")

            rule open:
                output: "assets/data/open.txt"
                shell: step("python -c 'print(1)' > {output}")

            rule late:
                input: code("late.py")
                output: "assets/data/late.txt"
                shell: step("python {input} > {output}")
        """,
        config_yaml="seed: 1\n",
        late_py="""
            try:
                getattr(__builtins__, "__import__")("somewhat")
            except ImportError:
                print(1)
        """,
    )
    building.made(owned, EXPERIMENT=QUIET)
    facts = owned / "pyproject.toml"
    text = facts.read_text(encoding="utf-8")
    facts.write_text(text.replace('"labflake",', '"labflake", "asked",'), encoding="utf-8")
    software.arrives(owned, "asked", "1.0")
    software.arrives(owned, "somewhat", "2.0")
    planned = building.made(owned, "plan", EXPERIMENT=QUIET)
    states = {line.split()[0]: line.split(maxsplit=1)[1] for line in planned.splitlines()[1:4]}
    assert states == {
        "awk": "COMPLETE",
        "open": "PENDING: asked 1.0 (new)",
        "late": "PENDING: somewhat 2.0 (new)",
    }


SAVED = """
import sys
from hashlib import sha256
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.linear_model import LinearRegression

from labflake import load, save

table = pd.DataFrame({"a": [0.1, 2e-9, None], "b": ["x", "ü\\n", ""], "c": [1, 2, 3]})
figure = Figure(figsize=(2, 1))
figure.subplots().plot([0, 1], [1, 0])
values = {
    "csv": table,
    "json": {"b": [1, 2.5, np.float64(0.1)], "a": "ü"},
    "npy": np.arange(6.0).reshape(2, 3),
    "npz": {"b": np.arange(3), "a": np.eye(2)},
    "svg": figure,
    "png": figure,
    "pdf": figure,
    "skops": LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]),
}
for name, value in values.items():
    print(name, sha256(save(value, f"./value.{name}").read_bytes()).hexdigest()[:16])
print("parquet", sha256(save(table, "./value.parquet").read_bytes()).hexdigest()[:16])
"""
# With the packages of the lock of this repository. If only these changed, write down what is
# printed; if labflake writes other bytes, `formats.FORMAT` has to be another number, too.
BYTES = {
    "csv": "cadfc9c4510403cb",
    "json": "11a2237e2a1ae328",
    "npy": "8cc97358caab5223",
    "npz": "26353dd370ec92fa",
    "svg": "1d11247952b20207",
    "png": "b93e9cb96897bc19",
    "pdf": "01398b1111070eb4",
    "skops": "b2fadd7a53f53a3f",
    "parquet": "213fbbdefa056d39",
}


@pytest.mark.long
def test_saved_values_have_the_bytes_of_their_format(small: Path) -> None:
    """What `save` writes has known bytes; if it has others, `formats.FORMAT` is another number."""
    done = subprocess.run(
        [sys.executable, "-c", SAVED],
        cwd=small,
        env=determinism.environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert dict(line.split() for line in done.stdout.splitlines()) == BYTES
    assert formats.FORMAT == 2


def test_imports_that_nobody_asked_for_are_named(small: Path) -> None:
    """A package that is there only through others, or as a tool, is named with its line."""
    (small / "scripts/e/fit.py").write_text("import os\nimport alpha\nfrom beta import x\n")
    (small / "src/model.py").write_text("import numpy\nimport labflake\n")
    lines = undeclared.lines(Experiment("e"))
    assert lines == [
        "scripts/e/fit.py:3: imports beta, which is there only because another package needs it:"
        " make add PACKAGE=beta"
    ]
