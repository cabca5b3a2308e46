"""Runs inside the kernel of a document: notes what threads and tasks show too late."""

import asyncio
import json
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import thread as pools
from weakref import WeakKeyDictionary

_PATIENCE = 5  # s in which what is at work when the document ends may end
_LOST = "a thread or task printed after its cell had ended, which no page shows"
_BUSY = "a thread or task was still at work when the document ended; what it prints is lost"


class Threads:
    """The cell in which each thread was first seen, and what of them would be lost."""

    def __init__(self) -> None:
        self.cell = 0  # how many cells began
        self.depth = 0  # a cell may run another
        self.born: WeakKeyDictionary[threading.Thread, int] = WeakKeyDictionary()
        self.lost: dict[int, str] = {}
        self.task: asyncio.Task | None = None  # in which the cell runs
        self.parents: dict[str, int] = {}  # the cell of each message that runs one

    def begin(self, *_: object) -> None:
        """Note that a cell begins."""
        self.depth += 1
        self.cell += self.depth == 1
        self.task = _task()
        self.parents[_parent()] = self.cell

    def end(self, *_: object) -> None:
        """Note that a cell ends, and the threads that it leaves."""
        self.depth -= 1
        self._see()

    def _see(self) -> None:
        for thread in threading.enumerate():
            self.born.setdefault(thread, self.cell)

    def watched(self, show: Callable) -> Callable:
        """Return a function that shows something, and notes when a thread does so too late."""

        def shown(*arguments: object, **named: object) -> object:
            self._note()
            return show(*arguments, **named)

        return shown

    def _note(self) -> None:
        """Note who shows something now, if it is too late."""
        thread = threading.current_thread()
        if thread is not threading.main_thread():
            if not self.depth:
                self.lost.setdefault(self.born.get(thread, self.cell), _LOST)
            return
        cell = self.parents.get(_parent(), 0)  # none for an expression of the prose
        if cell and (cell != self.cell if self.depth else _task() is not self.task):
            self.lost.setdefault(cell, _LOST)

    def report(self) -> str:
        """Return what is lost by the number of the cell as JSON, when the document ends."""
        self._see()
        end = time.monotonic() + _PATIENCE
        for thread, cell in sorted(self.born.items(), key=lambda each: each[1]):
            while cell and _at_work(thread):
                if time.monotonic() > end:
                    self.lost.setdefault(cell, _BUSY)
                    break
                time.sleep(0.002)
        for task in asyncio.all_tasks():
            if _of_cell(task):
                self.lost.setdefault(self.cell, _BUSY)
        return json.dumps(sorted(self.lost.items()))


threads = Threads()


def prepare() -> None:
    """Watch what threads show from now on."""
    from IPython import get_ipython

    shell = get_ipython()
    threads.born.update(dict.fromkeys(threading.enumerate(), 0))
    shell.events.register("pre_run_cell", threads.begin)
    shell.events.register("post_run_cell", threads.end)
    for stream in (sys.stdout, sys.stderr):
        vars(stream).pop("write", None)  # IPython leaves there what is not watched
    for shows, name in ((type(sys.stdout), "write"), (type(shell.display_pub), "publish")):
        setattr(shows, name, threads.watched(getattr(shows, name)))


def _parent() -> str:
    """Return the message for which something is shown."""
    from IPython import get_ipython

    return get_ipython().display_pub.parent_header.get("msg_id", "")


def _task() -> asyncio.Task | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # nothing runs in turns
        return None


def _of_cell(task: asyncio.Task) -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and code.co_filename.startswith("<cell")


def _at_work(thread: threading.Thread) -> bool:
    """Tell whether a program would wait for a thread at its end: not for an idle one of a pool."""
    if thread.daemon or not thread.is_alive():
        return False
    if hasattr(thread, "pending_work_items"):  # it leads the processes of a pool
        return bool(thread.pending_work_items)
    frame = sys._current_frames().get(thread.ident or 0)
    return not frame or frame.f_code is not pools._worker.__code__
