"""Outputs of steps, taken apart for the cache and put together again.

An output that is a folder comes back as it was: its files, which of them are programs, its empty
folders, and its symbolic links that stay inside it. Any other link is followed: what it leads to is
kept. Times, owners and finer permissions are not part of a result.
"""

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from labflake.cache.entries import DamagedError, Output
from labflake.content import folders, links


def describe(path: Path, digest: str, digest_of: Callable[[str], str]) -> Output:
    """Return what there is at the path of an output.

    Args:
        path: the output.
        digest: the digest of the output as a whole.
        digest_of: returns the sha256 of a file.

    Raises:
        OSError: a link leads nowhere or in a circle.
    """
    output = Output(digest)
    if path.is_dir():
        _look(str(path), "", output, (os.path.realpath(path),))
    else:
        output.files[""] = ""
    for name in output.files:
        file = os.path.join(path, name) if name else str(path)
        if os.stat(file).st_mode & 0o100:
            output.programs.append(name)
        output.files[name] = digest_of(file)
    return output


def _look(folder: str, prefix: str, output: Output, above: tuple[str, ...]) -> None:
    """Note what is in a folder; `above` are the real paths of the folders that it is in."""
    items = sorted(os.scandir(folder), key=lambda item: item.name)
    if not items:
        output.folders.append(prefix.rstrip("/"))
    for item in items:
        name = prefix + item.name
        end = os.readlink(item.path) if item.is_symlink() else ""
        if end and links.stays(name, end):
            output.links[name] = end
        elif folders.is_folder(item):
            real = os.path.realpath(item.path)
            if real in above:
                raise OSError(f"the link {name} leads in a circle")
            _look(item.path, name + "/", output, (*above, real))
        else:
            output.files[name] = ""


def recreate(output: Output, place: str, fetch: Callable[[str, str, int], None]) -> None:
    """Put an output together.

    Args:
        output: what there was.
        place: where it goes; nothing is there yet.
        fetch: writes the file with a sha256 to a path, with these permissions but for the umask.

    Raises:
        DamagedError: a link leads out of the output, nowhere, or in a circle.
    """
    names = [*output.files, *output.links]
    for folder in {*output.folders, *(os.path.dirname(name) for name in names if name)}:
        os.makedirs(os.path.join(place, folder), exist_ok=True)
    for name, digest in output.files.items():
        mode = 0o777 if name in output.programs else 0o666
        fetch(digest, os.path.join(place, name) if name else place, mode)
    for name, end in output.links.items():
        os.symlink(end, os.path.join(place, name))
    problem = output.links and links.problem(place)
    if problem:
        raise DamagedError(f"an entry is not sound: {problem}")


def remove(place: str) -> None:
    """Remove what there is of an output."""
    shutil.rmtree(place, ignore_errors=True)
    with contextlib.suppress(OSError):
        os.unlink(place)
