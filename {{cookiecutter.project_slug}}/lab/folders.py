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
    waiting = [(folder, real, frozenset({real}))]
    while waiting:
        path, real, above = waiting.pop()
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_file():
                    yield entry.path, entry.stat()
                elif entry.is_dir():
                    linked = entry.is_symlink()
                    below = os.path.realpath(entry.path) if linked else f"{real}/{entry.name}"
                    if below not in above:
                        waiting.append((entry.path, below, above | {below}))
                else:
                    raise LabError(f"{entry.path} is neither a file nor a folder, or a broken link")
