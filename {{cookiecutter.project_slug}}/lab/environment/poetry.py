"""Poetry, which edits `poetry.lock`: a private one, through the simple API of pip's index."""

import hashlib
import os
import re
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path

from . import PreparationError, installing, interpreter, programs, sources, uv
from .requirements import BUILD, requirements

# Poetry and its plugin with all that they need, by hash. Poetry's own client asks for more than
# the simple API, which is all that most indexes have; with the plugin it is content with that.
PINNED = Path(__file__).with_name("poetry.txt")


def command() -> list[str]:
    """Return the command that runs Poetry; it is installed where it is not there yet.

    Raises:
        PreparationError: it cannot be installed.
    """
    program = str(home() / "bin" / "poetry")
    if programs.ask([program, "--version"]).returncode:
        programs.say("installing Poetry for this user, once")
        _install(home())
    return [program]


def home() -> Path:
    """Return the folder of the private Poetry: another one for other packages or another Python."""
    text = PINNED.read_text(encoding="utf-8")
    version = re.search(r"^poetry==(\S+)", text, re.MULTILINE)[1]
    digest = hashlib.sha256(f"{interpreter.allowed()}\n{text}".encode()).hexdigest()[:8]
    return programs.cache_home() / f"poetry-{version}-{digest}"


def _install(home: Path) -> None:
    """Make the private environment; a broken attempt leaves nothing behind."""
    shutil.rmtree(home, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        tools = Path(scratch) / "tools.txt"
        tools.write_text(_tools(), encoding="utf-8")
        packages = Path(shutil.copy(PINNED, scratch))
        try:
            installing.create(home, interpreter.allowed())
            installing.install(home, home, installing.Wanted(packages, tools))
        except BaseException:
            shutil.rmtree(home, ignore_errors=True)
            raise


def _tools() -> str:
    """Return what the lock of this project says of uv; nothing if the lock cannot be read."""
    project = Path(__file__).resolve().parents[2]
    try:
        lock = tomllib.loads((project / "poetry.lock").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return "".join(f"{line}\n" for line in requirements(lock, [BUILD], project))


def installer() -> str:
    """Return the program uv that installs here; "" where it cannot be had."""
    with tempfile.TemporaryDirectory() as scratch:
        tools = Path(scratch) / "tools.txt"
        tools.write_text(_tools(), encoding="utf-8")
        return uv.find(tools)[0]


def variables() -> dict[str, str]:
    """Return the environment for Poetry, with the address of the index that pip uses."""
    env = programs.variables()
    bundle = sources.certificates(sources.settings())
    told = {"POETRY_PYPI_MIRROR_URL": sources.index(), "REQUESTS_CA_BUNDLE": bundle}
    told |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), sources.settings().get("proxy", ""))
    own = {"POETRY_VIRTUALENVS_CREATE": "false"}
    return {k: v for k, v in told.items() if v} | env | own


def tool(name: str, version: str) -> str:
    """Return a program in a private environment of this user, made once at a pinned version."""
    major, minor = sys.version_info[:2]
    home = programs.cache_home() / f"{name}-{version}-{major}.{minor}"
    program = home / "bin" / name
    if not (program.exists() and os.access(home / "bin" / "python", os.X_OK)):
        programs.say(f"installing {name} {version} for this user, once")
        _install_unlocked(home, f"{name}=={version}")
    return str(program)


def _install_unlocked(home: Path, wanted: str) -> None:
    """Make a private environment with a package; a broken attempt leaves nothing behind."""
    shutil.rmtree(home, ignore_errors=True)
    try:
        installing.create(home, interpreter.allowed())
        pip = [*sources.pip(), "--python", str(home / "bin" / "python")]
        done = programs.ask([*pip, "install", "--quiet", "--no-user", wanted], sources.for_pip())
        if done.returncode:
            end = "\n".join(f"  {line}" for line in (done.stdout + done.stderr).splitlines()[-4:])
            raise PreparationError(f"{wanted} could not be installed\n{end}")
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise
