"""Runs inside the kernel of a document: shows what is written to the file descriptors 1 and 2.

Programs and libraries in C write there, Python's `print` does not. In Jupyter a thread reads them
from a pipe: where that text stands, and in which cell, the clock decides. Here they are files, and
read before anything else is shown, and when a cell ends.
"""

import codecs
import ctypes
import os
import sys
import threading
from pathlib import Path
from typing import Any

from labflake.documents.kernel_notes import notes
from labflake.documents.kernel_threads import threads

_PROGRAM = "a program was still at work when its cell ended: what it printed then, no page shows"
_C = ctypes.CDLL(None)
_STDOUT = ctypes.c_void_p.in_dll(_C, "__stdoutp" if sys.platform == "darwin" else "stdout")


class Written:
    """What was written to a file descriptor, and how much of it is shown."""

    def __init__(self, number: int, stream: Any, place: Path) -> None:
        self.stream = stream
        self.shown = 0
        self.decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
        self.file = os.open(place, flags, 0o600)
        os.dup2(self.file, number)
        stream.fileno = lambda: number  # what a program gets as its `stdout=sys.stdout`

    def new(self) -> str:
        """Return what was written since, but for the half of a character at its end."""
        found = os.pread(self.file, os.fstat(self.file).st_size - self.shown, self.shown)
        self.shown += len(found)
        return self.decoder.decode(found)

    def rest(self) -> str:
        """Return what stands for the half of a character that nothing follows."""
        return self.decoder.decode(b"", final=True)


class Streams:
    """The streams of this kernel, and what they show of the file descriptors."""

    def __init__(self) -> None:
        self.process = 0
        self.lock = threading.RLock()
        self.all: list[Written] = []
        self.write: Any = None

    def begin(self) -> None:
        """Have what is written from now on in files beside the connection file."""
        from ipykernel.kernelapp import IPKernelApp

        app = IPKernelApp.instance()
        _log_elsewhere(app)
        for each in self.all:
            os.close(each.file)
        place = Path(app.abs_connection_file).parent
        given = enumerate((sys.stdout, sys.stderr), 1)
        self.all = [Written(n, stream, place / str(n)) for n, stream in given]
        self.process = os.getpid()

    def show(self, end: bool = False) -> None:
        """Show what was written to the file descriptors since, and what still was in buffers."""
        if os.getpid() != self.process:  # a fork shows its own, and this process all of it
            return
        with self.lock, notes.paused():
            _flush()
            for each in self.all:
                text = each.new() + (each.rest() if end else "")
                if text and not threads.depth:
                    threads.lost.setdefault(threads.cell, _PROGRAM)
                elif text:
                    self.write(each.stream, text)

    def end(self, *_: object) -> None:
        """Show what a cell leaves."""
        self.show(end=True)


streams = Streams()


def prepare() -> None:
    """Show what is written to the file descriptors from now on, in its order."""
    from IPython import get_ipython

    shell, kind = get_ipython(), type(sys.stdout)
    streams.write, flush = kind.write, kind.flush

    def write(self: Any, text: str) -> int | None:
        streams.show()
        with streams.lock:
            return streams.write(self, text)

    def shown(self: Any) -> None:
        streams.show()
        flush(self)

    setattr(kind, "write", write)  # noqa: B010
    setattr(kind, "flush", shown)  # noqa: B010
    streams.begin()
    shell.events.register("post_run_cell", streams.end)


def _flush() -> None:
    """Empty the buffers of C and of Python's own streams into the files."""
    _C.fflush(_STDOUT)
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream and not stream.closed:
            stream.flush()


def _log_elsewhere(app: Any) -> None:
    """Let the kernel's own log stay where it is."""
    for handler in app.log.handlers:
        handler.setStream(os.fdopen(os.dup(2), "w", encoding="utf-8"))
