"""Walk through a folder, its links included."""

import os
from collections.abc import Iterator

from lab.errors import LabError


def walk(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Give every file below `folder` with its stat; links are followed, never in a circle.

    Raises:
        LabError: Something is neither a file nor a folder, or a link leads nowhere.
    """
    real = os.path.realpath(folder)
    yield from _walk(folder, real, frozenset({real}))


def _walk(folder: str, real: str, above: frozenset[str]) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                linked = entry.is_symlink()
                target = os.path.realpath(entry.path) if linked else os.path.join(real, entry.name)
                if target not in above:
                    yield from _walk(entry.path, target, above | {target})
            elif entry.is_file():
                yield entry.path, entry.stat()
            else:
                raise LabError(f"{entry.path} is neither a file nor a folder, or a broken link")
