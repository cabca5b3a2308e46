"""Typst: much faster where it has typeset nearly the same before, so a process of it is kept.

That is while one watches. It knows files by their content, so what it gives is what a new one
gives. Where it does not answer, or a module of it is not what it was, Typst is begun anew.

Started as a program: `-m labflake.documents.typesetting SOCKET`; it ends with its standard input.
"""

import importlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Client, Listener
from typing import Any

from labflake.content import temporary
from labflake.processes import determinism, lender
from labflake.processes.determinism import EPOCH
from labflake.project.experiments import root

PLACE = "LAB_TYPST"  # in the environment of a build that is watched: the socket
_FAMILY = "AF_UNIX"


@dataclass
class Request:
    """A Typst file of a project, and what is asked about the document: labels of metadata."""

    path: str
    root: str
    fonts: list[str]  # folders
    inputs: dict[str, str] = field(default_factory=dict)
    standards: list[str] = field(default_factory=list)
    asked: tuple[str, ...] = ()


@dataclass
class Typeset:
    """The PDF, and the answers in JSON; or why there is none."""

    content: bytes = b""
    answers: dict[str, str] = field(default_factory=dict)
    error: str = ""


def typeset(request: Request) -> Typeset:
    """Compile a Typst file, in the process that is kept for it if there is one."""
    if place := os.environ.get(PLACE):
        with suppress(OSError, EOFError), Client(place, _FAMILY) as kept:
            kept.send(asdict(request))
            return Typeset(**kept.recv())
    return _typeset(request)


def _typeset(request: Request) -> Typeset:
    import typst

    compiler = typst.Compiler(
        request.path, root=request.root, font_paths=[*request.fonts], ignore_system_fonts=True,
        sys_inputs=request.inputs,
    )  # fmt: skip
    standards: Any = request.standards
    try:
        content, _ = compiler.compile_with_warnings(
            format="pdf", pdf_standards=standards, timestamp=EPOCH
        )
    except typst.TypstError as error:
        return Typeset(error=error.diagnostic)
    assert isinstance(content, bytes)
    asked = {label: compiler.query(f"<{label}>", field="value") for label in request.asked}
    return Typeset(content, asked)


@contextmanager
def kept_here() -> Iterator[None]:
    """Have such a process while the block lasts. Only where sockets are files."""
    if sys.platform == "win32":
        yield
        return
    with temporary.folder("typst", "/tmp") as folder:
        place = str(folder / "socket")
        command = [sys.executable, "-m", "labflake.documents.typesetting", place]
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
    """Typeset what is asked for, until standard input ends."""
    importlib.import_module("typst")
    known = lender.files()
    listener = Listener(place, _FAMILY)
    threading.Thread(target=_serve, args=(listener, known), daemon=True).start()
    sys.stdin.buffer.read()


def _serve(listener: Listener, known: dict[str, tuple]) -> None:
    """Answer one after the other; not at all once a module is another one."""
    try:
        while True:
            with listener.accept() as asked, suppress(OSError, EOFError):
                if all(lender.seen(path) == was for path, was in known.items()):
                    asked.send(asdict(_typeset(Request(**asked.recv()))))
    finally:
        os._exit(1)  # who waits for an answer is told so


if __name__ == "__main__":
    main(sys.argv[1])
