"""Make `.venv` exactly as `poetry.lock` says, with nothing but Python on the machine (`make env`).

This package runs before any other is installed, with whatever Python 3 the machine has. Every
command starts with its question whether `.venv` is right, so what only the making of `.venv` needs
is imported late.
"""

import hashlib
import os
import re
import sys
from pathlib import Path

from labflake.project.options import PREFIX, option

from . import untouched

MADE = "LABFLAKE_MADE"  # variable: `.venv` was just made, so nobody starts again for ever
NOTE = "labflake-environment"  # the file in `.venv` that says for what it was made


class PreparationError(Exception):
    """The environment could not be made; the text says what to do."""


class UnfitError(PreparationError):
    """There are no files of a package for the Python at hand; there may be for another one."""


def main(argv: list) -> int:
    """Make the environment of the folder given, or of this project; `add`, `lock` change its lock.

    `renderer` prints where cookiecutter is. With `--brief` a failure is one line, for shells that
    open without the environment, too; `--with=GROUPS` names optional groups.
    """
    words = [a for a in argv if not a.startswith("--")]
    for groups in [a[len("--with=") :] for a in argv if a.startswith("--with=")]:
        os.environ[PREFIX + "WITH"] = groups
    try:
        _use_wheel(argv)
        if words in (["add"], ["lock"]):
            change(words[0])
        elif words == ["renderer"]:
            _show_renderer(argv)
        else:
            _make(Path(words[0] if words else ".").resolve(), "--brief" in argv)
    except PreparationError as problem:
        short = f"{str(problem).splitlines()[0]}; the rest works, `make env` tells more"
        print(f"error: {short if '--brief' in argv else problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _make(folder: Path, brief: bool) -> None:
    """Make `.venv`; where people ask for it, what is of former times is renewed in any case."""
    was_current = is_current(folder)
    make(folder)
    complain(folder)
    if was_current and not brief:
        _renew(folder)


def _renew(folder: Path) -> None:
    """Bring what people wrote for the equipment of former times up to date, and say so."""
    from labflake.environment import former

    for line in former.bring_up_to_date(folder):
        print(line, flush=True)


def _use_wheel(argv: list) -> None:
    """Let the labflake that the project's lock names do it, if another one is asked."""
    if not is_current(Path.cwd()):
        from labflake.environment import bootstrap

        bootstrap.use_wheel(Path.cwd(), ["-m", "labflake.environment", *argv])


def _show_renderer(argv: list) -> None:
    """Print the program that renders templates; it is installed where it is not there yet."""
    from . import interpreter

    interpreter.continue_with_a_suitable_one(argv)
    from . import poetry

    print(poetry.cookiecutter())


def make(folder: Path) -> None:
    """Make or mend `.venv` in the folder; do nothing if it already is what the lock says.

    Packages of the optional groups that `WITH` names are installed, too, and stay.

    Raises:
        PreparationError: no suitable Python, or packages that cannot be had; `.venv` is as before.
    """
    from . import interpreter

    interpreter.continue_with_a_suitable_one([str(folder)])
    if not is_whole(folder):
        from . import bootstrap, making, programs

        programs.settle(folder)
        making.make(folder)
        _renew(folder)
        bootstrap.keep()


def complain(folder: Path) -> None:
    """Say it if somebody edited `pyproject.toml` or its lock without the other one."""
    from . import freshness

    said = freshness.complaint(folder)
    if said:
        print(said, file=sys.stderr, flush=True)


def change(what: str) -> None:
    """Change the lock of the project in this folder, and install what it says then.

    Raises:
        PreparationError: it could not be done; all is as before.
    """
    from . import interpreter

    interpreter.continue_with_a_suitable_one([what])
    from . import editing, programs

    programs.settle(Path.cwd())
    getattr(editing, what)(Path.cwd())


def is_current(folder: Path, groups=None) -> bool:
    """Tell whether `.venv` is what the lock asks for, by content."""
    try:
        found = (folder / ".venv" / NOTE).read_text(encoding="utf-8")
    except OSError:
        return False
    wanted = fingerprint(folder, optional_groups(folder) if groups is None else groups)
    if found != wanted or not os.access(folder / ".venv" / "bin" / "python", os.X_OK):
        return False
    return untouched.is_as_sealed(folder / ".venv")


def is_whole(folder: Path) -> bool:
    """Tell whether `.venv` is what the lock asks for, with a look at every file of its packages."""
    if not is_current(folder):
        return False
    from . import as_seen

    if as_seen.is_still(folder / ".venv"):
        return True
    from . import altered

    return not altered.packages(folder / ".venv")


def is_itself(folder: Path) -> bool:
    """Tell whether labflake in `.venv` certainly is what was installed, whatever else is there."""
    from . import as_seen

    return as_seen.is_still(folder / ".venv", "labflake")


def fingerprint(folder: Path, groups: list) -> str:
    """Return what decides the contents of `.venv`: its place, interpreter, lock and groups.

    Where no interpreter is asked for, the one that made `.venv` is right: a `.venv` that was made
    in the Nix shell serves outside it, too.
    """
    lock = locked(folder)
    interpreter = os.environ.get("PROJECT_PYTHON") or noted(folder)[1]
    place = os.path.realpath(folder / ".venv")  # a clone may link to the .venv of another
    return "\n".join([place, interpreter, lock, ",".join(groups), ""])


def locked(folder: Path) -> str:
    """Return the hash of the lock, and of the version of Python that `pyproject.toml` names."""
    lock = (folder / "poetry.lock").read_bytes()
    return hashlib.sha256(lock + asked_python(folder).encode()).hexdigest()


def asked_python(folder: Path) -> str:
    """Return the version of Python that `pyproject.toml` names, such as `3.12`; "" for any."""
    try:
        text = (folder / "pyproject.toml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    return python_asked(text)


def python_asked(text: str) -> str:
    """Return the version of Python that the text of a `pyproject.toml` names."""
    own = text.partition("\n[tool.labflake]")[2].partition("\n[")[0]
    found = re.search(r"""^python *= *["'](3\.\d+)["']""", own, re.MULTILINE)
    return found[1] if found else ""


def noted(folder: Path) -> list:
    """Return the four lines of the fingerprint that `.venv` has; empty ones where it has none."""
    try:
        text = (folder / ".venv" / NOTE).read_text(encoding="utf-8")
    except OSError:
        text = ""
    return (text.splitlines() + [""] * 4)[:4]


def optional_groups(folder: Path) -> list:
    """Return the optional groups: those of `WITH` and those that `.venv` already has."""
    asked = [option("WITH"), noted(folder)[3]]
    names = {n for text in asked for n in re.split(r"[,\s]+", text) if n}
    return sorted(names)
