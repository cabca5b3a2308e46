"""Merge a newer rendering of the template into the project, with git's own three-way merge."""

import os
import tempfile
from pathlib import Path

from labflake.content.atomic import rewrite
from labflake.environment import vendored
from labflake.errors import LabError
from labflake.project.experiments import root
from labflake.project.git import git, run
from labflake.template import packages


def merge(old: Path, new: Path, title: str) -> list[str]:
    """Bring what changed between two renderings into the project; return the files in conflict.

    Both renderings become commits in the project's own object store, and the second is picked like
    any commit: renames are followed, the user's edits stay, and a conflict is what `git status`
    shows and what stands between markers in the file. (A patch, which cruft would apply, needs the
    old contents in the project's history, and without them leaves `.rej` files.)

    Raises:
        LabError: git refused, for example because an untracked file is in the way.
    """
    _with_our_labflake(old, new)
    for path in _unwanted(old, new):
        for rendering in (old, new):
            if (rendering / path).is_file():
                (rendering / path).unlink()
    base = _commit(old, "the old version of the template")
    commit = _commit(new, title, "-p", base)
    code, _, said = run("cherry-pick", "--no-commit", commit)
    conflicts = git("diff", "--name-only", "--diff-filter=U", "-z").split("\0")
    conflicts = [name for name in conflicts if name]
    if code and not conflicts:
        raise LabError(f"git could not merge; nothing changed\n  {said}")
    return conflicts


def _with_our_labflake(old: Path, new: Path) -> None:
    """Let the old rendering have the labflake of the project, so that an upgrade of it is no edit.

    So does the new one if that has none that is newer, or labflake is unpacked here.
    """
    if vendored.unpacked(root()):
        for rendering in (old, new):
            vendored.bring(root(), rendering)
    elif (ours := vendored.here(root())) and (theirs := vendored.here(new)):
        vendored.put(ours, old)
        if vendored.number(vendored.facts(ours)) > vendored.number(vendored.facts(theirs)):
            vendored.put(ours, new)


def _unwanted(old: Path, new: Path) -> set[Path]:
    """Return files that the user removed, and new ones in folders that the user removed."""
    before, after = _files(old), _files(new)
    gone = {path for path in before if not os.path.lexists(root() / path)}
    folders = {path.parent for path in before if path.parent != Path(".")}
    closed = {folder for folder in folders if not (root() / folder).exists()}
    return gone | {path for path in after - before if closed.intersection(path.parents)}


def _files(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir()}


def _commit(folder: Path, title: str, *parent: str) -> str:
    """Write the files of a folder as a commit that no branch has; return its hash."""
    with tempfile.TemporaryDirectory() as private:
        place = {
            "GIT_DIR": git("rev-parse", "--absolute-git-dir", cwd=root()),
            "GIT_WORK_TREE": str(folder),
            "GIT_INDEX_FILE": str(Path(private) / "index"),
            **{f"GIT_{who}_NAME": "template" for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_EMAIL": "template@localhost" for who in ("AUTHOR", "COMMITTER")},
        }
        git("add", "--all", "--force", ".", cwd=folder, variables=place)
        tree = git("write-tree", cwd=folder, variables=place)
        return git("commit-tree", tree, *parent, "-m", title, cwd=folder, variables=place)


def settle_locks(conflicts: list[str]) -> tuple[list[str], list[str]]:
    """Settle conflicts in what is asked for, by names, and in the locks, which nobody merges.

    The flake.lock of the project stays. In poetry.lock the template's pins win, and Poetry adds the
    packages that the project has besides.

    Returns:
        The conflicts that are left, and lines that say what was done.
    """
    left, said = [c for c in conflicts if c not in ("flake.lock", "poetry.lock")], []
    if "pyproject.toml" in left and packages.settle():
        left.remove("pyproject.toml")
        said.append("pyproject.toml has your packages, and the template's")
    if "flake.lock" in conflicts:
        git("checkout", "--ours", "flake.lock", cwd=root())
        git("add", "flake.lock", cwd=root())
        said.append("flake.lock stays as it was: `make update` renews it")
    if "poetry.lock" in conflicts:
        git("checkout", "--theirs", "poetry.lock", cwd=root())
        if "pyproject.toml" not in left and _relock():
            git("add", "poetry.lock", cwd=root())
            said.append("poetry.lock has the template's versions, and your packages")
        else:
            left.append("poetry.lock")
            said.append("poetry.lock has the template's versions: run `make lock` at the end")
    return left, said


def _relock() -> bool:
    """Let Poetry complete the lock; tell whether it could."""
    from labflake import environment
    from labflake.environment import locking

    try:
        files = locking.ask(root(), "lock").files
    except environment.PreparationError:
        return False
    if files:
        rewrite(root() / "poetry.lock", files["poetry.lock"])
    return files is not None
