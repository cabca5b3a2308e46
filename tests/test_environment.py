"""The environment: made from the lock alone, left alone when it is right, mended when it is not."""

import importlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import building
import pytest
import rendering
import small_packages
import small_projects
from mounting import mounted
from servers.certificates import authority
from servers.packages import Index
from small_projects import make_env
from waiting import PATIENCE, until

from labflake.content.digests import in_a_record
from labflake.environment import altered, as_seen, edited

PAYLOAD = rendering.REPOSITORY / rendering.PAYLOAD


@pytest.fixture(scope="session")
def environment() -> ModuleType:
    """Import the part of labflake."""
    return importlib.import_module("labflake.environment")


@pytest.fixture
def folder(tmp_path: Path, environment: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder with a lock, and a `.venv` that is marked as right for it."""
    monkeypatch.delenv("LABFLAKE_WITH", raising=False)
    (tmp_path / "poetry.lock").write_text("packages", encoding="utf-8")
    program = tmp_path / ".venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.symlink_to(sys.executable)
    stamp = environment.fingerprint(tmp_path, [])
    (tmp_path / ".venv" / "labflake-environment").write_text(stamp, encoding="utf-8")
    return tmp_path


def test_right_environment_is_left_alone(folder: Path, environment: ModuleType) -> None:
    """Nothing changed, so there is nothing to do."""
    assert environment.is_current(folder)


def test_touched_lock_is_no_change(folder: Path, environment: ModuleType) -> None:
    """The content of the lock decides, not its date."""
    os.utime(folder / "poetry.lock", (1, 1))
    assert environment.is_current(folder)


def test_changed_lock_is_noticed(folder: Path, environment: ModuleType) -> None:
    """Another lock needs another environment."""
    (folder / "poetry.lock").write_text("other packages", encoding="utf-8")
    assert not environment.is_current(folder)


def test_new_group_is_noticed(
    folder: Path, environment: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WITH=database asks for more than there is."""
    monkeypatch.setenv("LABFLAKE_WITH", "database")
    assert not environment.is_current(folder)


def test_moved_project_needs_another_environment(
    folder: Path, environment: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Programs in `.venv` hold its path: after a move it is made again."""
    moved = tmp_path_factory.mktemp("moved") / "project"
    shutil.copytree(folder, moved, symlinks=True)
    assert not environment.is_current(moved)


def test_clone_may_share_the_environment(
    folder: Path, environment: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A link to the `.venv` of a project with the same lock is right as it is."""
    clone = tmp_path_factory.mktemp("clone")
    shutil.copy(folder / "poetry.lock", clone)
    (clone / ".venv").symlink_to(folder / ".venv")
    assert environment.is_current(clone)


def test_broken_interpreter_is_noticed(folder: Path, environment: ModuleType) -> None:
    """A `.venv` whose Python was removed counts as none."""
    (folder / ".venv" / "bin" / "python").unlink()
    (folder / ".venv" / "bin" / "python").symlink_to(folder / "gone")
    assert not environment.is_current(folder)


def test_first_make_leaves_a_right_environment(built: Path, environment: ModuleType) -> None:
    """What `make` installed is what the lock asks for, and the second `make` does not touch it."""
    stamp = built / ".venv" / "labflake-environment"
    before = stamp.stat().st_mtime_ns
    subprocess.run(["make", "env"], cwd=built, check=True, capture_output=True)
    assert environment.is_current(built)
    assert stamp.stat().st_mtime_ns == before


def test_environment_has_the_locked_versions(built: Path) -> None:
    """Every package that the lock names for everybody is there, in its version."""
    import tomllib

    locked = tomllib.loads((built / "poetry.lock").read_text(encoding="utf-8"))["package"]
    wanted = {
        p["name"]: p["version"] for p in locked if p["name"] in ("numpy", "snakemake", "typst")
    }
    code = "import importlib.metadata as m, sys; print(*(m.version(n) for n in sys.argv[1:]))"
    command = [built / ".venv" / "bin" / "python", "-c", code, *wanted]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert dict(zip(wanted, found, strict=True)) == wanted


def test_old_python_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """Without a Python that the lock allows, the versions and the ways out are named."""
    code = (
        f"import runpy, sys; sys.version_info = (3, 10, 0); sys.argv = ['x', {str(tmp_path)!r}];"
        "runpy.run_module('labflake.environment', run_name='__main__')"
    )
    (tmp_path / "poetry.lock").touch()
    none = str(tmp_path / "none")
    env = os.environ | {"PATH": none, "PYENV_ROOT": none}
    env.pop("PROJECT_PYTHON", None)
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=rendering.SOURCES, env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: this project needs Python 3.11 to 3.13")


@pytest.mark.long
def test_without_a_home_the_environment_is_made(tmp_path: Path) -> None:
    """A user without an entry in passwd and without HOME gets packages, too."""
    user = ["unshare", "--user", "--map-user=1234", "--map-group=1234"]
    if not shutil.which("unshare") or subprocess.run([*user, "true"]).returncode:
        pytest.skip("this machine gives nobody a user of their own: unshare --map-user")
    small = small_projects.write(tmp_path / "small", "idna")
    env = {k: v for k, v in os.environ.items() if k not in ("HOME", "XDG_CACHE_HOME")}
    command = [*user, sys.executable, "-m", "labflake.environment"]
    done = subprocess.run(
        command,
        cwd=small,
        env=env | {"PYTHONPATH": str(rendering.SOURCES)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert small_projects.run(small, "import idna; print(1)") == "1"


@pytest.mark.long
def test_with_a_home_that_cannot_be_written_the_environment_is_made(tmp_path: Path) -> None:
    """Where the home is read-only, caches lie in the project, and one line says so."""
    user = ["unshare", "--user", "--map-user=1234", "--map-group=1234"]
    if not shutil.which("unshare") or subprocess.run([*user, "true"]).returncode:
        pytest.skip("this machine gives nobody a user of their own: unshare --map-user")
    small, home = small_projects.write(tmp_path / "small", "idna"), tmp_path / "home"
    home.mkdir(mode=0o555)
    env = {k: v for k, v in os.environ.items() if k not in ("XDG_CACHE_HOME", "UV_CACHE_DIR")}
    env |= {"HOME": str(home), "PYTHONPATH": str(rendering.SOURCES)}
    command = [*user, sys.executable, "-m", "labflake.environment"]
    done = subprocess.run(command, cwd=small, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = f"{home} cannot be written: what is fetched is kept in generated/.home/.cache"
    assert done.stderr.splitlines().count(said) == 1
    assert small_projects.run(small, "import idna; print(1)") == "1"


def test_a_lock_that_is_none_is_named(tmp_path: Path, environment: ModuleType) -> None:
    """A lock that cannot be read is an error that names it, and no `.venv` is left."""
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\nversion = '1'\n")
    (tmp_path / "poetry.lock").write_text("this is no lock")
    with pytest.raises(environment.PreparationError, match=r"poetry\.lock is no TOML"):
        environment.make(tmp_path)
    assert not environment.is_current(tmp_path)
    assert not (tmp_path / ".venv").exists()


def test_the_file_with_marks_of_a_merge_is_named(tmp_path: Path, environment: ModuleType) -> None:
    """A merge that stopped in `pyproject.toml` is told of that file, with its line."""
    (tmp_path / "pyproject.toml").write_text("[project]\n<<<<<<< HEAD\n", encoding="utf-8")
    said = r"^pyproject\.toml has marks of a merge conflict \(line 2\)\n  edit it .* make lock$"
    with pytest.raises(environment.PreparationError, match=said):
        environment.make(tmp_path)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Make a project with the smallest package of the template's lock, and its `.venv`."""
    project = small_projects.write(tmp_path / "small", "idna")
    assert make_env(project).returncode == 0
    return project


@pytest.mark.long
def test_failed_attempt_leaves_the_environment_that_worked(small: Path, tmp_path: Path) -> None:
    """A project that was moved and cannot be made again, without a network, keeps its packages."""
    moved = small.rename(tmp_path / "moved")
    nowhere = "http://127.0.0.1:9"
    offline = {"UV_CACHE_DIR": str(tmp_path / "empty"), "HTTPS_PROXY": nowhere, "PIP_RETRIES": "0"}
    done = make_env(moved, **offline, PIP_NO_CACHE_DIR="1", PIP_FIND_LINKS="")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1]
    python = str(moved / ".venv" / "bin" / "python")
    assert subprocess.run([python, "-c", "import idna"]).returncode == 0
    assert not list(moved.glob(".venv?*"))


def test_moved_project_is_mended_without_a_network(small: Path, tmp_path: Path) -> None:
    """What this user installed before needs no network: a moved project works at once."""
    moved = small.rename(tmp_path / "moved")
    assert make_env(moved, HTTPS_PROXY="http://127.0.0.1:9").returncode == 0
    program = moved / ".venv" / "bin" / "python"
    ask = [program, "-c", "import idna, sys; print(sys.prefix)"]
    printed = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
    assert printed.strip() == str(moved / ".venv")


def test_killed_attempt_is_made_good(small: Path, environment: ModuleType) -> None:
    """What an attempt that was killed left half made is not used: the one that worked is back."""
    (small / ".venv").rename(small / ".venv.replaced")
    (small / ".venv" / "bin").mkdir(parents=True)
    assert make_env(small).returncode == 0
    assert environment.is_current(small)
    assert not list(small.glob(".venv?*"))


@pytest.mark.long
def test_error_names_package_index_and_cause(small: Path, tmp_path: Path) -> None:
    """What cannot be installed is told in a sentence, without the log of an installer."""
    lock = (small / "poetry.lock").read_text(encoding="utf-8")
    wrong = re.sub(r"sha256:\w{64}", f"sha256:{'0' * 64}", lock, count=2)
    (small / "poetry.lock").write_text(wrong, encoding="utf-8")
    done = make_env(small, PIP_INDEX_URL=os.environ.get("PIP_INDEX_URL", ""))
    first, *others = done.stderr.splitlines()[-2:]
    assert done.returncode == 1
    assert re.match(r"error: idna [\d.]+ could not be had from \S+: the file there is not", first)
    assert len(others) == 1
    python = str(small / ".venv" / "bin" / "python")
    assert subprocess.run([python, "-c", "import idna"]).returncode == 0


SLOW_UV = """#!/bin/sh
case $1 in pip) touch begun; until [ -e go ]; do sleep 0.05; done ;; esac
exec UV "$@"
"""


def asks_for_the_renderer(cache: Path) -> subprocess.Popen[str]:
    """Ask for the program that renders templates, as somebody who has nothing in this cache.

    uv installs when the test says so.
    """
    cache.mkdir(exist_ok=True)
    text = SLOW_UV.replace("UV", rendering.installer())
    for name in ("begun", "go"):
        text = text.replace(f" {name}", f" '{cache / name}'")
    (cache / "uv").write_text(text)
    (cache / "uv").chmod(0o755)
    command = [sys.executable, "-m", "labflake.environment", "renderer"]
    fetched = Path(os.environ["XDG_CACHE_HOME"]) / "uv"
    env = {"UV_CACHE_DIR": str(fetched)} | os.environ | {"XDG_CACHE_HOME": str(cache)}
    env |= {"PYTHONPATH": str(rendering.SOURCES), "PATH": f"{cache}:{os.environ['PATH']}"}
    return subprocess.Popen(
        command,
        cwd=rendering.REPOSITORY,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def renders(process: subprocess.Popen[str]) -> str:
    """Expect a program that renders; return what was said on the way."""
    program, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    assert subprocess.run([program.strip(), "--version"], capture_output=True).returncode == 0
    return said


@pytest.mark.long
def test_two_who_need_the_same_program_install_it_once(tmp_path: Path) -> None:
    """What is installed for a user is installed by one; who asks meanwhile waits, and has it."""
    first = asks_for_the_renderer(tmp_path / "cache")
    until((tmp_path / "cache/begun").exists, first)
    second = asks_for_the_renderer(tmp_path / "cache")
    time.sleep(3)  # more than it takes to begin
    (tmp_path / "cache/go").touch()
    said = renders(first) + renders(second)
    assert said.count("installing cookiecutter") == 1


@pytest.mark.long
def test_a_program_whose_installation_was_killed_is_installed_anew(tmp_path: Path) -> None:
    """What is there by half is not used."""
    killed = asks_for_the_renderer(tmp_path / "cache")
    until((tmp_path / "cache/begun").exists, killed)
    (programs,) = tmp_path.glob("cache/labflake/cookiecutter-*/bin")
    (programs / "cookiecutter").write_text("#!/bin/sh\nexit 1\n")  # its packages are not there
    (programs / "cookiecutter").chmod(0o755)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    (tmp_path / "cache/go").touch()
    renders(asks_for_the_renderer(tmp_path / "cache"))


def test_unknown_group_is_named(small: Path) -> None:
    """WITH names a group that pyproject.toml does not have: nothing is done, and it says so."""
    done = make_env(small, WITH="plots")
    assert done.returncode == 1
    assert "no group 'plots'" in done.stderr
    assert "its groups: " in done.stderr


def test_progress_counts_files_and_bytes(environment: ModuleType, capsys) -> None:
    """Where nobody sits at a terminal, a line is printed for every 50 MB and one at the end."""
    progress = importlib.import_module("labflake.environment.progress")
    meter = progress.Meter(".venv")
    meter.read("Resolved 3 packages in 10ms")
    for name in ("scipy", "typst", "numpy"):
        meter.read(f"Downloading {name} (40.0MiB)")
    for name in ("typst", "numpy", "scipy"):
        meter.read(f" Downloaded {name}")
    meter.close()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "installing 3 packages into .venv"
    assert lines[1:] == [
        "  2 of 3 large files fetched, 84 of 126 MB",
        "  3 of 3 large files fetched, 126 of 126 MB",
    ]


EDITABLE = """\
[project]
name = "editable"
version = "1"
requires-python = ">=3.11,<3.14"
dependencies = ["idna>=3"]

[tool.poetry]
package-mode = false

[tool.poetry.group.build]  # as in a project: uv installs
optional = true

[tool.poetry.group.build.dependencies]
uv = "*"
"""


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a small project, and lock it by the command of a project."""
    project = tmp_path_factory.mktemp("locked")
    (project / "pyproject.toml").write_text(EDITABLE, encoding="utf-8")
    done = edit(project, "lock")
    if "pip is told to ask no index" in done.stderr:
        pytest.skip("pip has files and no index here, which says what fits together")
    assert done.returncode == 0, done.stderr
    return project


@pytest.fixture
def editable(locked: Path, tmp_path: Path) -> Path:
    """Copy the small project, without its `.venv`."""
    ignore = shutil.ignore_patterns(".venv")
    return Path(shutil.copytree(locked, tmp_path / "editable", ignore=ignore))


def edit(project: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run what `make add` and `make lock` run, in any project."""
    command = [sys.executable, "-m", "labflake.environment", *words]
    env = os.environ | {"PYTHONPATH": str(rendering.SOURCES)} | building.exported(variables)
    return subprocess.run(command, cwd=project, env=env, capture_output=True, text=True)


def imports(project: Path, *modules: str) -> bool:
    """Tell whether the environment of a project has these modules."""
    python = project / ".venv" / "bin" / "python"
    return subprocess.run([python, "-c", f"import {', '.join(modules)}"]).returncode == 0


def test_locking_without_an_index_says_so(locked: Path, tmp_path: Path) -> None:
    """Whoever has files and no index is told what to do; nobody else's index is asked."""
    project = Path(shutil.copytree(locked, tmp_path / "copy"))
    before = (project / "poetry.lock").read_bytes()
    done = edit(project, "lock", PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tmp_path))
    assert done.returncode == 1
    assert "error: pip is told to ask no index (no-index)" in done.stderr
    assert (project / "poetry.lock").read_bytes() == before


def test_a_lock_names_no_index(locked: Path) -> None:
    """Where packages come from is a matter of each machine: nothing of it enters the lock."""
    lock = tomllib.loads((locked / "poetry.lock").read_text(encoding="utf-8"))
    assert not [p["name"] for p in lock["package"] if "source" in p]


@pytest.mark.long
def test_a_package_is_added_by_one_command(editable: Path) -> None:
    """After `make add` a package is in both files, in its group, and can be imported."""
    done = edit(editable, "add", PACKAGE="iniconfig", GROUP="dev")
    assert done.returncode == 0, done.stderr
    assert imports(editable, "idna", "iniconfig")
    lock = tomllib.loads((editable / "poetry.lock").read_text(encoding="utf-8"))
    groups = {p["name"]: p["groups"] for p in lock["package"]}
    assert groups["iniconfig"] == ["dev"]
    assert "iniconfig" in (editable / "pyproject.toml").read_text(encoding="utf-8")
    assert edit(editable).stderr == ""


@pytest.mark.long
def test_a_package_that_does_not_exist_changes_nothing(editable: Path) -> None:
    """A name that no index has is an error, and both files are as they were."""
    before = {n: (editable / n).read_bytes() for n in ("pyproject.toml", "poetry.lock")}
    done = edit(editable, "add", PACKAGE="idna-that-nobody-wrote")
    assert done.returncode == 1
    assert "idna-that-nobody-wrote" in done.stderr
    assert "Traceback" not in done.stderr
    assert before == {n: (editable / n).read_bytes() for n in before}


@pytest.mark.long
def test_a_path_is_no_name_of_a_package(editable: Path) -> None:
    """Whoever adds a folder is told what to write into pyproject.toml."""
    make_folder(editable.parent / "beside")
    done = edit(editable, "add", PACKAGE="../beside")
    assert done.returncode == 1
    assert 'NAME = { path = "../beside" }' in done.stderr
    assert "then: make lock" in done.stderr


@pytest.mark.long
def test_an_edited_pyproject_is_said_until_it_is_locked(editable: Path) -> None:
    """Whoever asks for a package by hand is told to lock; then it is there."""
    path = editable / "pyproject.toml"
    path.write_text(EDITABLE.replace('"idna>=3"', '"idna>=3", "iniconfig"'), encoding="utf-8")
    assert edit(editable).stderr.splitlines()[-1] == (
        "pyproject.toml asks for other packages than poetry.lock has: make lock"
    )
    assert edit(editable, "lock").returncode == 0
    assert imports(editable, "idna", "iniconfig")
    assert edit(editable).stderr == ""


@pytest.mark.long
def test_a_lock_with_conflicts_is_mended_by_one_command(editable: Path) -> None:
    """Marks of a merge in the lock are named with the command that mends them."""
    path = editable / "poetry.lock"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if line.startswith("content-hash"))
    lines[at:at] = ["<<<<<<< HEAD\n", lines[at], "=======\n", 'content-hash = "0"\n']
    lines[at + 4 : at + 5] = [">>>>>>> theirs\n"]
    path.write_text("".join(lines), encoding="utf-8")
    done = edit(editable)
    assert done.stderr.startswith("error: poetry.lock has marks of a merge conflict (line ")
    assert "make lock" in done.stderr
    assert edit(editable, "lock").returncode == 0
    assert imports(editable, "idna")
    assert "<<<<" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("change", ["another version", "a package gone", "a module more", "again"])
def test_packages_changed_by_hand_are_noticed(
    folder: Path, environment: ModuleType, change: str
) -> None:
    """What somebody installs, removes or writes into `.venv` is not what the lock asks for."""
    place = folder / ".venv/lib/python3.12/site-packages"
    record = place / "numpy-2.0.0.dist-info/RECORD"
    record.parent.mkdir(parents=True)
    record.write_text("numpy", encoding="utf-8")
    (place / "numpy").mkdir()
    environment.untouched.seal(folder / ".venv")
    (place / "numpy/__pycache__").mkdir()
    (place / "__pycache__").mkdir()
    assert environment.is_current(folder)
    if change == "another version":
        record.parent.rename(place / "numpy-2.0.1.dist-info")
    elif change == "a package gone":
        shutil.rmtree(record.parent)
    elif change == "a module more":
        (place / "mypkg.py").write_text("V = 1", encoding="utf-8")
    else:
        record.write_text("other", encoding="utf-8")
        os.utime(record, (1, 1))
    assert not environment.is_current(folder)


def sealed_module(folder: Path, environment: ModuleType, time: int = 0) -> Path:
    """Install a module in one file, changed at this time if there is one, and note what it is."""
    module = folder / ".venv/lib/python3.12/site-packages/six.py"
    module.parent.mkdir(parents=True)
    module.write_text("V = 1", encoding="utf-8")
    if time:
        os.utime(module, ns=(0, time))
    environment.untouched.seal(folder / ".venv")
    return module


def test_packages_that_only_look_changed_are_left_alone(
    folder: Path, environment: ModuleType
) -> None:
    """A new time of a module or a record is no change: what is in it decides."""
    module = sealed_module(folder, environment)
    os.utime(module, (1, 1))
    assert environment.is_current(folder)
    module.write_text("V = 2", encoding="utf-8")
    assert not environment.is_current(folder)


STARTED = """
import os, sys
started = []
def note(event, facts):
    if event == "subprocess.Popen":
        words = [os.path.basename(word) for word in facts[1]]
        print(*[w for w in words if w in ("uv", "pip", "git", "venv", "sync", "--version")])
    if event == "open" and str(facts[0]).endswith("poetry.lock"):
        print("poetry.lock")
sys.addaudithook(note)
from labflake import environment
sys.exit(environment.main(sys.argv[1:]))
"""


def test_what_is_cached_is_installed_with_little(small: Path) -> None:
    """Where all is cached, `venv` and uv are what starts, pip does not; the lock is read thrice."""
    shutil.rmtree(small / ".venv")
    command = [sys.executable, "-c", STARTED, str(small)]
    done = subprocess.run(command, cwd=rendering.SOURCES, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert [line for line in said if line != "poetry.lock"] == [
        "venv",
        "uv --version",
        "uv pip sync",
    ]
    assert said.count("poetry.lock") <= 4  # is it the right one? what is in it? what was noted?


def test_a_lock_is_read_as_any_toml(tmp_path: Path) -> None:
    """The short way to read a lock gives the same requirements as to parse all of it."""
    requirements = importlib.import_module("labflake.environment.requirements")
    lock = (PAYLOAD / "poetry.lock").read_text(encoding="utf-8")
    odd = """[[package]]
name = "odd"
version = "1"
groups = ["main"]
description = "files = [{file = \\"a\\", hash = \\"b\\"}]"
files = [
    {file = "odd-1.tar.gz", hash = "sha256:0a"},
    {file = "it's.whl", hash = "sha256:0b", url = "https://example.org/it's.whl"},
]

[[package]]
name = "none"
version = "2"
groups = ["main"]
files = []

"""
    for text in (lock, odd, odd + lock[lock.index("[[package]]") :]):
        short, whole = (
            list(requirements.requirements(parse(text), ["main", "dev", "build"], tmp_path))
            for parse in (requirements.parsed, tomllib.loads)
        )
        assert short == whole
        assert len(whole) >= 2
    with pytest.raises(tomllib.TOMLDecodeError, match="line 8"):
        requirements.parsed(odd.replace('hash = "sha256:0b"', "hash = "))


def linked_package(venv: Path, name: str) -> Path:
    """Write a package of a file that is linked to a cache, as uv does; return that file."""
    site, cache = venv / "lib/python3.12/site-packages", venv.parent / f"cache-{name}"
    info = site / f"{name}-1.dist-info"
    for folder in (site / name, info, cache):
        folder.mkdir(parents=True)
    for original, place in ((cache / "core.py", site / name), (cache / "WHEEL", info)):
        original.write_text("V = 1", encoding="utf-8")
        os.utime(original, (1e9, 1e9))
        os.link(original, place / original.name)
    line = f"{name}/core.py,{in_a_record(cache / 'core.py')},5\n"
    (info / "RECORD").write_text(f"{line}{name}/gone.py,sha256=x,1\n", encoding="utf-8")
    return cache / "core.py"


def test_every_package_that_was_edited_in_the_cache_is_found(tmp_path: Path) -> None:
    """Whichever packages were edited through another `.venv`, each is named, and no other is."""
    venv = tmp_path / "venv"
    files = [linked_package(venv, name) for name in ("one", "two", "three", "four", "five")]
    assert edited.packages(venv, {}) == []
    odd = (venv / altered.ODD).read_text(encoding="utf-8").splitlines()
    assert len(odd) == 5
    assert "lib/python3.12/site-packages/two/gone.py" in odd
    for count, file in enumerate(files):
        file.write_text("V = 2", encoding="utf-8")
        assert len(edited.packages(venv, {})) == count + 1
    assert edited.packages(venv, altered.installed(venv)) == []


def core(project: Path) -> Path:
    """Return a file in the folder of a package of a `.venv`."""
    return next(project.glob(".venv/lib/python3.*/site-packages/idna/core.py"))


@pytest.mark.long
@pytest.mark.parametrize("links", ["hardlink", "copy"])
def test_an_edit_is_mended_in_every_project_that_shares_it(tmp_path: Path, links: str) -> None:
    """An edit of a package in one `.venv` reaches others through uv's cache: all are mended."""
    shared = {"UV_CACHE_DIR": str(tmp_path / "cache")}
    names = ("mine", "other", "later")
    mine, other, later = (small_projects.write(tmp_path / name, "idna") for name in names)
    for project in (mine, other):
        assert make_env(project, **shared, UV_LINK_MODE="hardlink").returncode == 0
    content = core(mine).read_bytes()
    with core(mine).open("ab") as file:
        file.write(b"EDITED = True\n")
    assert core(other).read_bytes() != content
    for project in (later, mine, other):
        done = make_env(project, **shared, UV_LINK_MODE=links)
        assert done.returncode == 0, done.stderr
        assert core(project).read_bytes() == content
        assert "idna" in done.stderr
    assert [make_env(p, **shared).stderr for p in (later, mine, other)] == ["", "", ""]


@pytest.mark.parametrize("change", ["edited", "same size", "gone", "added"])
def test_a_file_inside_a_package_is_put_right(small: Path, change: str) -> None:
    """A file of a package that was edited, removed or added is named, and `.venv` is made again."""
    path, content = core(small), core(small).read_bytes()
    if change == "added":
        path = path.with_name("more.py")
    part = path.with_name("saved")
    part.write_bytes(content + b"#" if change in ("edited", "added") else content[:-1] + b"#")
    part.unlink() if change == "gone" else part.replace(path)
    if change == "gone":
        path.unlink()
    done = make_env(small)
    assert done.returncode == 0, done.stderr
    assert path.name in done.stderr
    assert core(small).read_bytes() == content
    assert not core(small).with_name("more.py").exists()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("a move", "it was made as {before}/.venv"),
        ("a removed Python", "its Python does not start"),
        ("an end halfway", "it is not complete"),
    ],
)
def test_what_is_wrong_with_the_environment_is_said(small: Path, damage: str, said: str) -> None:
    """When `.venv` is made again, the line that says so has the reason."""
    before, program = small, small / ".venv/bin/python"
    if damage == "a move":
        small = small.rename(small.with_name("elsewhere"))
    elif damage == "an end halfway":
        (small / ".venv/labflake-environment").unlink()
    else:
        program.unlink()
        program.symlink_to("/gone/python")
    done = make_env(small)
    assert done.returncode == 0, done.stderr
    assert f"making .venv again: {said.format(before=before)}" in done.stderr


def test_a_new_time_is_no_edit(small: Path) -> None:
    """Files that only look younger, as in a copy of `.venv`, are read, and left as they are."""
    before = core(small).parent.stat().st_ino
    os.utime(core(small))
    done = make_env(small)
    assert (done.returncode, done.stderr) == (0, "")
    assert core(small).parent.stat().st_ino == before


def old_package(venv: Path) -> Path:
    """Write a package, with its record, an empty folder and a link to nothing; all is old."""
    site = venv / "lib/python3.12/site-packages"
    (site / "pkg/plugins").mkdir(parents=True)
    (site / "pkg-1.dist-info").mkdir()
    (site / "pkg/core.py").write_text("V = 1", encoding="utf-8")
    hashed = in_a_record(site / "pkg/core.py")
    lines = [f"pkg/core.py,{hashed},5", "pkg-1.dist-info/RECORD,,", "pkg-1.dist-info/WHEEL,,"]
    (site / "pkg-1.dist-info/RECORD").write_text("\n".join(lines), encoding="utf-8")
    (site / "pkg-1.dist-info/WHEEL").touch()
    for path in [*venv.rglob("*"), venv]:
        os.utime(path, (1e9, 1e9))
    return site / "pkg"


CHANGES_IN_A_PACKAGE = {
    "other size": lambda package: (package / "core.py").write_text("V = 10"),
    "same size": lambda package: (package / "core.py").write_text("V = 2"),
    "another file in its place": lambda package: (package / "core.py").write_text("V = 3"),
    "gone": lambda package: (package / "core.py").unlink(),
    "added": lambda package: (package / "more.py").touch(),
    "added to an empty folder": lambda package: (package / "plugins/more.py").touch(),
}


@pytest.mark.parametrize("change", CHANGES_IN_A_PACKAGE)
@pytest.mark.parametrize("link", [False, True])
def test_a_second_look_at_packages_finds_what_the_first_would(
    tmp_path: Path, change: str, link: bool
) -> None:
    """How files look is compared with how they looked; any edit is found, also one through a link.

    The note of it is made once all is old enough to show the next change.
    """
    venv = tmp_path / "venv"
    package = old_package(venv)
    if link:
        (package / "later.py").symlink_to(tmp_path / "target.py")
        os.utime(package, (1e9, 1e9))
    assert altered.packages(venv) == {}
    assert (venv / as_seen.SEEN).exists() is not link
    assert altered.packages(venv) == {}
    CHANGES_IN_A_PACKAGE[change](package)
    if link:
        (tmp_path / "target.py").touch()
    found = altered.packages(venv)
    (venv / as_seen.SEEN).unlink(missing_ok=True)
    assert found == altered.packages(venv)
    assert len(found) == 1 + link, found


def test_a_look_at_one_package_is_at_no_other(tmp_path: Path) -> None:
    """An edit is found by the look at its package; of one that is not there nothing is certain."""
    venv = tmp_path / "venv"
    package = old_package(venv)
    assert altered.packages(venv) == {}
    (package / "core.py").write_text("V = 2", encoding="utf-8")
    found = {name: as_seen.is_still(venv, name) for name in ("pkg", "pkg-1.dist-info", "pk", "")}
    assert found == {"pkg": False, "pkg-1.dist-info": True, "pk": False, "": False}


def test_a_package_that_was_just_written_is_read_again(tmp_path: Path) -> None:
    """Where a file could change without a new time, nothing is noted about how it looks."""
    venv = tmp_path / "venv"
    package = old_package(venv)
    os.utime(package / "core.py")
    assert altered.packages(venv) == {}
    assert not (venv / as_seen.SEEN).exists()


@pytest.mark.long
def test_a_step_uses_the_packages_of_the_lock(project: Path, tmp_path: Path) -> None:
    """A package that was edited by hand is made good before a step runs with it."""
    own = Path(shutil.copytree(project, tmp_path / "own", symlinks=True))
    program = (
        "import sys, idna.core as core\nopen(sys.argv[1], 'w').write(getattr(core, 'NEW', 'no'))\n"
    )
    snakefile = """
        from labflake import code, step

        rule say:
            input: code=code("say.py")
            output: "assets/outputs/said.txt"
            shell: step("python {input.code[0]} {output}")
    """
    generated = building.experiment(own, building.TINY, Snakefile=snakefile, say_py=program)
    building.made(own, "env")
    path = core(own)
    part = path.with_name("saved")
    part.write_bytes(path.read_bytes() + b"NEW = 'edited'\n")
    part.replace(path)
    printed = building.made(own, EXPERIMENT=building.TINY)
    said = next(generated.rglob("said.txt")).read_text()
    assert said == "no", printed


def test_an_environment_in_an_image_is_as_it_was_made(
    folder: Path, environment: ModuleType
) -> None:
    """A layer of an image keeps times in whole seconds: its packages are those of the lock."""
    module = sealed_module(folder, environment, time=1_700_000_000_123_456_789)
    os.utime(module, (1_700_000_000, 1_700_000_000))
    assert environment.is_current(folder)


def test_an_environment_of_an_image_is_replaced(editable: Path, tmp_path: Path) -> None:
    """In a container, where the folders of its image cannot be renamed, `.venv` is made again."""
    assert edit(editable).returncode == 0
    for name in ("upper", "work"):
        (tmp_path / name).mkdir()
    layers = f"lowerdir={editable},upperdir={tmp_path / 'upper'},workdir={tmp_path / 'work'}"
    with mounted(editable, "-t", "overlay", "overlay", "-o", layers):
        (editable / ".venv" / "bin" / "python").unlink()
        done = edit(editable)
        assert done.returncode == 0, done.stderr
        assert "making .venv again" in done.stderr
        assert imports(editable, "idna")
        assert [path.name for path in editable.glob(".venv*")] == [".venv"]


@pytest.mark.long
def test_poetry_has_nothing_to_do_and_would_write_the_same_bytes(
    editable: Path, tmp_path: Path
) -> None:
    """What uv installs is what Poetry would install, file by file."""
    other = Path(shutil.copytree(editable, tmp_path / "other"))
    assert edit(editable).returncode == 0
    python = (editable / ".venv" / "bin" / "python").resolve()
    subprocess.run([python, "-m", "venv", "--without-pip", other / ".venv"], check=True)
    planned = poetry_sync(editable, "--dry-run")
    assert "0 installs, 0 updates, 0 removals" in planned
    poetry_sync(other)
    assert installed_files(editable) == installed_files(other)


@pytest.mark.long
def test_one_package_is_renewed(editable: Path, tmp_path: Path) -> None:
    """Asked for one package, a newer lock has that newer, and all others as they are."""
    done = edit(editable, "add", PACKAGE="idna==3.6 iniconfig==1.1.1")
    assert done.returncode == 0, done.stderr
    facts = editable / "pyproject.toml"
    facts.write_text(re.sub(r"\((==)", "(>=", facts.read_text(encoding="utf-8")), encoding="utf-8")
    assert edit(editable, "lock").returncode == 0
    before, _ = versions(editable), (tmp_path / "newer").mkdir()
    assert "did you mean idna?" in renew(editable, tmp_path / "newer", "idnaa").stderr
    done = renew(editable, tmp_path / "newer", "IDNA")
    assert done.returncode == 0, done.stderr
    after = versions(tmp_path / "newer")
    assert (before.pop("idna"), before["iniconfig"]) == ("3.6", "1.1.1")
    assert after.pop("idna") != "3.6"
    assert after == before


@pytest.mark.long
def test_locks_are_made_with_packages_that_lie_in_folders(editable: Path, tmp_path: Path) -> None:
    """A wheel in the project and a package beside it are locked by where they are from there."""
    wheel = small_packages.wheel(make_folder(editable / "vendor"), "labtest-vendored")
    beside = make_folder(tmp_path / "beside")
    (beside / "labtest_beside.py").touch()
    text = '[project]\nname = "labtest-beside"\nversion = "1"\n'
    (beside / "pyproject.toml").write_text(text, encoding="utf-8")
    facts = editable / "pyproject.toml"
    more = f"""
[tool.poetry.dependencies]
labtest-vendored = {{ path = "vendor/{wheel.name}" }}
labtest-beside = {{ path = "../beside" }}
"""
    asked = 'dependencies = ["idna>=3", "labtest-vendored", "labtest-beside"]'
    text = facts.read_text(encoding="utf-8").replace('dependencies = ["idna>=3"]', asked)
    facts.write_text(text + more, encoding="utf-8")
    assert edit(editable, "lock").returncode == 0
    wanted = {"labtest-vendored": f"vendor/{wheel.name}", "labtest-beside": "../beside"}
    assert places(editable) == wanted
    assert imports(editable, "labtest_vendored", "labtest_beside")
    done = renew(editable, make_folder(tmp_path / "newer"))
    assert done.returncode == 0, done.stderr
    assert places(tmp_path / "newer") == wanted


@pytest.mark.long
def test_packages_of_a_further_index_are_added(editable: Path, tmp_path: Path) -> None:
    """What only pip's extra-index-url has is locked and installed; nothing names the index."""
    small_packages.wheel(make_folder(tmp_path / "files"), "labtest-further")
    certificates = authority(make_folder(tmp_path / "certificates"))
    with Index(tmp_path / "files", certificates, tmp_path / "asked.txt", []) as index:
        url = {"PIP_EXTRA_INDEX_URL": f"{index.http}/html/simple/"}
        done = edit(editable, "add", PACKAGE="labtest-further", **url)
        assert done.returncode == 0, done.stderr
        assert imports(editable, "labtest_further", "idna")
        before = (editable / "poetry.lock").read_bytes()
        assert edit(editable, "lock", **url).stdout == "no version changed\n"
    assert (editable / "poetry.lock").read_bytes() == before
    check_names_no_place(editable)
    assert edit(editable).stderr == ""


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[dict[str, dict[str, str]]]:
    """Put a package into a folder, on a page and in an index; yield how pip is told of each."""
    place = make_folder(tmp_path / "on this disk")
    wheel = small_packages.wheel(place, "labtest-local")
    link = f'<a href="{{}}{wheel.name}" data-requires-python="&gt;=3.8">{wheel.name}</a>'
    (place / "page.html").write_text(link.format(""), encoding="utf-8")
    index = tmp_path / "index"
    (index / "labtest-local").mkdir(parents=True)
    page = index / "labtest-local/index.html"
    page.write_text(link.format("../../on%20this%20disk/"), encoding="utf-8")
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=place)
    )
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {
            "folder": {"PIP_FIND_LINKS": place.as_uri()},
            "page": {"PIP_FIND_LINKS": (place / "page.html").as_uri()},
            "web page": {"PIP_FIND_LINKS": f"http://127.0.0.1:{server.server_port}/page.html"},
            "index": {"PIP_EXTRA_INDEX_URL": index.as_uri()},
            "main": {"PIP_INDEX_URL": index.as_uri(), "UV_DEFAULT_INDEX": index.as_uri()},
        }
        server.shutdown()


@pytest.mark.long
@pytest.mark.parametrize("kind", ["folder", "page", "web page", "index"])
def test_packages_that_lie_on_this_disk_are_added(
    editable: Path, on_disk: dict[str, dict[str, str]], kind: str
) -> None:
    """What pip finds in a folder, on a page or in an index on the disk is locked and installed."""
    done = edit(editable, "add", PACKAGE="labtest-local", **on_disk[kind])
    assert done.returncode == 0, done.stderr
    assert imports(editable, "labtest_local", "idna")
    check_names_no_place(editable)
    assert edit(editable, "lock", **on_disk[kind]).stdout == "no version changed\n"


@pytest.mark.long
def test_an_index_on_this_disk_may_be_the_only_one(
    editable: Path, on_disk: dict[str, dict[str, str]]
) -> None:
    """Where `index-url` is an address of a folder, the lock is made with what lies there."""
    facts = EDITABLE.partition("[tool.poetry.group")[0].replace("idna>=3", "labtest-local")
    (editable / "pyproject.toml").write_text(facts, encoding="utf-8")
    (editable / "poetry.lock").unlink()
    done = edit(editable, "lock", **on_disk["main"])
    assert done.returncode == 0, done.stderr
    assert versions(editable) == {"labtest-local": small_packages.VERSION}
    check_names_no_place(editable)


@pytest.mark.long
def test_the_main_index_comes_before_what_lies_here(editable: Path, tmp_path: Path) -> None:
    """A build of a package that one machine has does not take the place of everybody's."""
    before, here = versions(editable)["idna"], make_folder(tmp_path / "here")
    own = small_packages.wheel(here, "idna")
    own.rename(own.with_name(own.name.replace(small_packages.VERSION, "999.0")))
    done = edit(editable, "lock", PIP_FIND_LINKS=str(here))
    assert done.returncode == 0, done.stderr
    done = edit(editable, "add", PACKAGE="iniconfig", PIP_FIND_LINKS=str(here))
    assert done.returncode == 0, done.stderr
    assert versions(editable)["idna"] == before


def check_names_no_place(project: Path) -> None:
    """See that nothing of this machine is in the files of a project."""
    texts = [(project / n).read_text(encoding="utf-8") for n in ("pyproject.toml", "poetry.lock")]
    assert not [t for t in texts if "127.0.0.1" in t or "[package.source]" in t]


def make_folder(path: Path) -> Path:
    """Make a folder, and return it."""
    path.mkdir()
    return path


def places(project: Path) -> dict[str, str]:
    """Return where the packages of a lock are that lie in folders."""
    lock = tomllib.loads((project / "poetry.lock").read_text(encoding="utf-8"))
    return {p["name"]: p["source"]["url"] for p in lock["package"] if "source" in p}


def renew(project: Path, folder: Path, *packages: str) -> subprocess.CompletedProcess[str]:
    """Write a newer lock of a project into a folder, as `make update PACKAGE=…` does."""
    code = "import pathlib, sys; from labflake.environment import locks;"
    code += "locks.renew(pathlib.Path.cwd(), pathlib.Path(sys.argv[1]), sys.argv[2:])"
    command = [sys.executable, "-c", code, str(folder), *packages]
    env = os.environ | {"PYTHONPATH": str(rendering.SOURCES)}
    return subprocess.run(command, cwd=project, env=env, capture_output=True, text=True)


def versions(project: Path) -> dict[str, str]:
    """Return the version of every package that a lock names."""
    lock = tomllib.loads((project / "poetry.lock").read_text(encoding="utf-8"))
    return {package["name"]: package["version"] for package in lock["package"]}


def poetry_sync(project: Path, *options: str) -> str:
    """Run `poetry sync` on the `.venv` of a project; return what it printed."""
    poetry = importlib.import_module("labflake.environment.poetry")
    env = poetry.variables() | {"VIRTUAL_ENV": str(project / ".venv")}
    command = [*poetry.command(), "sync", "--no-interaction", "--no-ansi", *options]
    done = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def installed_files(project: Path) -> dict[str, tuple[bytes, int]]:
    """Read the packages of a `.venv`: bytes and modes, without the notes of who installed them."""
    notes = {"RECORD", "INSTALLER", "REQUESTED", "uv_cache.json"}
    site = next(project.glob(".venv/lib/python3.*/site-packages"))
    files = [p for p in site.rglob("*") if p.is_file() and p.name not in notes]
    return {
        p.relative_to(site).as_posix(): (p.read_bytes(), p.stat().st_mode & 0o777)
        for p in files
        if "__pycache__" not in p.parts
    }


@pytest.mark.long
def test_a_copy_of_the_wheel_serves_as_long_as_the_wheel_is_right(
    project: Path, tmp_path: Path
) -> None:
    """The second `.venv` is made by a compiled copy of the wheel; another wheel is refused.

    A copy that lost something, as by what cleans caches, is not used, and made good.
    """
    small, cache = small_projects.write(tmp_path / "small", "idna"), tmp_path / "cache"
    shutil.copy(project / "Makefile", small)
    shutil.copytree(project / "vendor", small / "vendor")
    lock = small / "poetry.lock"
    lock.write_text(small_packages.of_labflake() + lock.read_text(encoding="utf-8"))
    variables = {"XDG_CACHE_HOME": str(cache), "UV_CACHE_DIR": str(tmp_path / "uv")}
    building.made(small, "env", **variables)
    [copy] = cache.glob("labflake/wheel-*")
    assert not list(copy.rglob("*.pyc"))
    shutil.rmtree(small / ".venv")
    building.made(small, "env", **variables)
    assert list(copy.glob("labflake/environment/__pycache__/making.*.pyc"))
    assert imports(small, "idna", "labflake")
    shutil.rmtree(small / ".venv")
    broken = copy / "labflake/environment/making.py"
    broken.write_text("", encoding="utf-8")
    building.made(small, "env", **variables)
    assert broken.stat().st_size
    shutil.rmtree(small / ".venv")
    [wheel] = small.glob("vendor/*.whl")
    wheel.write_bytes(wheel.read_bytes() + b" ")
    env = os.environ | variables
    done = subprocess.run(["make", "env"], cwd=small, env=env, capture_output=True, text=True)
    assert done.returncode
    assert f"{wheel.name} is not the file that poetry.lock names by its hash" in done.stderr
    assert not (small / ".venv").exists()


def test_without_any_python_the_ways_out_are_named(project: Path, tmp_path: Path) -> None:
    """A machine without Python gets two ways out, and `make help` works there."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("make", "sh", "sed", "awk", "test", "echo"):
        (programs / name).symlink_to(shutil.which(name))
    bare = shutil.copytree(project, tmp_path / "bare")
    make = {"cwd": bare, "env": {"PATH": str(programs)}, "capture_output": True, "text": True}
    done = subprocess.run([programs / "make"], **make)
    assert done.returncode == 2
    assert "there is no Python 3.11 or later on this machine" in done.stderr
    assert all(way in done.stderr for way in ("Install Python 3", "nix develop"))
    assert subprocess.run([programs / "make", "help"], **make).returncode == 0
