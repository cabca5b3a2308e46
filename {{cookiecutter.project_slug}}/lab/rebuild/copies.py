"""Copies of the project in which an experiment is built again, and which share its `.venv`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from lab.errors import LabError
from lab.experiments import Experiment, root

_SKIPPED = {".git", ".venv", "generated", "__pycache__"}
_IS_CURRENT = (
    "import pathlib, sys; sys.path.insert(0, '.'); from lab import environment;"
    " sys.exit(not environment.is_current(pathlib.Path('.').resolve()))"
)


def of_working_tree(place: Path, reverse: bool = False) -> Path:
    """Copy the project as it is now, changes that are not committed included.

    Args:
        place: a folder that does not exist yet.
        reverse: write the files in the opposite order, which some file systems list them in.

    Returns:
        the project in the copy.
    """
    project = place
    if head := ask_git("rev-parse", "--verify", "--quiet", "HEAD"):
        project = _clone(place, head)
        _take_index(project)
    names = _files()
    for name in sorted(names, reverse=reverse):
        _put(root() / name, project / name)
    link_environment(project)
    return project


def of_commit(place: Path, commit: str) -> tuple[Path, bool]:
    """Copy the project as a commit has it.

    Returns:
        the project in the copy, and whether it uses our `.venv`.
    """
    project = _clone(place, commit)
    _git(place, "checkout", "--quiet", "--force", "--detach", commit)
    if not (project / "Makefile").is_file():
        raise LabError(f"commit {commit[:12]} has no Makefile: this project is younger")
    return project, link_environment(project)


def link_environment(project: Path) -> bool:
    """Let the copy use our `.venv`, if its own equipment says that it is what its lock asks for."""
    link = project / ".venv"
    link.symlink_to((root() / ".venv").resolve())
    environment = clean_environment() | {"PYTHONDONTWRITEBYTECODE": "1"}
    asked = [sys.executable, "-c", _IS_CURRENT]
    done = subprocess.run(asked, cwd=project, env=environment, capture_output=True)
    if done.returncode:
        link.unlink()
    return done.returncode == 0


def bring_data(
    experiment: Experiment, project: Path, names: list[str], reverse: bool = False
) -> None:
    """Copy data files, given relative to the generated folder; the copy verifies them itself."""
    target = project / "generated" / experiment.name
    for name in sorted(names, reverse=reverse):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(experiment.generated / name, target / name)


def clean_environment() -> dict[str, str]:
    """Return our environment without what `make` and git leave in it for their children."""
    dropped = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "PYTHONPATH", "COMMIT")
    return {k: v for k, v in os.environ.items() if k not in dropped and not k.startswith("GIT_")}


def ask_git(*arguments: str) -> str:
    """Return the answer of git about the project; "" without git or where it has none."""
    try:
        done = subprocess.run(
            ["git", "-c", "core.quotePath=off", *arguments],
            cwd=root(),
            env=clean_environment(),
            capture_output=True,
        )
    except FileNotFoundError:
        return ""
    return os.fsdecode(done.stdout).rstrip("\n") if done.returncode == 0 else ""


def _clone(place: Path, commit: str) -> Path:
    """Make a repository that borrows the objects of ours; return the project's folder in it."""
    top, prefix = ask_git("rev-parse", "--show-toplevel"), ask_git("rev-parse", "--show-prefix")
    place.parent.mkdir(parents=True, exist_ok=True)
    _git(place.parent, "clone", "--quiet", "--shared", "--no-checkout", top, str(place))
    _git(place, "update-ref", "--no-deref", "HEAD", commit)
    return place / prefix if prefix else place


def _take_index(project: Path) -> None:
    """Stage in the copy what is staged here, so that git says the same about both."""
    entries = ask_git("ls-files", "--stage", "--full-name", "-z", ":/")
    project.mkdir(exist_ok=True, parents=True)
    _git(project, "update-index", "-z", "--index-info", given=os.fsencode(entries))


def _git(folder: Path, *arguments: str, given: bytes | None = None) -> None:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=clean_environment(), input=given, capture_output=True
    )
    if done.returncode:
        text = done.stderr.decode(errors="replace").strip()
        raise LabError(f"git {arguments[0]} failed while copying the project\n  {text}")


def _files() -> list[str]:
    """Return the files that git holds or would add; without git, all that people write."""
    listed = ask_git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = {n for n in listed.split("\0") if n}
    if not names:
        names = {os.path.relpath(p, root()) for p in _walk(root())}
    return [n for n in names if os.path.lexists(root() / n) and not os.path.isdir(root() / n)]


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
