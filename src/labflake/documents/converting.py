"""Runs pandoc: a text is read and filtered once, then it becomes one format after the other.

It runs as a program in its own Lua (`filters/convert.lua`), which takes requests in lines of JSON:
one process for one document, or one that is kept and knows its tables already.
"""

import itertools
import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from labflake.documents import kept
from labflake.processes import lender
from labflake.processes.determinism import environment
from labflake.programs import pandoc
from labflake.project.experiments import root

_PROGRAM = str(Path(__file__).parent / "filters" / "convert.lua")
_MOST = 50  # documents of one process: its memory only grows
# Nobody's own data folder, with templates and programs for each start.
_NOBODY = {"HOME": os.devnull, "XDG_DATA_HOME": os.devnull}


@dataclass
class Target:
    """A format: the filters of it alone, its template, and the options of pandoc's writer."""

    to: str
    filters: str
    template: str
    options: dict[str, Any]
    variables: dict[str, str]


@dataclass
class Request:
    """A text, what is known of it, and what to make of it."""

    text: str
    reader: str
    metadata: str  # as JSON
    filters: str  # common to all targets
    variables: dict[str, str]  # of all templates and filters
    values: list[tuple[str, str]]  # of inline expressions, each beside its source
    places: list[str]  # of figures
    root: str
    targets: list[Target]


def convert(request: Request) -> Iterator[dict]:
    """Yield the answers: what is told of all, each target with what is told of it, and the end."""
    given = 0
    for answer in kept.answers("converting", asdict(request)):
        yield answer
        given += 1
        if _is_last(answer):
            return
    yield from itertools.islice(_converted(asdict(request)), given, None)


def _is_last(answer: dict) -> bool:
    return bool(answer.keys() & {"done", "error", "citations"})


def _converted(request: dict) -> Iterator[dict]:
    """Yield the answers of a new process.

    Raises:
        RuntimeError: it ended before it was done.
    """
    with tempfile.TemporaryFile("w+") as said, _started(said) as process:
        yield from _answers(process, request)
        process.communicate()
        if process.returncode:
            said.seek(0)
            raise RuntimeError(said.read())


def _started(said: IO[str] | int) -> subprocess.Popen:
    return subprocess.Popen(
        [pandoc.path(), "lua", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=said, text=True, encoding="utf-8", cwd=root(), env=environment() | _NOBODY,
    )  # fmt: skip


def _answers(process: subprocess.Popen, request: dict) -> Iterator[dict]:
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()
    for line in process.stdout:
        answer = json.loads(line)
        yield answer
        if _is_last(answer):
            return


class _Kept:
    """A process that is kept, begun anew where it is not what a new one would be."""

    def __init__(self) -> None:
        self.known = {path: lender.seen(path) for path in (pandoc.path(), _PROGRAM)}
        self.lock = threading.Lock()
        self.begin()

    def begin(self) -> None:
        self.process, self.left = _started(subprocess.DEVNULL), _MOST

    def answers(self, request: dict) -> Iterator[dict]:
        """Yield the answers; nothing once the files of pandoc are others."""
        with self.lock:
            if any(lender.seen(path) != was for path, was in self.known.items()):
                return
            if not self.left or self.process.poll() is not None:
                self.end()
                self.begin()
            self.left -= 1
            try:
                yield from _answers(self.process, request)
            except BaseException:  # who asked is gone: what it left unread is not for the next one
                self.end()
                raise

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


def served() -> Callable[[dict], Iterator[dict]]:
    """Return what answers requests with a process that is kept."""
    return _Kept().answers
