"""What is in a folder: the names that count, or every file below it, links included."""

import hashlib
import json
import os
import stat as modes
from collections.abc import Iterable, Iterator

from labflake.errors import LabError
from labflake.project.experiments import RECORD, root


def names(folder: str | os.PathLike) -> list[str]:
    """Return the names in a folder, without what editors and Python leave there."""
    try:
        found = os.listdir(folder)
    except OSError:
        return []
    return sorted(n for n in found if not _is_left(n) and not (n == RECORD and _is_own(folder)))


def _is_own(folder: str | os.PathLike) -> bool:
    """Tell whether this is the folder of an experiment: the record there is written by machines."""
    return os.path.dirname(os.path.normpath(folder)) == str(root() / "scripts")


def _is_left(name: str) -> bool:
    """Tell whether an editor (`.x.swp`, `x~`, `#x#`) or Python left a name."""
    return name[0] == "." or name[-1] == "~" or name[0] == name[-1] == "#" or name == "__pycache__"


def walk(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Give every file below `folder` with its stat; links are followed, never in a circle.

    Raises:
        LabError: Something is neither a file nor a folder, or a link leads nowhere.
    """
    for name, stat in everything(folder):
        if stat is None or not modes.S_ISREG(stat.st_mode):
            raise LabError(f"{name} is neither a file nor a folder, or a broken link")
        yield name, stat


def everything(folder: str) -> Iterator[tuple[str, os.stat_result | None]]:
    """Give all below `folder` that is no folder, with its stat; None for a link that leads nowhere.

    Links are followed, but never in a circle.
    """
    real = os.path.realpath(folder)
    waiting = [(folder, real, frozenset({real}))]
    while waiting:
        path, real, above = waiting.pop()
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            # From an open folder, the system need not find the way to each file again.
            with os.scandir(handle) as entries:
                for entry in entries:
                    name = f"{path}/{entry.name}"
                    if not is_folder(entry):
                        yield name, _stat(entry)
                        continue
                    linked = entry.is_symlink()
                    below = os.path.realpath(name) if linked else f"{real}/{entry.name}"
                    if below not in above:
                        waiting.append((name, below, above | {below}))
        finally:
            os.close(handle)


def digest_of(parts: Iterable[tuple[str, str]]) -> str:
    """Return the digest of a folder with these files, each with its digest, sorted by name."""
    # The slash: no file has such a digest, not even one that lists the folder.
    return hashlib.sha256(json.dumps([*parts]).encode()).hexdigest() + "/"


def listing(folder: str) -> list[str]:
    """Return the files below a folder, sorted, with `/` between the parts of their names."""
    return [name for name, _ in listed(folder)]


def listed(folder: str) -> list[tuple[str, os.stat_result | None]]:
    """Return the files below a folder, sorted, each with its stat; None for a broken link.

    Links are followed, but never in a circle.

    Raises:
        LabError: a folder cannot be read.
    """
    try:
        found = [(name[len(folder) + 1 :], stat) for name, stat in everything(folder)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LabError(unreadable(error.filename or folder, error)) from None
    return sorted(found, key=lambda each: each[0])


def unreadable(path: str, error: OSError) -> str:
    """Say why a file or folder cannot be read, and what to do."""
    from labflake.project.surroundings import explained

    return explained(error) or f"{path} cannot be read: {(error.strerror or '').lower()}"


def is_folder(entry: os.DirEntry) -> bool:
    """Tell whether a folder is there, or a link to one; a link may lead through what is a file."""
    try:
        return entry.is_dir()
    except OSError:
        if not entry.is_symlink():
            raise
        return False


def _stat(entry: os.DirEntry) -> os.stat_result | None:
    try:
        return entry.stat()
    except OSError:
        if not entry.is_symlink():
            raise
        return None
