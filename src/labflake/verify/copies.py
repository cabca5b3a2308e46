"""Copies of the project in which an experiment is built again, and which share its `.venv`."""

import os
import shutil
from pathlib import Path

from labflake import environment
from labflake.content.digests import sha256
from labflake.data_files.gate import record, versions
from labflake.errors import LabError
from labflake.project import head, uncommitted
from labflake.project.experiments import Experiment, root
from labflake.project.git import git, without_hooks
from labflake.verify import repositories

_SKIPPED = {".git", ".venv", "generated", "__pycache__"}


def of_working_tree(place: Path, reverse: bool = False) -> Path:
    """Copy the project as it is now, changes that are not committed included.

    Args:
        place: a folder that does not exist yet.
        reverse: write the files in the opposite order, which some file systems list them in.

    Returns:
        the project in the copy.
    """
    project = place
    if top := head.top(root()):
        project = place / os.path.relpath(root(), top)
        _borrow(top, place)
    _fill(root(), project, reverse)
    link_environment(project)
    return project


def of_commit(place: Path, commit: str) -> tuple[Path, bool]:
    """Copy the project as a commit has it.

    Returns:
        the project in the copy, and whether it uses our `.venv`.
    """
    top = head.top(root()) or root()
    inside = git("rev-parse", "--show-prefix")
    repositories.check_out(head.folders(top)[1], place, commit, inside)
    project = place / inside
    if not (project / "Makefile").is_file():
        raise LabError(f"commit {commit[:12]} has no Makefile: this project is younger")
    return project, link_environment(project)


def _borrow(top: Path, place: Path) -> None:
    """Make the copy a repository at the commit of ours, if there is one yet."""
    commit = git("rev-parse", "--verify", "--quiet", "HEAD", cwd=top, allowed=(0, 1))
    if commit:
        repositories.borrow(head.folders(top)[1], place, commit)


def _fill(source: Path, target: Path, reverse: bool) -> None:
    """Copy what people wrote below a folder, submodules and other repositories included."""
    for name in sorted(_names(source), reverse=reverse):
        if os.path.isdir(source / name) and not os.path.islink(source / name):
            if (source / name / ".git").exists():
                _borrow(source / name, target / name)
                _fill(source / name, target / name, reverse)
        elif os.path.lexists(source / name):
            _put(source / name, target / name)


def link_environment(project: Path) -> bool:
    """Let the copy use our `.venv`, if that is what its lock asks for."""
    link = project / ".venv"
    link.symlink_to((root() / ".venv").resolve())
    if not environment.is_current(project):
        link.unlink()
    return link.is_symlink()


def bring_data(
    experiment: Experiment, project: Path, names: list[str], reverse: bool = False
) -> None:
    """Copy data files, given relative to the generated folder; the copy verifies them itself."""
    target = project / "generated" / experiment.name
    for name in sorted(names, reverse=reverse):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(experiment.generated / name, target / name)


def bring_recorded(experiment: Experiment, project: Path) -> tuple[list[str], list[str]]:
    """Copy the data that the commit records and that we have; the rest is fetched by the build.

    Returns:
        the names of the files copied, and of all that are recorded.
    """
    known = record.read(project / "scripts" / experiment.name / "hashes.txt").digests
    here = [n for n, digest in known.items() if _has(experiment.generated / n, digest)]
    bring_data(experiment, project, here)
    kept = versions.of(experiment)
    old = [n for n, digest in known.items() if n not in here and kept.has(digest)]
    for name in old:
        target = project / "generated" / experiment.name / name
        target.parent.mkdir(parents=True, exist_ok=True)
        kept.bring(known[name], target)
    return [*here, *old], list(known)


def _has(path: Path, digest: str) -> bool:
    return path.is_file() and sha256(str(path)) == digest


def clean_environment() -> dict[str, str]:
    """Return our environment without what `make` and git leave in it for their children."""
    dropped = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "PYTHONPATH")
    return {k: v for k, v in without_hooks().items() if k not in dropped}


def _names(folder: Path) -> list[str]:
    """Return what git holds or would add; without git, all that people write."""
    if head.top(folder) is None:
        return [os.path.relpath(p, folder) for p in _walk(folder)]
    held = git("ls-files", "-z", "--cached", cwd=folder).split("\0")
    code = uncommitted.ignored_code(["scripts", "src"]) if folder == root() else []
    return [n for n in {*held, *uncommitted.added(["."], cwd=folder), *code} if n]


def _walk(folder: Path) -> list[str]:
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = [f for f in folders if f not in _SKIPPED and Path(place, f) != root() / "data"]
        found += [os.path.join(place, f) for f in files]
    return found


def _put(source: Path, target: Path) -> None:
    """Copy a file or a link with its permissions, and not with its times."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_symlink():
        target.symlink_to(os.readlink(source))
        return
    shutil.copyfile(source, target)
    shutil.copymode(source, target)
