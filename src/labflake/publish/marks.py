"""The line in a comment that programs read and nobody sees: whose it is, and its key numbers.

It is the definition of a link that no text uses, which all forges leave out; HTML comments are
taken away by some of them.
"""

import json
import re
import sys
from dataclasses import asdict, dataclass, field
from urllib.parse import quote, unquote

_TEXT = 1_000  # characters of a key number
_LINE = re.compile(r"^\[labflake-results\]: <#([^<>\s]*)>$", re.M)


@dataclass(frozen=True)
class Mark:
    """What a comment says of itself: its experiment, commit, key numbers, and files by name."""

    experiment: str
    commit: str
    metrics: dict[str, tuple[str, float | None]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def line(self) -> str:
        """Return the line."""
        text = json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)
        return f"[labflake-results]: <#{quote(text, safe='')}>"


def read(body: str) -> Mark | None:
    """Return what a comment says of itself; None if it is not one of ours."""
    match = _LINE.search(body.replace("\r\n", "\n"))
    try:
        found = Mark(**json.loads(unquote(match[1]))) if match else None
        return found if found and _is_right(found) else None
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


def _is_right(mark: Mark) -> bool:
    """Tell whether all is of the kind that we write: anybody can write a comment."""
    texts = [mark.experiment, mark.commit, *mark.files, *mark.files.values()]
    numbers = [(text, value) for text, value in mark.metrics.values()]
    right = all(isinstance(t, str) and len(t) < _TEXT and _is_number(v) for t, v in numbers)
    return right and all(isinstance(text, str) for text in texts)


def _is_number(value: object) -> bool:
    """Tell whether a value is none, or a number that can be compared."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value is None
    return abs(value) <= sys.float_info.max
