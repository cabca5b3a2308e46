"""Poetry, which edits `poetry.lock`: a private one, through the simple API of pip's index."""

import os
import shutil
import sys
from pathlib import Path

from . import PreparationError, interpreter, programs, sources

VERSION = "2.5.1"
# Poetry's own client asks for more than the simple API, which is all that most indexes have.
PLUGIN = "poetry-plugin-pypi-mirror==0.6.5"


def command() -> list[str]:
    """Return the command that runs Poetry; it is installed where it is not there yet.

    Raises:
        PreparationError: it cannot be installed.
    """
    return [tool("poetry", VERSION, PLUGIN)]


def variables() -> dict[str, str]:
    """Return the environment for Poetry, with the address of the index that pip uses."""
    env = programs.variables()
    env |= {"POETRY_VIRTUALENVS_IN_PROJECT": "true", "POETRY_VIRTUALENVS_CREATE": "true"}
    return {"POETRY_PYPI_MIRROR_URL": sources.index()} | env


def tool(name: str, version: str, *more: str) -> str:
    """Return a program in a private environment of this user, made once at a pinned version."""
    major, minor = sys.version_info[:2]
    home = programs.cache_home() / f"{name}-{version}-{major}.{minor}"
    program = home / "bin" / name
    if not (program.exists() and os.access(home / "bin" / "python", os.X_OK)):
        programs.say(f"installing {name.capitalize()} {version} for this user, once")
        _install(home, [f"{name}=={version}", *more])
    return str(program)


def _install(home: Path, wanted: list[str]) -> None:
    """Make a private environment with these packages; a broken attempt leaves nothing behind."""
    shutil.rmtree(home, ignore_errors=True)
    try:
        _run([interpreter.chosen(), "-m", "venv", "--without-pip", str(home)], f"making {home}")
        pip = [*sources.pip(), "--python", str(home / "bin" / "python")]
        _run([*pip, "install", "--quiet", "--no-user", *wanted], f"installing {wanted[0]}")
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise


def _run(command: list[str], what: str) -> None:
    done = programs.ask(command, sources.for_pip())
    if done.returncode:
        end = "\n".join(f"  {line}" for line in (done.stdout + done.stderr).splitlines()[-8:])
        raise PreparationError(f"{what} failed\n{end}")
