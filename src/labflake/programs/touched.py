"""Which experiments a branch touches: by their own folder, or by code and packages they share."""

import os
import re
from pathlib import Path

from labflake.errors import LabError
from labflake.programs import modules
from labflake.project.experiments import Experiment, every, root
from labflake.project.git import git, is_here, run

_LOCKS = ("poetry.lock", "pyproject.toml")
# What CI says the branch leads into; it has no other branch checked out.
_TARGETS = ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "CI_DEFAULT_BRANCH")
_NOTHING = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"  # git's name of an empty tree


def own(base: str = "") -> list[Experiment]:
    """Return the experiments whose own files the branch changed.

    Args:
        base: the commit that it is compared with; "" for where it left the main branch.

    Raises:
        LabError: there is no such commit, or no git here.
    """
    return _own(_changed(base))


def all_of(base: str = "") -> list[Experiment]:
    """Return also the experiments that use code of `src`, or packages, that the branch changed."""
    changed = _changed(base)
    mine = _own(changed)
    if any(name in _LOCKS for name in changed):
        return every()
    shared = [root() / name for name in changed if name.startswith("src/")]
    return [each for each in every() if each in mine or (shared and _uses(each, shared))]


def _own(changed: list[str]) -> list[Experiment]:
    names = {name.split("/")[1] for name in changed if re.match("scripts/[^/]+/", name)}
    return [each for each in every() if each.name in names]


def _uses(experiment: Experiment, shared: list[Path]) -> bool:
    """Tell whether a program of an experiment imports one of the files, or a text names it."""
    names = re.compile(rf"\b({'|'.join(re.escape(path.stem) for path in shared)})\b")
    for path in (p for p in experiment.scripts.rglob("*") if p.is_file()):
        if path.suffix == ".py" and not set(shared).isdisjoint(modules.programs(path)):
            return True
        if names.search(path.read_text(encoding="utf-8", errors="replace")):
            return True
    return False


def _changed(base: str) -> list[str]:
    """Return the files of the project that differ from where the branch left the main branch."""
    if not is_here():
        raise LabError("the project is not in git, so nothing says what a branch touches")
    since = start(base) or _NOTHING
    listed = git("diff", "--name-only", "--no-renames", "--relative", "-z", since, "HEAD")
    return [name for name in listed.split("\0") if name]


def start(base: str = "") -> str:
    """Return the commit where the branch left the main branch; "" where all of it is new.

    Raises:
        LabError: there is no commit of that name.
    """
    main = _commit(base) if base else _main()
    if base and not main:
        raise LabError(f"git knows no commit {base}\n  it may be elsewhere: git fetch --all")
    here = _commit("HEAD")
    common = run("merge-base", main, here)[1].strip() if main else ""
    if common and common != here:
        return common
    return _commit("HEAD^")  # on the main branch: what its last commit brought


def _main() -> str:
    """Return the commit of the main branch, as far as it is known here."""
    told = [f"origin/{os.environ[name]}" for name in _TARGETS if os.environ.get(name)]
    usual = ["origin/HEAD", "origin/main", "origin/master", "main", "master"]
    return next(filter(None, map(_commit, [*told, *usual])), "")


def _commit(name: str) -> str:
    found = run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return "" if found[0] else found[1].strip()
