"""What an output may hold: files, folders, and links that end inside it and in no circle."""

import os
import stat
from graphlib import CycleError, TopologicalSorter

_MOST = 10_000_000  # files that links may make of one output
_KINDS = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}


def problem(top: str) -> str | None:
    """Return what is in an output that cannot be kept, or None."""
    top = os.path.realpath(top)
    folders: dict[str, list[str]] = {}
    counts: dict[str, int] = {}
    waiting = [top] if os.path.isdir(top) else []
    while waiting:
        folder = waiting.pop()
        folders[folder], counts[folder] = [], 0
        for item in os.scandir(folder):
            end = os.path.realpath(item.path) if item.is_symlink() else item.path
            text = _wrong(item, end, top)
            if text:
                return f"{os.path.relpath(item.path, top)} {text}"
            if os.path.isdir(end):
                folders[folder].append(end)
                waiting += [] if item.is_symlink() else [end]
            else:
                counts[folder] += 1
    return _circle(folders, counts, top)


def _wrong(item: os.DirEntry, end: str, top: str) -> str | None:
    """Say what is wrong with something in an output that ends at this real path."""
    if not os.path.exists(end):
        return "is a link that leads nowhere"
    if end != top and not end.startswith(top + os.sep):
        return "is a link that leads out of it"
    return odd(end)


def odd(path: str) -> str | None:
    """Say what is there, if it is neither a file nor a folder."""
    mode = os.stat(path).st_mode
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return None
    return f"is {_KINDS.get(stat.S_IFMT(mode), 'a device')}: only files and folders can be kept"


def _circle(folders: dict[str, list[str]], counts: dict[str, int], top: str) -> str | None:
    """Say where links lead in a circle, or make more of few files than anybody wants."""
    try:
        for folder in TopologicalSorter(folders).static_order():
            counts[folder] += sum(counts[each] for each in folders[folder])
    except CycleError as error:
        name = os.path.relpath(error.args[1][0], top)
        return f"a link in {'it' if name == '.' else name} leads in a circle"
    return "its links make millions of files" if counts.get(top, 0) > _MOST else None


def stays(name: str, end: str) -> bool:
    """Tell whether a link in an output leads nowhere else when the output is moved."""
    way = os.path.normpath(os.path.join(os.path.dirname(name), end))
    return not os.path.isabs(end) and way.split(os.sep)[0] != os.pardir
