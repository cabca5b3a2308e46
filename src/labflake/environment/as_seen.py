"""How the files of `.venv` looked when all of them were what their records say.

To compare names, sizes and times with that takes a third of what the records take. Whatever looks
different, or could change without looking so, is for `altered` to judge.
"""

import contextlib
import marshal
import os
from pathlib import Path

SEEN = "labflake-seen"  # in `.venv`: time of each folder; size and time of each file in it
_COARSE = 2_000_000_000  # ns in which a file may change twice and show the same time
_Folders = dict[str, tuple[int, dict[str, tuple[int, int]]]]


def is_still(venv: Path, package: str = "") -> bool:
    """Tell whether all files and folders look as they did when they were right.

    Args:
        venv: the environment.
        package: look at the folders of this one alone; where it has none, nobody can tell.
    """
    try:
        kept = marshal.loads((venv / SEEN).read_bytes())
        folders: _Folders = kept["folders"]
        if package:
            folders = {f: each for f, each in folders.items() if _is_of(f, package)}
        same = kept["version"] == marshal.version and _look_same(str(venv), folders)
        return same and bool(folders)
    except (OSError, ValueError, EOFError, TypeError, KeyError):
        return False


def _is_of(folder: str, package: str) -> bool:
    inside = folder.partition("/site-packages/")[2]
    return f"{inside}/".startswith(f"{package}/")


def _look_same(venv: str, folders: _Folders) -> bool:
    stat = os.stat
    for folder, (changed, files) in folders.items():
        handle = os.open(os.path.join(venv, folder), os.O_RDONLY | os.O_DIRECTORY)
        try:
            if os.fstat(handle).st_mtime_ns != changed:  # then names came or went
                return False
            for name, (size, written) in files.items():
                found = stat(name, dir_fd=handle)
                if found.st_size != size or found.st_mtime_ns != written:
                    return False
        finally:
            os.close(handle)
    return True


def note(
    venv: Path, folders: dict[str, int], there: dict[str, os.stat_result], moment: int
) -> None:
    """Note how files look that are right, unless one may still change without looking different.

    Args:
        venv: the environment.
        folders: of each folder when names in it changed last.
        there: a look at each file.
        moment: when that look began, in nanoseconds.
    """
    kept: _Folders = {folder: (changed, {}) for folder, changed in folders.items()}
    for path, found in there.items():
        folder, _, name = path.rpartition("/")
        kept[folder][1][name] = (found.st_size, found.st_mtime_ns)
    times = [*folders.values(), *(found.st_mtime_ns for found in there.values())]
    if max(times, default=moment) < moment - _COARSE:
        from labflake.content.atomic import replacing

        notes = {"version": marshal.version, "folders": kept}
        with contextlib.suppress(OSError), replacing(venv / SEEN) as part:
            part.write_bytes(marshal.dumps(notes))
