"""The environment: made from the lock alone, left alone when it is right, mended when it is not."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import rendering

SOURCE = rendering.REPOSITORY / rendering.PAYLOAD / "lab" / "environment.py"


@pytest.fixture(scope="session")
def environment() -> ModuleType:
    """Load the module by its path: it runs before anything is installed."""
    spec = importlib.util.spec_from_file_location("environment", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path: Path, environment: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder with a lock, and a `.venv` that is marked as right for it."""
    monkeypatch.delenv("WITH", raising=False)
    (tmp_path / "poetry.lock").write_text("packages", encoding="utf-8")
    program = tmp_path / ".venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.symlink_to(sys.executable)
    stamp = environment.fingerprint(tmp_path, [])
    (tmp_path / ".venv" / "lab-environment").write_text(stamp, encoding="utf-8")
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
    monkeypatch.setenv("WITH", "database")
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
    stamp = built / ".venv" / "lab-environment"
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
        f"runpy.run_path({str(SOURCE)!r}, run_name='__main__')"
    )
    (tmp_path / "poetry.lock").touch()
    env = os.environ | {"PATH": "/nowhere"}
    env.pop("PROJECT_PYTHON", None)
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: this project needs Python 3.11 to 3.13")


def test_failed_installation_shows_poetrys_words(tmp_path: Path, environment: ModuleType) -> None:
    """A lock that Poetry refuses is an error with the end of its log, and no stamp is left."""
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\nversion = '1'\n")
    (tmp_path / "poetry.lock").write_text("this is no lock")
    with pytest.raises(environment.PreparationError, match="Poetry could not install"):
        environment.make(tmp_path)
    assert not environment.is_current(tmp_path)
