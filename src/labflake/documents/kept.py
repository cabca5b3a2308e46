"""What makes documents, kept while one watches: Typst and pandoc are much faster the second time.

Both know files by their content, so what is kept gives what a new one gives. Where it does not
answer, or a file of it is not what it was, the work is done anew.

Started as a program: `-m labflake.documents.kept SOCKET`; it ends with its standard input.
"""

import importlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Client, Connection, Listener
from typing import Any

from labflake.content import temporary
from labflake.processes import determinism, lender
from labflake.project.experiments import root

PLACE = "LAB_KEPT"  # in the environment of a build that is watched: the socket
_FAMILY = "AF_UNIX"
_SERVICES = {
    "typesetting": "labflake.documents.typesetting",
    "converting": "labflake.documents.converting",
}


def answers(service: str, request: dict) -> Iterator[Any]:
    """Yield what the kept process answers: nothing if there is none, not all if it ends."""
    if place := os.environ.get(PLACE):
        with suppress(OSError, EOFError), Client(place, _FAMILY) as kept:
            kept.send((service, request))
            while True:
                yield kept.recv()


@contextmanager
def kept_here() -> Iterator[None]:
    """Have such a process while the block lasts. Only where sockets are files."""
    if sys.platform == "win32":
        yield
        return
    with temporary.folder("kept", "/tmp") as folder:
        place = str(folder / "socket")
        command = [sys.executable, "-m", "labflake.documents.kept", place]
        null, variables = subprocess.DEVNULL, determinism.environment()
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=null, stderr=null, cwd=root(), env=variables
        )
        os.environ[PLACE] = place
        try:
            yield
        finally:
            del os.environ[PLACE]
            process.communicate()


def main(place: str) -> None:
    """Do what is asked for, until standard input ends."""
    services = {name: importlib.import_module(each).served() for name, each in _SERVICES.items()}
    known = lender.files()
    listener = Listener(place, _FAMILY)
    threading.Thread(target=_serve, args=(listener, services, known), daemon=True).start()
    sys.stdin.buffer.read()


def _serve(listener: Listener, services: dict[str, Callable], known: dict[str, tuple]) -> None:
    """Answer all at the same time; not at all once a module is another one."""
    while True:
        asked = listener.accept()
        if all(lender.seen(path) == was for path, was in known.items()):
            threading.Thread(target=_answer, args=(asked, services), daemon=True).start()
        else:
            asked.close()


def _answer(asked: Connection, services: dict[str, Callable]) -> None:
    try:
        with asked, suppress(OSError, EOFError):
            service, request = asked.recv()
            for answer in services[service](request):
                asked.send(answer)
    except BaseException:
        os._exit(1)  # who waits for an answer is told so


if __name__ == "__main__":
    main(sys.argv[1])
