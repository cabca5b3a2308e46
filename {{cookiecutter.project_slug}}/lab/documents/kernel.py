"""Runs inside the kernel of a document: notes files, fixes how tables and figures look."""

import os
import sys
from pathlib import Path

_IGNORED_READS = ("/proc/", "/sys/", "/dev/", "/etc/")
_MAX_ROWS = 200


class Notes:
    """The files that the cells read and wrote, and whether they started other programs."""

    def __init__(self) -> None:
        self.read: set[str] = set()
        self.listed: set[str] = set()
        self.written: set[str] = set()
        self.programs = False

    def hook(self, event: str, arguments: tuple) -> None:
        """Note one audit event of Python; never fail, since it runs inside every file access."""
        if event == "open" and isinstance(arguments[0], (str, bytes, os.PathLike)):
            self._opened(os.fspath(arguments[0]), arguments[2] or 0)
        elif event in ("os.listdir", "os.scandir") and not _importing():
            self.listed.add(_absolute(arguments[0]))
        elif event == "os.rename":
            self.written.add(_absolute(arguments[1]))
        elif event in ("subprocess.Popen", "os.system", "os.posix_spawn") and not _importing():
            self.programs = True

    def _opened(self, path: str | bytes, flags: int) -> None:
        path = _absolute(path)
        if flags & (os.O_WRONLY | os.O_RDWR):
            self.written.add(path)
        elif path not in self.written:
            self.read.add(path)

    def report(self) -> dict:
        """Return the notes as plain values; imported modules of the project count as read."""
        modules = {getattr(m, "__file__", None) for m in list(sys.modules.values())}
        read = {_source(p) for p in self.read | {m for m in modules if m}}
        return {
            "read": sorted(p for p in read - self.written if _matters(p)),
            "listed": sorted(p for p in self.listed if _matters(p)),
            "written": sorted(p for p in self.written if _matters(p)),
            "programs": self.programs,
        }


notes = Notes()


def prepare() -> None:
    """Show tables whole, then begin to note what the cells read."""
    _tables()
    sys.addaudithook(notes.hook)


def text(value: object) -> str:
    """Return how a value of an inline expression reads in the text."""
    return str(value)


def _tables() -> None:
    """Show the whole of a DataFrame, up to a length that a report can bear."""
    from IPython import get_ipython

    html = get_ipython().display_formatter.formatters["text/html"]
    html.for_type_by_name("pandas", "DataFrame", _frame)


def _frame(frame) -> str:
    return frame.to_html(max_rows=_MAX_ROWS, show_dimensions=False, border=0)


def _absolute(path: str | bytes | int | None) -> str:
    """Return the path without following links: data may be linked from elsewhere."""
    return os.path.abspath(os.fsdecode(path)) if isinstance(path, (str, bytes)) else os.getcwd()


def _source(path: str) -> str:
    """Return the source of a compiled module, or the path itself."""
    folder, name = os.path.split(path)
    if os.path.basename(folder) != "__pycache__":
        return path
    return os.path.join(os.path.dirname(folder), name.split(".")[0] + ".py")


def _matters(path: str) -> bool:
    """Tell whether a file can change what the cells show and is not fixed by the lock."""
    fixed = {sys.prefix, sys.base_prefix, os.environ.get("IPYTHONDIR", sys.prefix)}
    inside = any(path.startswith(os.path.join(f, "")) for f in fixed)
    hidden = path.startswith(_IGNORED_READS) or "/.cache/" in path or "/site-packages/" in path
    return not inside and not hidden and Path(path).suffix != ".pyc"


def _importing() -> bool:
    """Tell whether the import system is at work: what it lists is not read by the cells."""
    frame = sys._getframe(2)
    while frame:
        if frame.f_globals.get("__name__") == "importlib._bootstrap":
            return True
        frame = frame.f_back
    return False
