"""Code that decides is followed: what Python would import, and every file that a text names."""

from pathlib import Path

import pytest

from labflake.programs import mentions, modules

PLUG = {"src/plug/__init__.py": "", "src/plug/mod.py": "VALUE = 1"}
FOLLOWED = {
    "import": "import plug.mod as m",
    "from package": "from plug import mod",
    "from module": "from plug.mod import VALUE",
    "import_module": "import importlib; importlib.import_module('plug.mod')",
    "import_module with a package": "import importlib; importlib.import_module('.mod', 'plug')",
    "import_module with a named package": (
        "from importlib import import_module\nimport_module('.mod', package='plug')"
    ),
    "import_module with a named name": "import importlib; importlib.import_module(name='plug.mod')",
    "import_module by another name": (
        "from importlib import import_module as im; print(im('plug.mod').VALUE)"
    ),
    "importlib by another name": "import importlib as i; i.import_module('plug.mod')",
    "__import__": "__import__('plug.mod', fromlist=['x'])",
    "builtins": "import builtins; builtins.__import__('plug.mod')",
    "runpy": "import runpy; runpy.run_module('plug.mod')",
    "in a function": "def f():\n    import plug.mod",
    "where it may be missing": "try:\n    import plug.mod\nexcept ImportError: pass",
    "by its path": "open('../../src/plug/mod.py')",
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project with one experiment, in whose generated folder steps run."""
    for module in (modules, mentions):
        monkeypatch.setattr(module, "root", lambda: tmp_path)
    for folder in ("scripts/E", "generated/E", "src"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "generated/E")
    return tmp_path


def write(root: Path, files: dict[str, str]) -> None:
    """Write files by their paths."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


def follow(root: Path, program: str, name: str = "p.py", **files: str) -> list[str]:
    """Return what is followed from a program, besides itself."""
    write(root, {f"scripts/E/{name}": program} | {k: v for k, v in files.items()})
    found = modules.programs(root / "scripts/E" / name, root / "generated/E")
    return [path.relative_to(root).as_posix() for path in found[1:]]


@pytest.mark.parametrize("how", FOLLOWED)
def test_import_is_followed(root: Path, how: str) -> None:
    """Whatever way a module is imported by name, it is found with its package."""
    write(root, PLUG)
    found = follow(root, FOLLOWED[how])
    assert "src/plug/mod.py" in found


def test_star_imports_what_the_package_lists(root: Path) -> None:
    """`from package import *` imports the modules of its `__all__`."""
    write(root, PLUG | {"src/plug/__init__.py": '__all__ = ["mod"]'})
    assert follow(root, "from plug import *") == ["src/plug/__init__.py", "src/plug/mod.py"]


def test_package_with_init_wins_over_a_bare_folder(root: Path) -> None:
    """Notes, or what git leaves of a moved package, hide no module: Python skips them, too."""
    write(root, PLUG | {"scripts/E/plug/notes.txt": "", "scripts/E/plug/__pycache__/mod.pyc": ""})
    assert "src/plug/mod.py" in follow(root, "import plug.mod")


def test_folders_without_init_are_joined(root: Path) -> None:
    """The parts of a package without `__init__.py` may lie in several places."""
    write(root, {"scripts/E/space/one.py": "", "src/space/two.py": ""})
    found = follow(root, "import space.one, space.two")
    assert found == ["scripts/E/space/one.py", "src/space/two.py"]


def test_module_beside_the_program_comes_first(root: Path) -> None:
    """What Python would not import is not followed."""
    write(root, PLUG | {"scripts/E/plug/__init__.py": "", "scripts/E/plug/mod.py": ""})
    assert follow(root, "import plug.mod") == [
        "scripts/E/plug/__init__.py",
        "scripts/E/plug/mod.py",
    ]


def test_relative_imports_are_followed(root: Path) -> None:
    """A module of a package is found from within it, also by `import_module`."""
    files = {"src/plug/__init__.py": "from .mod import VALUE", "src/plug/deep/__init__.py": ""}
    deep = "import importlib\nfrom .. import mod\nimportlib.import_module('.b', __package__)"
    write(root, PLUG | files | {"src/plug/deep/a.py": deep})
    assert "src/plug/mod.py" in follow(root, "from plug import VALUE")
    assert "src/plug/mod.py" in follow(root, "import plug.deep.a")


NAMED = {
    "source": ("p.sh", "source ../../scripts/E/other.sh", "other.sh"),
    "dot": ("p.sh", ". $(dirname $0)/other.sh || . ../../scripts/E/other.sh", "other.sh"),
    "bash": ("p.sh", "cd x; bash ../../scripts/E/other.sh --fast", "other.sh"),
    "R": ("p.R", 'source("other.R")', "other.R"),
    "R, from where steps run": ("p.R", "source('../../scripts/E/other.R')", "other.R"),
    "Julia": ("p.jl", 'include("other.jl")', "other.jl"),
    "awk": ("p.sh", "awk -f ../../scripts/E/other.awk", "other.awk"),
    "beside itself": ("p.sh", "source $(dirname $0)/other.sh", "other.sh"),
    "put together in R": ("p.R", 'source(file.path(here, "lib", "other.R"))', "lib/other.R"),
    "an option": ("p.sh", "fit --table=../../scripts/E/other.csv", "other.csv"),
    "a name with a blank": ("p.R", 'read.csv("an other.csv")', "an other.csv"),
    "a pattern": ("p.sh", "cat ../../scripts/E/parts/*.csv", "parts/o.csv"),
    "braces": ("p.sh", "cat ../../scripts/E/{other,another}.csv", "other.csv"),
    "numbers": ("p.sh", "cat ../../scripts/E/part-{1..3}.csv", "part-2.csv"),
    "a variable": ("p.sh", "for i in a b; do cat ../../scripts/E/$i.csv; done", "a.csv"),
    "a variable of a folder": ("p.sh", "cat ../../scripts/E/parts/$i", "parts/a"),
    "a folder": ("p.sh", "find ../../scripts/E/parts -type f", "parts/deep/a.csv"),
    "what is in a folder that a pattern names": (
        "p.sh",
        "ls ../../src/../scripts/E/p*/",
        "parts/o",
    ),
    "subprocess": (
        "p.py",
        "import subprocess\nsubprocess.run(['bash', '../../scripts/E/other.sh'])",
        "other.sh",
    ),
    "a table": ("p.py", "from pathlib import Path\nPath(__file__).with_name('o.csv')", "o.csv"),
}


@pytest.mark.parametrize("how", NAMED)
def test_named_file_is_followed(root: Path, how: str) -> None:
    """A script or table that a program names is part of what it is made from."""
    name, text, other = NAMED[how]
    write(root, {f"scripts/E/{other}": "1"})
    assert follow(root, text, name) == [f"scripts/E/{other}"]


@pytest.mark.parametrize("text", ["sed 's/.*/$i/'", "ls ../../scripts/*", "$f"])
def test_what_names_everything_names_nothing(root: Path, text: str) -> None:
    """All experiments, or a variable alone, are not all that is there."""
    write(root, {"scripts/E/report.md": "1", "scripts/E/parts/a.csv": "1"})
    assert follow(root, text, "p.sh") == []


def test_a_whole_experiment_is_what_it_holds_but_for_its_prose(root: Path) -> None:
    """A script that goes into an experiment may list it: what is there counts, not the report."""
    write(root, {"scripts/E/report.md": "1", "scripts/E/parts/a.csv": "1"})
    assert follow(root, "cd ../../scripts/E", "p.sh") == ["scripts/E/parts/a.csv"]


def test_named_files_are_followed_through_others(root: Path) -> None:
    """What a named script names counts, too; a circle ends."""
    write(root, {"scripts/E/b.sh": "source ../../scripts/E/c.sh", "scripts/E/c.sh": ". p.sh"})
    assert follow(root, "bash ../../scripts/E/b.sh", "p.sh") == ["scripts/E/b.sh", "scripts/E/c.sh"]


def test_file_outside_the_project_is_followed(root: Path, tmp_path_factory) -> None:
    """An absolute path of data counts; programs and settings of the machine do not."""
    far = tmp_path_factory.mktemp("far") / "far.csv"
    far.write_text("1", encoding="utf-8")
    program = root / "scripts/E/p.R"
    program.write_text(f"read.csv('{far}'); source('/etc/passwd'); f('/bin/sh')", encoding="utf-8")
    assert modules.programs(program, root / "generated/E") == [program, far]
