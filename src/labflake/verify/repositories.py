"""Repositories for copies of the project: they borrow the objects of ours, and need no network."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from labflake.errors import LabError
from labflake.project import git as gits
from labflake.project import head
from labflake.project.git import git

# What a person has set up for a repository of their own is not for a copy.
_PLAIN = ("-c", f"core.hooksPath={os.devnull}", "-c", "advice.detachedHead=false")


def borrow(store: Path, place: Path, commit: str) -> None:
    """Make a repository in which a commit is checked out, though no file of it is there yet.

    Args:
        store: git's folder that has the objects.
        place: the folder of the new one.
        commit: what its HEAD is.

    Raises:
        GitError: git failed.
    """
    place.mkdir(parents=True, exist_ok=True)
    kind = git("rev-parse", "--show-object-format")
    git(*_PLAIN, "init", "--quiet", "--template=", f"--object-format={kind}", cwd=place)
    alternates = place / ".git" / "objects" / "info" / "alternates"
    alternates.write_bytes(_quoted(os.fsencode(store / "objects")) + b"\n")
    if (store / "shallow").is_file():
        shutil.copyfile(store / "shallow", place / ".git" / "shallow")
    git("update-ref", "--no-deref", "HEAD", commit, cwd=place)
    _take_settings(store, place)


def _take_settings(store: Path, place: Path) -> None:
    """Set what brings files: filters of what is committed, and the server of a partial clone."""
    settings = _set_in(store, r"^filter\.")
    if (store / "lfs").is_dir():
        settings.append(("lfs.storage", str(store / "lfs")))
    if any(value == "true" for _, value in _set_in(store, r"^remote\..*\.promisor$")):
        settings += _set_in(store, r"^(remote|url|http|credential|core\.sshcommand)(\.|$)")
    for key, value in settings:
        git("config", "--add", key, value, cwd=place)


def _set_in(store: Path, names: str) -> list[tuple[str, str]]:
    """Return the settings with these names of the repository with this folder of git."""
    asked = ("config", "-z", "--get-regexp", names)
    listed = git(*asked, allowed=(0, 1), variables={"GIT_DIR": str(store)}).split("\0")
    return [(key, value) for key, _, value in (e.partition("\n") for e in listed) if key]


def check_out(store: Path, place: Path, commit: str, within: str = "") -> None:
    """Make a copy of a commit with all its files, those of its submodules included.

    Args:
        store: git's folder that has the objects.
        place: the folder of the copy.
        commit: which one.
        within: bring the submodules of this folder only, "" for all.

    Raises:
        LabError: git failed, or the commit of a submodule is not on this machine.
    """
    borrow(store, place, commit)
    git(*_PLAIN, "checkout", "--quiet", "--force", "--detach", commit, cwd=place)
    for path, wanted in _submodules(place, commit, within):
        check_out(_store(store, place, path, wanted), place / path, wanted)


def _submodules(folder: Path, commit: str, within: str) -> Iterator[tuple[str, str]]:
    """Give path and commit of each submodule of a commit."""
    for entry in git("ls-tree", "-r", "-z", commit, cwd=folder).split("\0"):
        about, _, path = entry.partition("\t")
        if about.startswith("160000 ") and path.startswith(within):
            yield path, about.split()[2]


def _store(store: Path, place: Path, path: str, commit: str) -> Path:
    """Return git's folder on this machine that has the commit of a submodule.

    Args:
        store: that of the repository with the submodule.
        place: the copy, where `.gitmodules` is.
        path: where the submodule is in it.
        commit: which one.

    Raises:
        LabError: there is none.
    """
    for folder in [*_checked_out(path), *(store / "modules" / n for n in _names(place, path))]:
        where = {"GIT_DIR": str(folder), "GIT_WORK_TREE": str(folder)}
        if folder.is_dir() and not gits.run("cat-file", "-e", commit, variables=where)[0]:
            return folder
    raise LabError(
        f"the submodule {path} is not here at its commit {commit[:12]}, and steps may need it\n"
        "  bring it: git submodule update --init --recursive   then again"
    )


def _checked_out(path: str) -> list[Path]:
    """Return git's folder of what is checked out at this path of our repository."""
    top = head.top(gits.root())
    place = top / path if top else None
    return [head.folders(place)[1]] if place and (place / ".git").exists() else []


def _names(place: Path, path: str) -> list[str]:
    """Return the names that `.gitmodules` has for the submodule at a path."""
    asked = ("config", "--file", ".gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$")
    found = (entry.partition("\n") for entry in gits.run(*asked, cwd=place)[1].split("\0"))
    return [key[len("submodule.") : -len(".path")] for key, _, value in found if value == path]


def _quoted(path: bytes) -> bytes:
    """Return a path for git's list of object stores, in which a line break would end it."""
    if not re.search(rb'[\n"\\]|^#', path):
        return path
    escaped = path.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"' + escaped + b'"'
