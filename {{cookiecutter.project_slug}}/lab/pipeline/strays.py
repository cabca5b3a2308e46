"""Notice what appears among the results while steps run, and no rule declares.

Programs of Python are watched one by one; this is for all others, whose step is not known then.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from lab.experiments import Experiment
from lab.gate import guarded

Looks = dict[str, tuple[int, int, int]]


def look(experiment: Experiment) -> Looks:
    """Return of each file among the results what shows that somebody wrote it."""
    found = {}
    for place, folders, files in os.walk(experiment.generated / "assets"):
        folders.sort()
        for name in files:
            path = os.path.join(place, name)
            stat = os.lstat(path)
            key = os.path.relpath(path, experiment.generated)
            found[key] = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
    return found


def say(experiment: Experiment, before: Looks, outputs: Iterable[str]) -> None:
    """Name the files that are new or changed, and neither an output of a step nor data."""
    known, data = {*outputs}, guarded.of(experiment)
    for path in [p for p, mark in look(experiment).items() if before.get(p) != mark]:
        if not known & {path, *map(str, Path(path).parents)} and not data.holds(path):
            print(
                f"warning: {path} was written while steps ran, and no rule declares it:"
                " it may be older than what it was made from\n"
                "  add it to `output:` of the rule that makes it, or write it elsewhere",
                file=sys.stderr,
                flush=True,
            )
