"""Poetry, which edits `poetry.lock`, and cookiecutter: private ones, from pip's index, by hash."""

import hashlib
import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Callable
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from . import PreparationError, installing, interpreter, programs, sources, uv
from .requirements import BUILD, requirements

# Poetry and its plugin with all that they need, by hash. Poetry's own client asks for more than
# the simple API, which is all that most indexes have; with the plugin it is content with that.
PINNED = resources.files(__package__) / "poetry.txt"
RENDERER = resources.files(__package__) / "cookiecutter.txt"


def command() -> list[str]:
    """Return the command that runs Poetry; it is installed where it is not there yet.

    Raises:
        PreparationError: it cannot be installed, or pip is told to ask no index.
    """
    if sources.asks_no_index(sources.settings()):
        raise PreparationError(
            "pip is told to ask no index (no-index), and which versions fit together an index says"
            "\n  lock where one can be reached, and commit that: files are enough to install it"
        )
    program = home() / "bin" / "poetry"
    _provide(
        "Poetry", home(), PINNED, lambda: not programs.ask([str(program), "--version"]).returncode
    )
    return [str(program)]


def home() -> Path:
    """Return the folder of the private Poetry: another one for other packages or another Python."""
    return _home("poetry", PINNED)


def _home(name: str, pinned: Traversable) -> Path:
    text = pinned.read_text(encoding="utf-8")
    version = re.findall(rf"^{name}==(\S+)", text, re.MULTILINE)[0]
    digest = hashlib.sha256(f"{interpreter.allowed()}\n{text}".encode()).hexdigest()[:8]
    return programs.cache_home() / f"{name}-{version}-{digest}"


def _provide(name: str, home: Path, pinned: Traversable, works: Callable[[], bool]) -> None:
    """Install a program where it does not work; of two who need it at once, the second waits."""
    unfinished = _unfinished(home)
    if not unfinished.exists() and works():
        return
    home.parent.mkdir(parents=True, exist_ok=True)
    with programs.alone(home.parent):
        if unfinished.exists() or not works():
            programs.say(f"installing {name} for this user, once")
            _install(home, pinned)


def _unfinished(home: Path) -> Path:
    """Return the file that is there while a program is installed, and where that was killed."""
    return home.with_name(f"{home.name}.unfinished")


def _install(home: Path, pinned: Traversable) -> None:
    """Make the private environment; a broken attempt leaves nothing behind."""
    _unfinished(home).touch()
    shutil.rmtree(home, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        tools = Path(scratch) / "tools.txt"
        tools.write_text(_tools(), encoding="utf-8")
        packages = Path(scratch) / "packages.txt"
        packages.write_text(pinned.read_text(encoding="utf-8"), encoding="utf-8")
        try:
            wanted = installing.Wanted(packages, tools)
            installing.create(home, interpreter.allowed(), lambda: wanted)
            installing.install(home, home, wanted)
        except BaseException:
            shutil.rmtree(home, ignore_errors=True)
            raise
        finally:
            _unfinished(home).unlink(missing_ok=True)


def _tools() -> str:
    """Return what the lock in this folder says of uv; nothing if there is none."""
    project = Path.cwd()
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


def cookiecutter() -> str:
    """Return the program that renders templates; it is installed where it is not there yet.

    Raises:
        PreparationError: it cannot be installed.
    """
    home = _home("cookiecutter", RENDERER)
    program = home / "bin" / "cookiecutter"
    _provide(
        "cookiecutter",
        home,
        RENDERER,
        lambda: program.exists() and os.access(home / "bin" / "python", os.X_OK),
    )
    return str(program)
