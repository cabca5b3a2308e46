"""Runs inside the kernel of a document that is watched: keeps the kernel as it is after a cell.

A snapshot is a fork that waits. When a later cell is edited, it forks again, and that fork goes on
as a kernel with sockets of its own: so only the cells from the edited one on run, and what they
find is what the cells before them left. It is kept only where a fork is a whole copy: no threads
of its own, no open files, no memory that is shared, nothing that was written.
"""

import asyncio
import atexit
import fcntl
import json
import os
import random
import select
import signal
import socket
import sys
import warnings
from typing import Any, NoReturn

from labflake.documents import kernel_streams
from labflake.documents.kernel_notes import notes
from labflake.documents.kernel_resumed import END, LIFE
from labflake.processes import lender

_MARK = b"LAB_BUILD="  # in the environment: what has it ends with its build

_at_first: dict[str, Any] = {}
_before: list = []  # what the kernel had before it went on: it would end if it were let go


def prepare() -> None:
    """Note what the kernel has before the first cell, and before the one with which it goes on."""
    with notes.paused():
        _at_first.update(_held())


def take(place: str) -> str:
    """Keep the kernel as it is, behind a socket; return why it cannot be kept, or nothing."""
    with notes.paused():
        if reason := _unfit():
            return reason
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(place)
        listening.listen()
        if _forked_away():
            _wait(listening, place)
        listening.close()
        return ""


def _held() -> dict[str, Any]:
    """Return what a fork would share or lack: threads, files, shared memory, tasks, children."""
    files = {number: _target(number) for number in os.listdir("/proc/self/fd")}
    with open("/proc/self/maps") as maps:
        shared = {line.split()[-1] for line in maps if line.split()[1][1:] == "w-s"}
    threads = os.listdir("/proc/self/task")
    children = ""
    for thread in threads:
        with open(f"/proc/self/task/{thread}/children") as file:
            children += file.read()
    own = {"", "anon_inode:[eventfd]", "anon_inode:[eventpoll]"} | _connections()
    open_files = {number: target for number, target in files.items() if target not in own}
    tasks = len(asyncio.all_tasks())
    timer = signal.getitimer(signal.ITIMER_REAL)[0]
    return {
        "a thread": len(threads), "an open file": open_files, "shared memory": shared,
        "a task": tasks, "a program": bool(children), "a timer": timer,
    }  # fmt: skip


def _connections() -> set[str]:
    """Return the sockets by which the document talks to the kernel: they open when they like."""
    from ipykernel.kernelapp import IPKernelApp

    place = f"{IPKernelApp.instance().ip}-"
    with open("/proc/net/unix") as file:
        rows = [line.split(None, 7) for line in file]
    return {f"socket:[{row[6]}]" for row in rows if row[7:] and row[7].startswith(place)}


def _target(number: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{number}")
    except OSError:  # what lists the folder
        return ""


def _unfit() -> str:
    """Return what the cells left that a fork does not have."""
    if not _at_first:
        return "it is not known what there was"
    now = _held()
    for what, first in _at_first.items():
        if now[what] != first:
            return f"{what} is left"
    return "a file was written" if notes.wrote() else "a program ran" if notes.programs else ""


def _forked_away() -> bool:
    """Fork into a session of its own; tell which side this is. Its random numbers go on, too."""
    state = random.getstate()
    first = _fork()
    if first:
        os.waitpid(first, 0)
        return False
    if _fork():
        os._exit(0)
    os.setsid()
    random.setstate(state)
    return True


def _fork() -> int:
    """Fork; Python's warning about threads is not for the document, and leaves no trace."""
    quiet = ("ignore", None, DeprecationWarning, None, 0)
    warnings.filters.insert(0, quiet)  # type: ignore[attr-defined]
    try:
        return os.fork()
    finally:
        warnings.filters.remove(quiet)  # type: ignore[attr-defined]


def modules() -> str:
    """Return the files of all modules as JSON, and what tells that they are the same."""
    with notes.paused():
        return json.dumps(lender.files())


def _wait(listening: socket.socket, place: str) -> NoReturn:
    """Wait for those who want to go on from here, until nobody can any more."""
    _leave_the_build()
    _let_go(listening.fileno())
    life = socket.socket(socket.AF_UNIX)
    try:
        life.connect(os.path.join(os.path.dirname(os.path.dirname(place)), LIFE))
    except OSError:
        os._exit(0)
    while True:
        ready, _, _ = select.select([listening, life], [], [])
        if life in ready:
            os._exit(0)
        asked, _ = listening.accept()
        message, streams, *_ = socket.recv_fds(asked, 100_000, 2)
        if message == END:
            os._exit(0)
        if message and _forked_away():
            listening.close()
            _go_on(asked, json.loads(message), streams)
        for each in (*streams, asked.detach()):
            os.close(each)


def _let_go(kept: int) -> None:
    """Have nothing open that others wait for; the numbers stay taken, as what has them believes."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in map(int, os.listdir("/proc/self/fd")):
        if number not in (kept, nothing) and _target(str(number)):
            os.dup2(nothing, number)
    os.close(nothing)


def _leave_the_build() -> None:
    """Overwrite the mark of the build in the environment with which this program was started."""
    with open("/proc/self/stat", "rb") as file:
        begin, end = map(int, file.read().rpartition(b")")[2].split()[47:49])
    with open("/proc/self/mem", "r+b", buffering=0) as memory:
        memory.seek(begin)
        given = memory.read(end - begin)
        memory.seek(begin)
        memory.write(given.replace(_MARK, _MARK.lower()))


def _go_on(asked: socket.socket, connection_file: str, streams: list[int]) -> NoReturn:
    """Go on as a kernel; end with the process that asked."""
    fcntl.fcntl(asked, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(asked, fcntl.F_SETFL, fcntl.fcntl(asked, fcntl.F_GETFL) | os.O_ASYNC)
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    try:
        select_end, _, _ = select.select([asked], [], [], 0)
        if not select_end:
            _become_kernel(connection_file, streams)
    finally:
        os._exit(0)


def _become_kernel(connection_file: str, streams: list[int]) -> None:
    """Start the kernel's own parts anew around the same shell."""
    from ipykernel.ipkernel import IPythonKernel
    from ipykernel.kernelapp import IPKernelApp

    for number, stream in enumerate(streams, 1):
        os.dup2(stream, number)
    atexit._clear()
    asyncio._set_running_loop(None)
    asyncio.set_event_loop(asyncio.new_event_loop())
    old, kept = IPKernelApp.instance(), (sys.stdout, sys.stderr)
    _before.append(old)
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    IPKernelApp.clear_instance()
    IPythonKernel.clear_instance()
    app = IPKernelApp.instance(config=old.config, connection_file=connection_file)
    app.profile_dir = old.profile_dir
    for part in ("connection_file", "sockets", "heartbeat"):
        getattr(app, f"init_{part}")()
    app.write_connection_file()
    app.log_connection_info()
    app.init_io()
    app.init_kernel()
    app.init_shell()
    shell: Any = app.shell
    shell.kernel = shell.parent = app.kernel
    for mine, new in zip(kept, (sys.stdout, sys.stderr), strict=True):
        mine.__dict__.clear()
        mine.__dict__.update(new.__dict__)  # who holds the old stream writes to the new one
    sys.stdout, sys.stderr = kept
    kernel_streams.streams.begin()
    app.start()
