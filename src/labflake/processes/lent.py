"""Processes that are lent by one that has imported everything already: see `lender`."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from labflake.content import temporary
from labflake.processes import determinism, lender
from labflake.project.experiments import root

PLACE = "LAB_LENDER"  # in the environment of a build that is watched: the socket


class Lent:
    """A process that was lent; it behaves like `subprocess.Popen`, as far as it is needed."""

    def __init__(self, connection: socket.socket, process: int) -> None:
        self.pid = process
        self.returncode: int | None = None
        self._connection = connection

    def end(self) -> int:
        """Wait for its end; its number means nobody else until `wait`."""
        if self.returncode is None:
            self.returncode = _number(self._connection, -signal.SIGKILL)
        return self.returncode

    def wait(self) -> int:
        """Wait for its end, and give it back."""
        code = self.end()
        self._connection.close()
        return code

    def give_up(self) -> None:
        """Have it ended, and wait for that."""
        self._connection.shutdown(socket.SHUT_WR)
        self.returncode = _number(self._connection, -signal.SIGTERM)
        self._connection.close()


@contextmanager
def lender_of(*modules: str) -> Iterator[None]:
    """Have a lender with these modules while the block lasts; what cannot be lent is started."""
    if sys.platform != "linux":
        yield
        return
    with temporary.folder("lender") as folder:
        place = str(folder / "socket")
        process: subprocess.Popen | None = None
        try:
            process = _started(place, modules)
            os.environ[PLACE] = place
            yield
        finally:
            os.environ.pop(PLACE, None)
            if process and process.stdin:
                process.stdin.close()
                process.wait()


def _started(place: str, modules: tuple[str, ...]) -> subprocess.Popen:
    command = [sys.executable, "-m", lender.__name__, place, *modules]
    null = subprocess.DEVNULL
    pipe, variables = subprocess.PIPE, determinism.environment()
    return subprocess.Popen(
        command, stdin=pipe, stdout=null, stderr=null, cwd=root(), env=variables
    )


def is_offered() -> bool:
    """Tell whether there is a lender."""
    return PLACE in os.environ


def borrow(words: list[str], streams: list[int], **request: Any) -> Lent | None:
    """Return a process that runs a module with arguments; nothing where nobody lends one.

    Args:
        words: the module and its arguments.
        streams: numbers of its three streams.
        request: `variables`, `folder`, `path` (of modules; none: as it is), `session` (its own).
    """
    place = os.environ.get(PLACE)
    if not place:
        return None
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(place)
        message = json.dumps({"words": words} | request).encode()
        message = b"%d\n%s" % (len(message), message)
        sent = socket.send_fds(connection, [message], streams)
        connection.sendall(message[sent:])
        process = _number(connection, 0)
    except OSError:
        process = 0
    if not process:
        connection.close()
        return None
    return Lent(connection, process)


def _number(connection: socket.socket, otherwise: int) -> int:
    """Read a line with a number."""
    line = b""
    while not line.endswith(b"\n"):
        part = connection.recv(1)
        if not part:
            return otherwise
        line += part
    return int(line)
