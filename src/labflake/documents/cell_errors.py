"""What went wrong in a cell, with its line and with what to do."""

import re
from pathlib import Path

from labflake.documents.problems import Problem
from labflake.documents.source import Cell, Source
from labflake.environment import missing
from labflake.errors import LabError
from labflake.steps.variables import advice


def death(cell: Cell, folder: Path) -> Problem:
    """Return the problem of the cell that ended its kernel, with what the kernel said last.

    Args:
        cell: the one that ran.
        folder: has the kernel's `log`, and what was written to its standard error in `2`.
    """
    texts = [path.read_text("utf-8", "replace") for path in _existing(folder, "log", "2")]
    said = [line for text in texts for line in text.splitlines() if "IPKernelApp" not in line]
    return Problem(cell.line, "\n    ".join(["the kernel died in this cell", *said[-5:]]))


def _existing(folder: Path, *names: str) -> list[Path]:
    return [folder / name for name in names if (folder / name).exists()]


def failure(source: Source, notebook) -> Problem:
    """Return the problem of the cell that raised an exception, with the line that did."""
    cells = zip(source.cells, notebook.cells, strict=True)
    for ours, cell in cells:
        for out in cell.get("outputs", ()):
            if out.output_type == "error":
                return _raised(ours, out)
    return Problem(1, "a cell failed")


def _raised(cell: Cell, out) -> Problem:
    trace = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(out.traceback))
    number = _line(trace)
    lines = cell.text.splitlines()
    code = lines[number - 1].strip() if number and number <= len(lines) else ""
    said = message(out.ename, out.evalue)
    text = "\n    ".join(line for line in (said, code, *advice_on(said)) if line)
    return Problem(cell.line + max(number - 1, 0), text)


def _line(trace: str) -> int:
    """Return the line of the cell from which an exception came, 0 where nothing says it.

    What it was raised from is told before it; libraries have lines, too, which are not meant.
    """
    raised = trace.rpartition("Traceback (most recent call last)")[2]
    for part in (raised, trace):
        if found := re.search(r"(?:Cell In\[\d+\], |<cell>:)line (\d+)", part):
            return int(found[1])
    arrow = re.search(r"^-+> (\d+) ", raised, re.M)
    return int(arrow[1]) if arrow and "\nFile " not in raised[: arrow.start()] else 0


def message(kind: str, text: str) -> str:
    """Return what an exception says, and its kind unless a person can act on it as it is."""
    return text if kind == LabError.__name__ else f"{kind}: {text}".rstrip(": ")


def advice_on(said: str) -> list[str]:
    """Return how to get a module or a variable that was not found."""
    found = (missing.advice(said), advice(said, "cells"))
    return [line.strip() for text in found if text for line in text.splitlines()]
