"""Where in a Snakefile something is said, for errors."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from labflake.errors import LabError
from labflake.project.experiments import relative


def refuse(place: str, why: str, instead: str) -> NoReturn:
    """Say where a Snakefile has what cannot be obeyed, why not, and what to write instead.

    Raises:
        LabError: always.
    """
    raise LabError(f"{place}: {why}\n  {instead}")


def place(rule, word: str = "") -> str:
    """Return file and line of a rule, or of a word in it."""
    return line_of(rule.snakefile, word, rule.name)


def line_of(file: object, word: str, rule: str = "") -> str:
    """Return file and line of a word, in a rule if one is named."""
    path = Path(str(file))
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    start = next(_starts(lines, rf"{re.escape(rule)}\b"), 0) if rule else 0
    end = next((n for n in _starts(lines, r"\w+") if n > start), len(lines)) if rule else len(lines)
    found = [n for n in range(start, end) if word in lines[n].split("#")[0]]
    return f"{relative(path)}:{(found or [start])[0] + 1}"


def _starts(lines: list[str], name: str) -> Iterator[int]:
    """Give the lines on which a rule of such a name begins."""
    head = re.compile(rf"\s*(rule|checkpoint)\s+{name}|\s*use\s+rule\b.*\b{name}")
    return (n for n, line in enumerate(lines) if head.match(line))
