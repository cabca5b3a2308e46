"""Which Python `.venv` is made of; this file is read by older ones, too."""

import os
import shutil
import sys
from pathlib import Path

from . import PreparationError, asked_python

OLDEST, NEWEST = (3, 11), (3, 13)
_ASK = "import sys; print(*sys.version_info[:2], getattr(sys, '_base_executable', sys.executable))"


def allowed() -> str:
    """Return any interpreter that the lock allows; it runs pip.

    Raises:
        PreparationError: there is none.
    """
    asked = os.environ.get("PROJECT_PYTHON")
    if asked:
        return asked
    own = getattr(sys, "_base_executable", sys.executable)
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return own
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = _found(minor)
        if found:
            return found
    import platform

    raise PreparationError(
        f"this project needs Python 3.{OLDEST[1]} to 3.{NEWEST[1]};"
        f" {own} is {platform.python_version()}\n"
        "  install one of them, or enter the project with: nix develop"
    )


def chosen(folder: Path, find_uv) -> tuple:
    """Return the interpreter for `.venv`, and a line for the person if it is not the wanted one.

    The version that `pyproject.toml` names comes first: on the PATH, of pyenv, of uv. Without it
    another one that the lock allows serves.

    Args:
        folder: the project.
        find_uv: a function that returns the program uv, or "".

    Raises:
        PreparationError: there is none that the lock allows.
    """
    wanted = asked_python(folder)
    if os.environ.get("PROJECT_PYTHON") or not wanted:
        return allowed(), ""
    minor = int(wanted.split(".")[1])
    if sys.version_info[:2] == (3, minor):
        return getattr(sys, "_base_executable", sys.executable), ""
    found = _found(minor) or _of_uv(wanted, minor, find_uv())
    if found:
        return found, ""
    other = allowed()
    version = ".".join(_version(other)[0])
    return other, (
        f"Python {wanted}, which pyproject.toml names, is not here: .venv is made of {version},"
        " and documents will say so"
    )


def others(python: str) -> list:
    """Return the newest of each other version that the lock allows; none where one is asked for."""
    if os.environ.get("PROJECT_PYTHON"):
        return []
    made, own = _version(python)[0], getattr(sys, "_base_executable", sys.executable)
    minors = [m for m in range(NEWEST[1], OLDEST[1] - 1, -1) if ("3", str(m)) != made]
    found = [own if sys.version_info[:2] == (3, m) else _found(m) for m in minors]
    return [program for program in found if program]


def _version(program: str) -> tuple:
    """Return major and minor version of a Python and its own path; empty if it does not run."""
    import subprocess

    try:
        done = subprocess.run(
            [program, "-I", "-S", "-c", _ASK],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={k: v for k, v in os.environ.items() if not k.startswith("PYTHON")},
        )
    except OSError:
        return (), ""
    words = done.stdout.strip().split(" ", 2) if done.returncode == 0 else []
    return (tuple(words[:2]), words[2]) if len(words) == 3 else ((), "")


def _works(program: str, minor: int) -> str:
    """Return the path of a Python if it runs and has this version: a shim may be empty."""
    version, path = _version(program)
    return path if version == ("3", str(minor)) else ""


def _found(minor: int) -> str:
    """Return the one of the PATH; a shim is a script that takes longer than to look behind it."""
    found = shutil.which(f"python3.{minor}")
    behind = _of_pyenv(minor) if not found or Path(found).parent.name == "shims" else ""
    return behind or (_works(found, minor) if found else "")


def _of_pyenv(minor: int) -> str:
    """Return the newest one of pyenv, whose shims answer only for what it has switched on."""
    from . import programs

    path = os.environ.get("PATH", "").split(os.pathsep)
    roots = [Path(place).parent for place in path if Path(place).name == "shims"]
    roots += [Path(os.environ.get("PYENV_ROOT") or programs.home() / ".pyenv")]
    for root in roots:
        found = root.glob(f"versions/3.{minor}.*/bin/python3.{minor}")
        for program in sorted(found, key=_patch, reverse=True):
            if _works(str(program), minor):
                return str(program)
    return ""


def _patch(program: Path) -> int:
    patch = program.parts[-3].split(".")[-1]
    return int(patch) if patch.isdigit() else -1


def _of_uv(wanted: str, minor: int, uv: str) -> str:
    """Return the one that uv has, or can bring; where the network does not let it, that is soon."""
    if not uv:
        return ""
    from . import programs, sources

    env = sources.for_uv(()) | {"UV_HTTP_RETRIES": "0", "UV_HTTP_CONNECT_TIMEOUT": "5"}
    find = [uv, "python", "find", "--no-python-downloads", wanted]
    for command in (find, [uv, "python", "install", "--no-bin", wanted], find):
        done = programs.ask(command, env, Path(os.path.abspath(os.sep)))
        path = done.stdout.strip() if command is find else ""
        if path and done.returncode == 0 and _works(path, minor):
            return _works(path, minor)
    return ""


def continue_with_a_suitable_one(argv: list) -> None:
    """Start again in an interpreter that the lock allows, if this one is too old to go on."""
    if sys.version_info >= OLDEST:
        return
    home = str(Path(__file__).resolve().parent.parent.parent)
    code = f"import sys; sys.path.insert(0, {home!r}); from {__package__} import main;"
    sys.stdout.flush()
    python = allowed()
    os.execv(python, [python, "-c", f"{code} sys.exit(main({argv!r}))"])
