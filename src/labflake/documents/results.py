"""What running the cells of a document gave."""

from dataclasses import dataclass, field

from labflake.documents.problems import Problem
from labflake.documents.source import Source


@dataclass
class Executed:
    """Outputs of each code cell, texts of the inline expressions, files touched, problems.

    `values` has one list for each cell; the last list belongs to the header.
    """

    outputs: list[list[dict]]
    values: list[list[str]]
    notes: dict = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def nothing(source: Source) -> Executed:
    """Return the results of a document that has no code."""
    return Executed([], [[] for _ in range(len(source.cells) + 1)])
