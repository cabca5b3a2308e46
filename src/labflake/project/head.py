"""What git has checked out, read from git's own files: every build asks, and nothing is started."""

import os
from functools import cache
from pathlib import Path

_REFTABLE = "reftable"  # a format of branches that only git itself can read


def top(folder: Path) -> Path | None:
    """Return the top of the checkout that holds the folder, None where there is none.

    It is looked for as git does: upwards, on the same disk, and not in `GIT_CEILING_DIRECTORIES`.
    """
    ceilings = os.environ.get("GIT_CEILING_DIRECTORIES", "").split(os.pathsep)
    closed = {os.path.realpath(c) for c in ceilings if c}
    across = os.environ.get("GIT_DISCOVERY_ACROSS_FILESYSTEM", "").lower() in ("1", "true", "yes")
    disk = os.stat(folder).st_dev
    for place in (folder, *folder.parents):
        if place != folder and str(place) in closed:
            return None
        try:
            if os.stat(place).st_dev != disk and not across:
                return None
        except PermissionError:
            return None
        if os.path.isfile(place / ".git") or _is_repository(place / ".git"):
            return place
    return None


def _is_repository(git: Path) -> bool:
    """Tell whether this is git's folder; one that we may not look into counts."""
    try:
        os.lstat(git / "HEAD")
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def branch(folder: Path) -> str:
    """Return the branch that is checked out where the folder is; "" where there is none."""
    head = _head(folder)
    return head.removeprefix("ref: refs/heads/") if head.startswith("ref: ") else ""


def commit(folder: Path) -> str:
    """Return the commit that is checked out where the folder is; "" before the first one."""
    value = _head(folder)
    for _ in range(5):  # a branch may stand for another one
        if not value.startswith("ref: "):
            return value
        value = _value(folder, value.removeprefix("ref: "))
    return ""


def files(folder: Path) -> list[Path]:
    """Return the files that differ once another commit is checked out where the folder is."""
    place = top(folder)
    if not place:
        return []
    git, common = folders(place)
    found, value = [git / "HEAD"], _line(git / "HEAD")
    while value.startswith("ref: ") and len(found) < 5:
        branches = [each / value.removeprefix("ref: ") for each in (git, common)]
        own = next((path for path in branches if path.is_file()), None)
        # A branch that is packed, or in a table, gets its own file with the next commit.
        log = git / "logs" / "HEAD"
        found += [own] if own else [common / "packed-refs", common / _REFTABLE / "tables.list", log]
        value = _line(own) if own else ""
    return [path for path in dict.fromkeys(found) if path.is_file()]


def references(folder: Path, all_of_them: bool) -> list[Path]:
    """Return the files and folders that differ once there is another tag, or any reference."""
    place = top(folder)
    if not place:
        return []
    _, common = folders(place)
    loose = common / "refs" if all_of_them else common / "refs" / "tags"
    tables = common / _REFTABLE / "tables.list"
    return [path for path in (common / "packed-refs", tables, loose) if path.exists()]


@cache
def keeps_rights(folder: Path) -> bool:
    """Tell whether a project's drive keeps which files are programs: some show all of them as such.

    git asks that once, when a repository is made, and people set its answer (`core.fileMode`).
    """
    try:
        return not os.stat(folder / "pyproject.toml").st_mode & 0o100
    except OSError:
        return True


def _head(folder: Path) -> str:
    place = top(folder)
    if not place:
        return ""
    git, common = folders(place)
    if (common / _REFTABLE).is_dir():
        return _asked(folder)
    return _line(git / "HEAD")


def _value(folder: Path, reference: str) -> str:
    """Return what a branch points at: a file of its own wins over the packed ones."""
    place = top(folder)
    for git in dict.fromkeys(folders(place)) if place else ():
        if value := _line(git / reference):
            return value
        for line in _text(git / "packed-refs").splitlines():
            if line.endswith(f" {reference}"):
                return line.split()[0]
    return ""


def _asked(folder: Path) -> str:
    """Ask git, where its files are of a kind that only git reads."""
    from labflake.project.git import git

    found = git("symbolic-ref", "--quiet", "HEAD", cwd=folder, allowed=(0, 1))
    here = git("rev-parse", "--verify", "--quiet", "HEAD", cwd=folder, allowed=(0, 1))
    return here if not found else f"ref: {found}"


def folders(place: Path) -> tuple[Path, Path]:
    """Return git's folder of this checkout, and the one that all its worktrees share."""
    git = place / ".git"
    if not git.is_dir():
        git = place / _line(git).removeprefix("gitdir:").strip()
    shared = _line(git / "commondir")
    return git, git / shared if shared else git


def _line(path: Path) -> str:
    return _text(path).strip()


def _text(path: Path) -> str:
    """Return what a file of git says; "" if it is not there, or not for us to read."""
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
