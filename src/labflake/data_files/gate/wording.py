"""How digests, sizes, tables and the way out are written in messages about data."""

from collections.abc import Sequence

from labflake.content.meter import size
from labflake.project.experiments import Experiment, current


def accept(experiment: Experiment) -> str:
    """Return the command that accepts the data of this experiment."""
    other = "" if experiment == current() else f" EXPERIMENT={experiment.name}"
    return f'make accept{other} REASON="…"'


def shown(name: str) -> str:
    """Return `name` on one line; what cannot be printed is written as in Python."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def short(digest: str, bytes_: int | None = None) -> str:
    """Return a digest and a size as people compare them: `4355a4… (119 kB)`."""
    return f"{digest[:6]}…" + ("" if bytes_ is None else f" ({size(bytes_)})")


def aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return each row as one line, its columns under each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["   ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
