"""A process that has imported what builds and documents need, and forks where one is wanted.

`make watch` keeps one: what it forks begins its work at once, and is otherwise as if it had been
started. It holds nothing but modules; where a file of one of them is not what it was, it refuses.

Started as a program: `-m labflake.processes.lender SOCKET MODULE …`. It ends with its standard
input.
"""

import importlib
import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

_LARGEST = 4_000_000  # bytes of a request


def main(place: str, modules: list[str]) -> None:
    """Import the modules, then lend until nobody is there any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for those who use what is lent
    for name in modules:
        importlib.import_module(name)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(place)
    listening.listen()
    _Lender(listening, files()).serve()


def files() -> dict[str, tuple]:
    """Return the files of all modules of this process, and what tells that they are the same."""
    loaded = [getattr(module, "__dict__", {}) for module in [*sys.modules.values()]]
    found = {names.get("__file__") for names in loaded}  # asking a lazy module would import more
    return {path: seen(path) for path in found if path}


def seen(path: str) -> tuple:
    """Return what tells whether a file is the same."""
    try:
        stat = os.stat(path)
    except OSError:
        return ()
    return stat.st_size, stat.st_mtime_ns, stat.st_ino  # links of others change the ctime


class _Lender:
    """Answers requests, one process for each, and tells how it ended."""

    def __init__(self, listening: socket.socket, known: dict[str, tuple]) -> None:
        self.known, self.listening = known, listening
        self.lent: dict[int, socket.socket] = {}
        self.waiting = selectors.DefaultSelector()
        reader, writer = os.pipe()
        for end in (reader, writer):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(writer)
        self.wakeup = reader
        for source in (listening, reader, sys.stdin.fileno()):
            self.waiting.register(source, selectors.EVENT_READ)

    def serve(self) -> None:
        """Lend until standard input ends."""
        while True:
            for key, _ in self.waiting.select():
                if key.fileobj is self.listening:
                    self._lend(self.listening.accept()[0])
                elif key.fileobj == self.wakeup:
                    os.read(self.wakeup, 4096)
                    self._tell_ends()
                elif key.fileobj == sys.stdin.fileno():
                    return self._end_all()
                else:
                    self._take_back(key.data)

    def _lend(self, asked: socket.socket) -> None:
        """Fork for a request; a request is not answered where a module is another one by now."""
        message, streams, *_ = socket.recv_fds(asked, _LARGEST, 3)
        size, _, message = message.partition(b"\n")
        while len(message) < int(size):
            message += asked.recv(_LARGEST)
        if any(seen(path) != known for path, known in self.known.items()):
            asked.close()
        elif process := os.fork():
            self.lent[process] = asked
            self.waiting.register(asked, selectors.EVENT_READ, process)
            asked.sendall(f"{process}\n".encode())
        else:
            self._close()
            asked.close()
            _become(json.loads(message), streams)
        for stream in streams:
            os.close(stream)

    def _close(self) -> None:
        """Let go of everything, in the process that is lent."""
        signal.set_wakeup_fd(-1)
        self.waiting.close()
        for each in (self.listening, *self.lent.values()):
            each.close()

    def _tell_ends(self) -> None:
        """Tell how processes ended; they stay known to the system until they are taken back."""
        for process, asked in self.lent.items():
            ended = os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended:
                exited = ended.si_code == os.CLD_EXITED
                code = ended.si_status if exited else -ended.si_status
                with suppress(OSError):
                    asked.sendall(f"{code}\n".encode())

    def _take_back(self, process: int) -> None:
        """End a process that nobody waits for any more."""
        asked = self.lent.pop(process)
        self.waiting.unregister(asked)
        asked.close()
        with suppress(OSError):
            os.kill(process, signal.SIGTERM)
        os.waitpid(process, 0)

    def _end_all(self) -> None:
        for process in [*self.lent]:
            self._take_back(process)


def _become(request: dict, streams: list[int]) -> NoReturn:
    """Go on as the program that is wanted, as if it had been started."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _use_streams(streams)
    if request["session"]:
        os.setsid()
    os.environ.clear()
    os.environ.update(request["variables"])
    os.chdir(request["folder"])
    sys.path[:] = request["path"] or sys.path
    importlib.invalidate_caches()
    module, *words = request["words"]
    sys.argv[:] = [module, *words]
    sys.orig_argv[:] = [sys.executable, "-m", *request["words"]]
    code = 1
    try:
        code = _program(module)(words) or 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _program(name: str) -> Callable[[list[str]], int | None]:
    """Return what a module does as a program, `package.__main__` for a package."""
    module = importlib.import_module(name)
    if hasattr(module, "__path__"):
        run = importlib.import_module(f"{name}.__main__").run
        return lambda _: run()
    return module.main


def _use_streams(streams: list[int]) -> None:
    """Have these three as standard streams."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    lines = 1 if os.isatty(1) else -1
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", lines, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, "utf-8", "backslashreplace", closefd=False)  # noqa: SIM115
    _kept.extend((sys.stdin, sys.stdout, sys.stderr))


_kept: list = []  # streams: who puts another in the place of one would close what both use


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
