"""Runs inside the kernel of a document: notes what the cells read, write, import and start."""

import json
import os
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from labflake.content import folders
from labflake.documents import looks
from labflake.errors import LabError
from labflake.processes.determinism import HERE
from labflake.programs import asks_git, mentions
from labflake.project.experiments import here, root
from labflake.steps import events

_NO_FILES = ("/proc/", "/sys/", "/dev/")
_PROGRAMS = {*events.STARTS, "os.fork", "os.forkpty"}
_EVENTS = {"open", "sqlite3.connect", "os.listdir", "os.scandir", "os.rename", "import", *_PROGRAMS}
_SETTINGS = str(here().scripts / "config.yaml")


class Notes:
    """What the cells read, wrote and looked for of modules, and whether they started programs.

    Each file is looked at before it is read, each folder before it is listed.
    """

    def __init__(self) -> None:
        self.read: dict[str, looks.Look] = {}
        self.listed: dict[str, list[str]] = {}
        self.written: set[str] = set()
        self.overwritten: set[str] = set()
        self.modules: set[str] = set()
        self.programs = False
        self.settings_by_hand = False
        self._at_work = threading.local()  # this thread looks at files for the notes

    def hook(self, event: str, arguments: tuple) -> None:
        """Note one audit event of Python; it runs inside every file access."""
        if event not in _EVENTS or getattr(self._at_work, "now", False):
            return
        self._at_work.now = True
        try:
            self._note(event, arguments)
        finally:
            self._at_work.now = False

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Note nothing that this thread does: the equipment is at work."""
        before, self._at_work.now = getattr(self._at_work, "now", False), True
        try:
            yield
        finally:
            self._at_work.now = before

    def wrote(self) -> bool:
        """Tell whether a cell wrote a file that may matter."""
        return any(matters(path) and not _passing(path) for path in self.written)

    def _note(self, event: str, arguments: tuple) -> None:
        if event == "open" and isinstance(arguments[0], (str, bytes, os.PathLike)):
            self._opened(_absolute(arguments[0]), arguments[2] or 0)
        elif event == "sqlite3.connect" and isinstance(arguments[0], (str, bytes, os.PathLike)):
            self._opened(_absolute(arguments[0]), os.O_RDWR)
        elif event in ("os.listdir", "os.scandir") and not importing():
            self._listed(_absolute(arguments[0]))
        elif event == "import":
            self.modules.add(arguments[0].partition(".")[0])
        elif event == "os.rename":
            self._write(_absolute(arguments[1]))
        elif event in _PROGRAMS and not importing():
            self.programs = True
            self._named(event, arguments)

    def _named(self, event: str, arguments: tuple) -> None:
        """Note the files outside the project that a command names, from where it runs."""
        text, started = events.command(event, arguments)
        folder = Path(_absolute(started))
        asked = asks_git.of_what_is_not_committed(text)
        if asked and event != "os.exec":  # that is in a process of its own
            raise LabError(asks_git.refusal(asked, "a cell"))
        for path in mentions.of(text, here().generated, folder, Path.cwd()):
            self._read(str(path))
        for name in asks_git.files(text).values():
            self._all_in(_absolute(name))

    def _all_in(self, path: str) -> None:
        """Note a file of git, or all that is in a folder of git."""
        if os.path.isfile(path):
            self._read(path)
        for place, _, files in os.walk(path):
            self._listed(place)
            for name in files:
                self._read(os.path.join(place, name))

    def _opened(self, path: str, flags: int) -> None:
        """Note a file before it is opened; what exists and is opened to read and write, as both."""
        if os.path.isdir(path):
            self._listed(path)
            return
        kept = not flags & (os.O_WRONLY | os.O_TRUNC) and os.path.lexists(path)
        if flags & os.O_ACCMODE == os.O_RDONLY or kept:
            self._read(path)
        if flags & (os.O_WRONLY | os.O_RDWR):
            self._write(path)

    def _write(self, path: str) -> None:
        """Note a file before it is written: a cell may go on with its own files, no others."""
        if path not in self.read:
            self.written.add(path)
        elif self.read[path]:
            self.overwritten.add(path)

    def _read(self, path: str) -> None:
        if path in self.written or path in self.read or not matters(path):
            return
        self.read[path] = looks.look(path)
        if path == _SETTINGS and not _at_work("labflake.project.settings"):
            self.settings_by_hand = True

    def _listed(self, path: str) -> None:
        if path not in self.listed and matters(path):
            self.listed[path] = folders.names(path)

    def report(self) -> str:
        """Return the notes as JSON."""
        found = {
            "read": {p: look for p, look in sorted(self.read.items()) if not _passing(p)},
            "listed": {p: found for p, found in sorted(self.listed.items()) if not _passing(p)},
            "written": sorted(p for p in [*self.written] if matters(p) and not _passing(p)),
            "overwritten": sorted(self.overwritten),
            "modules": sorted(self.modules),
            "programs": self.programs,
            "settings_by_hand": self.settings_by_hand,
        }
        return json.dumps(found)


notes = Notes()


def _absolute(path: str | bytes | os.PathLike | int | None) -> str:
    """Return the path without following links: data may be linked from elsewhere."""
    if isinstance(path, int):
        try:
            return os.readlink(f"/proc/self/fd/{path}")
        except OSError:
            return os.getcwd()
    return os.path.abspath(os.fsdecode(path if path is not None else "."))


def _fixed() -> tuple[str, ...]:
    """Return the folders of what the lock fixes, and of the equipment's own notes."""
    found = {sys.prefix, os.environ.get("IPYTHONDIR", sys.prefix), str(here().state)}
    found |= {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    found |= {os.path.join(root(), ".venv"), str(HERE.parent)}
    return tuple({os.path.join(p, "") for each in found for p in (each, os.path.realpath(each))})


_FIXED = _fixed()


def matters(path: str) -> bool:
    """Tell whether a file can change what the cells show and is not fixed by the lock."""
    return not f"{path}/".startswith((*_FIXED, *_NO_FILES)) and Path(path).suffix != ".pyc"


def _passing(path: str) -> bool:
    """Tell whether a file or folder for a short time is gone: it was made on the way."""
    temporary = os.path.join(tempfile.gettempdir(), "")
    return path.startswith(temporary) and not os.path.lexists(path)


def importing() -> bool:
    """Tell whether the import system is at work for a package: our cells do not ask for that."""
    frame: FrameType | None = sys._getframe(2)
    while frame:
        if frame.f_globals.get("__name__", "").startswith("importlib._bootstrap"):
            return True
        file = frame.f_code.co_filename
        if file.startswith("<cell") or (
            os.path.isabs(file) and file not in _OURS and matters(file)
        ):
            return False
        frame = frame.f_back
    return False


_OURS = (__file__,)


def _at_work(module: str) -> bool:
    """Tell whether a function of a module is at work."""
    frame: FrameType | None = sys._getframe(2)
    while frame:
        if frame.f_globals.get("__name__") == module:
            return True
        frame = frame.f_back
    return False
