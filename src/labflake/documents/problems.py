"""What is wrong with a document, with the line of its source."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from labflake.errors import LabError, meant
from labflake.project.experiments import relative


class Problem(NamedTuple):
    """One thing to correct: the line of the source, from 1, and a sentence."""

    line: int
    text: str


def as_lines(path: Path, problems: Iterable[Problem]) -> list[str]:
    """Return `scripts/…/report.md:LINE: sentence` for each problem, in the order of lines."""
    unique = sorted(dict.fromkeys(problems), key=lambda p: p.line)
    return [f"{relative(path)}:{p.line}: {p.text}" for p in unique]


def refuse(path: Path, problems: Iterable[Problem]) -> None:
    """Raise one error that names all problems, if there are any.

    Raises:
        LabError: there is at least one.
    """
    lines = as_lines(path, problems)
    if lines:
        raise LabError("\n".join(lines))


def unknown(what: str, found: str, known: tuple[str, ...], also: tuple[str, ...] = ()) -> str:
    """Return the sentence that names what is not known and what is close to it.

    `also` are other names that are understood, but not recommended.
    """
    hint = meant(found, (*known, *also), most=1) or f"known: {', '.join(known)}"
    return f"unknown {what}: {found or 'a line without key'} ({hint})"
