"""Notice what appears among the results while steps run, and no rule declares."""

import os
from collections.abc import Iterable
from pathlib import Path

from lab.experiments import Experiment


def look(experiment: Experiment) -> dict[str, tuple[int, int, int]]:
    """Return what is in the folder of results: of each file what shows that it was written."""
    found = {}
    for place, folders, files in os.walk(experiment.generated / "assets"):
        folders.sort()
        for name in files:
            path = os.path.join(place, name)
            stat = os.lstat(path)
            key = os.path.relpath(path, experiment.generated)
            found[key] = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
    return found


def written(before: dict, after: dict, known: Iterable[str]) -> list[str]:
    """Return the files that are new or changed, and nobody's output or data.

    Args:
        before: what was there before the steps.
        after: what is there now.
        known: outputs and data, files or folders.
    """
    names = {*known}
    fresh = [path for path, mark in after.items() if before.get(path) != mark]
    return sorted(p for p in fresh if not names & {p, *map(str, Path(p).parents)})
