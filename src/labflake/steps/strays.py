"""Notice what appears among the results while steps run, and no rule declares.

Programs of Python are watched one by one; this is for all others, whose step is not known then.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from labflake.content import folders
from labflake.data_files import guarded
from labflake.project.experiments import Experiment
from labflake.steps import beside

Looks = dict[str, tuple[int, int, int]]


def look(experiment: Experiment) -> Looks:
    """Return of each file that was generated what shows that somebody wrote it.

    Documents, which are made later, and hidden folders are left out.
    """
    found: Looks = {}
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        for entry in _entries(os.path.join(experiment.generated, folder)):
            name = f"{folder}/{entry.name}" if folder else entry.name
            if folders.is_folder(entry):
                is_left_out = entry.name[0] == "." or name == "outputs" or entry.is_symlink()
                waiting += [] if is_left_out else [name]
            elif not (entry.is_symlink() and beside.is_link(experiment, entry.path)):
                stat = entry.stat(follow_symlinks=False)
                found[name] = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
    return found


def _entries(folder: str) -> list[os.DirEntry]:
    try:
        with os.scandir(folder) as entries:
            return [*entries]
    except OSError:
        return []


def say(experiment: Experiment, before: Looks, outputs: Iterable[str]) -> None:
    """Name the files that are new or changed, and neither an output of a step nor data."""
    known, data = {*outputs}, guarded.of(experiment)
    fresh = [path for path, mark in look(experiment).items() if before.get(path) != mark]
    unknown = [p for p in fresh if not known & {p, *map(str, Path(p).parents)}]
    if unknown := [p for p in unknown if not data.holds(p)]:
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        print(
            f"warning: {unknown[0]}{more}: written while steps ran, and no rule declares it;"
            " it does not come from the cache, and may be older than what it was made from\n"
            "  add it to `output:` of the rule that makes it, or write it elsewhere",
            file=sys.stderr,
            flush=True,
        )
