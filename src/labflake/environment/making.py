"""Make `.venv` new, or change it; the one that worked is put back when that fails."""

import contextlib
import os
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

from . import (
    NOTE,
    PreparationError,
    UnfitError,
    altered,
    aside,
    fingerprint,
    installing,
    interpreter,
    is_whole,
    optional_groups,
    own_project,
    programs,
    untouched,
    uv,
)
from .requirements import BUILD, beside, indexes, parsed, requirements, wanted_groups


def make(folder: Path) -> None:
    """Make `.venv` what the lock asks for.

    Raises:
        PreparationError: it cannot be; `.venv` is as it was before.
    """
    with programs.alone(folder), tempfile.TemporaryDirectory() as scratch:
        aside.recover(folder / ".venv")
        if is_whole(folder):
            return
        asked = _Asked(folder, Path(scratch))
        with _installed(folder, asked) as venv:
            shutil.copyfile(asked.wanted.packages, venv / installing.INSTALLED)
            own_project.link(folder, venv, asked.pyproject)
            for place in beside(asked.lock, folder):
                own_project.link(place, venv, _read(place, "pyproject.toml"))
            (venv / NOTE).write_text(fingerprint(folder, asked.groups), encoding="utf-8")
            untouched.seal(venv)


class _Asked:
    """What the files of a project ask for; read when it is needed, once."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        self._folder, self._scratch = folder, scratch
        self.groups = optional_groups(folder)

    @cached_property
    def pyproject(self) -> dict:
        return _read(self._folder, "pyproject.toml")

    @cached_property
    def lock(self) -> dict:
        return _read(self._folder, "poetry.lock", parsed)

    @cached_property
    def wanted(self) -> installing.Wanted:
        """The requirements of the lock for pip and uv, in files."""
        groups = _wanted_groups(self.pyproject, self.groups)
        files = self._scratch / "packages.txt", self._scratch / "tools.txt"
        for path, names in zip(files, (groups, [BUILD]), strict=True):
            lines = requirements(self.lock, names, self._folder)
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return installing.Wanted(*files, indexes(self.lock))


def _read(folder: Path, name: str, parse: Callable[[str], dict] = tomllib.loads) -> dict:
    try:
        text = (folder / name).read_text(encoding="utf-8")
        return parse(text)
    except OSError as problem:
        raise PreparationError(f"{name} cannot be read: {problem.strerror}") from None
    except ValueError as problem:
        from .editing import conflict as of_merge

        conflict = of_merge(text, name)
        raise PreparationError(conflict or f"{name} is no TOML: {problem}") from None


def _wanted_groups(pyproject: dict, optional: list[str]) -> list[str]:
    try:
        return wanted_groups(pyproject, optional)
    except KeyError as unknown:
        there = ", ".join(pyproject.get("tool", {}).get("poetry", {}).get("group", {})) or "none"
        raise PreparationError(
            f"pyproject.toml has no group {unknown}, which WITH asks for; its groups: {there}\n"
            "  a group of packages is written as [tool.poetry.group.NAME.dependencies]"
        ) from None


@contextlib.contextmanager
def _installed(folder: Path, asked: _Asked) -> Iterator[Path]:
    """Yield `.venv` with its packages; if they or what follows fails, put the old one back."""
    venv = folder / ".venv"
    python, other = interpreter.chosen(folder, lambda: uv.find(asked.wanted.tools)[0])
    if other:
        programs.say(other)
    said = why = ""
    if os.path.lexists(venv):
        wanted = asked.wanted  # what is wrong with it is said before anything changes
        why = _unsound(venv, python)
        said = "" if why else _changed(folder, venv, wanted)
        if not (said or why):
            yield venv
            return
    if why:
        programs.say(f"making .venv again: {why}")
    with aside.replaced(venv):
        _fill(folder, python, asked, said)
        yield venv


def _fill(folder: Path, python: str, asked: _Asked, said: str) -> None:
    """Make `.venv` and install; a folder of wheels may be one for another Python that is allowed.

    Raises:
        PreparationError: it cannot be done with any; told of the first one.
    """
    venv = folder / ".venv"
    try:
        installing.create(venv, python, lambda: asked.wanted)
        installing.install(folder, venv, asked.wanted, said)
    except UnfitError as first:
        for other in interpreter.others(python):
            programs.say(f"{str(first).splitlines()[0]}: {other} is tried")
            with contextlib.suppress(UnfitError):
                shutil.rmtree(venv)
                installing.create(venv, other, lambda: asked.wanted)
                return installing.install(folder, venv, asked.wanted)
        raise


def _changed(folder: Path, venv: Path, wanted: installing.Wanted) -> str:
    """Change the packages of a `.venv`; return what uv said if it could not."""
    note = (venv / NOTE).read_text(encoding="utf-8")
    before = altered.installed(venv)
    (venv / NOTE).unlink()
    said = installing.by_uv(folder, venv, wanted)
    if said and altered.installed(venv) == before:
        (venv / NOTE).write_text(note, encoding="utf-8")
    return said


def _by_hand(venv: Path) -> str:
    """Return what somebody changed in the packages of `.venv`; "" for nothing."""
    if files := altered.packages(venv):
        more = f" and {len(files) - 1} more were" if len(files) > 1 else " was"
        return f".venv/{min(files.values())}{more}"
    return "" if untouched.is_as_sealed(venv) else "packages of .venv were"


def _unsound(venv: Path, python: str) -> str:
    """Say why `.venv` has to be made again, or nothing; it must be of this folder and this Python.

    Where an interpreter is asked for by its path (Nix), it must have been that one: another may
    lack the libraries that wheels need, or be deleted with the next garbage collection.
    """
    config, program = venv / "pyvenv.cfg", venv / "bin" / "python"
    if venv.is_symlink():
        return f"it is a link to {os.readlink(venv)}"
    if not ((venv / NOTE).exists() and config.exists()):
        return "it is not complete"
    if changed := _by_hand(venv):
        return f"{changed} changed by hand; make add PACKAGE=… is for that"
    lines = config.read_text(encoding="utf-8").splitlines()
    made = dict(line.split(" = ", 1) for line in lines if " = " in line)
    place = made.get("command", "").rpartition(" --without-pip ")[2]
    if place != str(venv):
        return f"it was made as {place}" if place else "it does not say where it was made"
    asked = ["-c", "import platform; print(platform.python_version())"]
    own, wanted = (programs.ask([p, *asked]) for p in (str(program), python))
    if own.returncode:
        return "its Python does not start"
    if own.stdout != wanted.stdout:
        return f"it has Python {own.stdout.strip()}, and {wanted.stdout.strip()} is to be used"
    if os.environ.get("PROJECT_PYTHON") and made.get("home") != str(Path(python).parent):
        return f"its Python is that of {made.get('home')}"
    return ""
