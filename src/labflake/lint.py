"""Find numbers typed by hand in the documents of the experiment (part of `make check`)."""

import os

from labflake.documents import numbers
from labflake.experiments import current


def main(argv: list[str]) -> int:
    """Print each number that should come from a result; 1 with STRICT=1 if there is any."""
    found = [line for source in current().documents() for line in numbers.lint(source)]
    for line in found:
        print(line)
    return int(bool(found) and os.environ.get("STRICT", "") not in ("", "0"))
