"""The commit that an experiment is made from: the last one that changed its code or its packages.

A commit that changes a lock, and no package that the experiment can see, is not one of them.
"""

import functools
import json
import os
import re
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from labflake.data_files.gate import wording
from labflake.environment import python_asked
from labflake.project import git, head, uncommitted
from labflake.project.experiments import Experiment, root
from labflake.project.git import GitError
from labflake.project.packages import named

FONTS = "fonts"  # a folder of the project: for characters that the fonts of the PDF lack
NO_GIT = "not under version control"
_EMPTY = "no commit yet"
_NO_COMMIT = "its repository does not hold this project"
FAILED = "git could not say"
_OWN = ("src", FONTS, "flake.lock")
_FOLDER = re.compile(r'^type = "directory"\nurl = "([^"\n]+)"', re.M)
_PACKAGE = re.compile(r"^(?=\[\[package\]\]$)", re.M)  # what a lock is cut before
_PINS = ("poetry.lock", "pyproject.toml")  # of these only the packages that are seen, and Python


class Origin(NamedTuple):
    """What git knows of an experiment: its commit, or why there is none."""

    commit: str | None = None
    uncommitted: tuple[str, ...] = ()
    shallow: bool = False
    why: str = ""
    problem: str = ""


def of(experiment: Experiment, packages: Collection[str]) -> Origin:
    """Return what git says; where it cannot say anything, a document is made all the same.

    Args:
        experiment: the experiment.
        packages: the names of the packages that it can see.
    """
    origin = of_code(experiment)
    if not origin.commit:
        return origin
    try:
        return _with_packages(origin, frozenset(packages))
    except GitError as error:
        return Origin(why=FAILED, problem=str(error))


@functools.cache
def of_code(experiment: Experiment) -> Origin:
    """Return what git says of the code alone."""
    if not git.is_here():
        return Origin(why=NO_GIT)
    try:
        return _asked(experiment)
    except GitError as error:
        return Origin(why=FAILED, problem=str(error))


def _asked(experiment: Experiment) -> Origin:
    """Return the last commit that changed the code of the experiment, and what is not in it.

    Commits that only touch other experiments do not count: they cannot change the document.

    Raises:
        GitError: git refuses the repository, or is not installed.
    """
    paths = [*uncommitted.written(experiment), *_OWN]
    first = git.git("rev-parse", "--verify", "--quiet", "HEAD^{commit}", allowed=(0, 1))
    held = first and git.git("ls-tree", "HEAD")
    commit = (held and _last(*paths)) or (held and _last(*paths, *_PINS))
    if not commit:
        return Origin(why=_NO_COMMIT if first else _EMPTY)
    names = tuple(uncommitted.files([*paths, *_PINS])) + tuple(_packages_outside())
    return Origin(commit, names, git.git("rev-parse", "--is-shallow-repository") == "true")


def _packages_outside() -> list[str]:
    """Return the folders of packages that `poetry.lock` names and that no commit here holds."""
    lock = (root() / "poetry.lock").read_text(encoding="utf-8")
    top = os.path.realpath(head.top(root()) or root())
    folders = {name: os.path.realpath(root() / name) for name in _FOLDER.findall(lock)}
    return sorted(name for name, real in folders.items() if not Path(real).is_relative_to(top))


def _last(*paths: str) -> str:
    return git.git("rev-list", "-1", "HEAD", "--", *paths)


@functools.cache
def _with_packages(origin: Origin, packages: frozenset[str]) -> Origin:
    """Return the origin with the last commit, if it is later, that changed one of the packages.

    Raises:
        GitError: git refuses the repository.
    """
    assert origin.commit
    later = git.git("rev-list", f"{origin.commit}..HEAD", "--", *_PINS).split()
    before = [*later, origin.commit][1:]
    found = (c for c, old in zip(later, before, strict=True) if _differ(old, packages))
    commit = next(found, origin.commit)
    if later:
        code, *_ = git.run("merge-base", "--is-ancestor", origin.commit, commit)
        commit = git.git("rev-parse", "HEAD") if code else commit  # of two branches: both are in it
    names = origin.uncommitted
    if {*_PINS} & {*names} and not _differ("", packages):
        names = tuple(name for name in names if name not in _PINS)
    return origin._replace(commit=commit, uncommitted=tuple(map(wording.shown, names)))


@functools.cache
def _at(commit: str) -> list[str]:
    """Return what a lock and `pyproject.toml` were at a commit; are now, without one."""
    if not commit:
        return [_here(name) for name in _PINS]
    return [git.git("show", f"{commit}:./{name}", allowed=(0, 128)) for name in _PINS]


@functools.cache
def _differ(commit: str, packages: frozenset[str]) -> bool:
    """Tell whether some packages, or Python, were others at a commit than they are at `HEAD`.

    To read a whole lock takes a quarter of a second: only what is not in both is read.
    """
    (old, about), (new, about_now) = _at(commit), _at("HEAD")
    was, now = ({*_PACKAGE.split(lock)} for lock in (old, new))
    seen_then = _seen(was - now, packages), python_asked(about)
    return seen_then != (_seen(now - was, packages), python_asked(about_now))


def _here(name: str) -> str:
    path = root() / name
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _seen(parts: Collection[str], packages: frozenset[str]) -> str:
    """Return what the parts of a lock say of some packages."""
    lock = "".join(sorted(parts))
    try:
        locked = tomllib.loads(lock).get("package", [])
    except tomllib.TOMLDecodeError:
        return lock
    mine = [each for each in locked if named(each["name"]) in packages]
    return json.dumps([[p["name"], p["version"], p.get("files"), p.get("source")] for p in mine])
