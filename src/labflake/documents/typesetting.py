"""Typst, in this process or in the one that is kept while one watches."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from labflake.documents import kept
from labflake.processes.determinism import EPOCH


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
    for answer in kept.answers("typesetting", asdict(request)):
        return Typeset(**answer)
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


def served() -> Callable[[dict], Iterator[dict]]:
    """Return what answers requests, one after the other."""
    import typst  # noqa: F401  takes a while

    lock = threading.Lock()

    def answer(request: dict) -> Iterator[dict]:
        with lock:
            yield asdict(_typeset(Request(**request)))

    return answer
