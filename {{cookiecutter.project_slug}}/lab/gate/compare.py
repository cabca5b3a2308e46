"""Show the first rows in which two versions of a file differ."""

from itertools import islice, zip_longest
from pathlib import Path

SHOWN = 3
WIDE = 100


def first_differences(old: Path, new: Path, name: str) -> list[str]:
    """Return lines that show what changed; none for formats that have no rows."""
    if old.is_dir() or new.is_dir() or not name.endswith((".csv", ".tsv", ".txt")):
        return []
    with open(old, errors="replace") as before, open(new, errors="replace") as after:
        pairs = enumerate(zip_longest(before, after), 1)
        different = ((n, a, b) for n, (a, b) in pairs if a != b)
        return [
            text
            for number, a, b in islice(different, SHOWN)
            for text in (f"line {number}: - {_cut(a)}", f"line {number}: + {_cut(b)}")
        ]


def _cut(text: str | None) -> str:
    return "(end)" if text is None else text.rstrip("\n")[:WIDE]
