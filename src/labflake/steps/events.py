"""What the audit events of Python tell of a process that reads a Snakefile, or runs cells."""

import contextlib
import importlib.util
import os
from collections.abc import Iterator

MAKES = frozenset({"os.mkdir", "os.rmdir", "os.remove", "os.rename", "os.link", "os.symlink"})
STARTS = frozenset({"subprocess.Popen", "os.system", "os.posix_spawn", "os.exec"})
ALL = frozenset({"open", "sqlite3.connect", "os.listdir", "os.scandir", *MAKES})
_WRITES = os.O_WRONLY | os.O_TRUNC


def files(event: str, arguments: tuple) -> Iterator[tuple[str, str]]:
    """Give the files or folders of an event; one that is opened to be written is made."""
    if event == "open" and isinstance(arguments[2], int):
        if arguments[2] & os.O_DIRECTORY:  # a folder, for what is in it
            return
        event = "os.mkdir" if arguments[2] & _WRITES else event
    for name in arguments[: 2 if event in MAKES else 1]:
        if isinstance(name, str | bytes | os.PathLike):
            yield event, os.fsdecode(name)


def command(event: str, arguments: tuple) -> tuple[str, str]:
    """Return the words with which a program is started, and where."""
    flat = [each if isinstance(each, list | tuple) else [each] for each in arguments[:2]]
    words = [w for each in flat for w in each if isinstance(w, str | bytes | os.PathLike)]
    folder = arguments[2] if event == "subprocess.Popen" else None
    return " ".join(map(os.fsdecode, words)), os.fsdecode(folder or os.curdir)


def source_of(path: str) -> str:
    """Return the module of which a file is the compiled form, else the file."""
    if not path.endswith(".pyc"):
        return path
    with contextlib.suppress(ValueError, RuntimeError):
        return importlib.util.source_from_cache(path)
    return path
