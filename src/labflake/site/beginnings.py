"""Who began each experiment, when, and how it came to the main branch: what git's history says.

Names of branches and authors are other people's: commits stand for branches in every question to
git, and what is printed of them is for the reader alone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from labflake.project.experiments import problem
from labflake.project.git import git, is_here

_FILES = ("--", ":(glob)scripts/*/Snakefile", ":(glob)scripts/*/workflow/Snakefile")
_FORMAT = "--format=%x02%H%x01%P%x01%aN%x01%as"
_PATH = re.compile(r"scripts/([^/]+)/(?:workflow/)?Snakefile")
_REMOTE = "refs/remotes/origin/"


@dataclass(frozen=True)
class Beginning:
    """The first commit of an experiment: its author and day, and where the experiment is by now."""

    commit: str = ""
    author: str = ""
    day: str = ""
    where: str = ""  # "merge 1a2b3c4", "main 1a2b3c4" or "branch NAME"
    branch: str = ""  # full name of a branch that has it, where the main one does not


def beginnings() -> dict[str, Beginning]:
    """Return what is known of every experiment that any branch has, by its name."""
    if not is_here() or not git("rev-parse", "--verify", "--quiet", "HEAD", allowed=(0, 1)):
        return {}
    main = next(filter(None, map(_commit, _main_branches())))
    first = {}
    for name, commit in _added("--branches", "--remotes", "HEAD"):
        first[name] = commit  # the oldest comes last
    arrived = dict(_added("--first-parent", "--diff-merges=first-parent", main[1]))
    branches = _branches()
    found = {n: _beginning(n, c, arrived.get(n), main[0], branches) for n, c in first.items()}
    return {name: each for name, each in found.items() if each.where}


def _main_branches() -> list[str]:
    """Return what may be the main branch, the likeliest first: here, then at the remote."""
    asked = ("symbolic-ref", "--quiet", f"{_REMOTE}HEAD")
    there = git(*asked, allowed=(0, 1, 128))
    names = [there.removeprefix(_REMOTE), "main", "master"] if there else ["main", "master"]
    theirs = [there] if there else [f"{_REMOTE}{name}" for name in names]
    return [*(f"refs/heads/{name}" for name in names), *theirs, "HEAD"]


def _commit(reference: str) -> tuple[str, str] | None:
    """Return a reference and its commit, if there is one."""
    found = git("rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}", allowed=(0, 1))
    return (reference, found) if found else None


def _added(*where: str) -> Iterator[tuple[str, list[str]]]:
    """Give name and commit (its name, parents, author, day) of each experiment that was added."""
    text = git(
        "log",
        "--no-renames",
        "--diff-filter=A",
        _FORMAT,
        "--name-only",
        "--relative",
        *where,
        *_FILES,
    )
    for entry in text.split("\x02")[1:]:
        about, *paths = entry.splitlines()
        for match in filter(None, map(_PATH.fullmatch, paths)):
            if not problem(match[1]):
                yield match[1], about.split("\x01")


def _branches() -> dict[str, str]:
    """Return the commit of each branch by its full name, those of this repository first."""
    asked = ("--format=%(refname)%00%(objectname)%00%(symref)", "refs/heads", "refs/remotes")
    rows = (line.split("\0") for line in git("for-each-ref", *asked).splitlines())
    return {name: commit for name, commit, symbolic in rows if not symbolic}


def _beginning(
    name: str, first: list[str], arrived: list[str] | None, main: str, branches: dict[str, str]
) -> Beginning:
    commit, _, author, day = first
    if arrived and _has(main, name):
        kind = "merge" if " " in arrived[1] else short(main)
        return Beginning(commit, author, day, f"{kind} {arrived[0][:7]}")
    own = [b for b in branches if short(b) == name]
    others = git(
        "for-each-ref", "--format=%(refname)", f"--contains={commit}", "refs/heads", "refs/remotes"
    )
    there = [b for b in dict.fromkeys([*own, *others.splitlines()]) if b in branches]
    branch = next((b for b in there if _has(branches[b], name)), "")
    return Beginning(commit, author, day, branch and f"branch {short(branch)}", branch)


def _has(commit: str, name: str) -> bool:
    files = (f"scripts/{name}/Snakefile", f"scripts/{name}/workflow/Snakefile")
    return bool(git("ls-tree", "--name-only", commit, "--", *files))


def short(reference: str) -> str:
    """Return the name of a branch as people say it."""
    for prefix in ("refs/heads/", _REMOTE, "refs/remotes/"):
        if reference.startswith(prefix):
            return reference.removeprefix(prefix)
    return reference
