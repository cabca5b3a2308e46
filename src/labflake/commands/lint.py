"""Find what is not as it should be in the texts of the experiment (part of `make check`).

That is: numbers typed by hand in its documents, imports of packages nobody asked for.
"""

from labflake.documents import numbers
from labflake.programs import undeclared
from labflake.project.experiments import current
from labflake.project.options import flag


def main(argv: list[str]) -> int:
    """Print a line for each; 1 with STRICT=1 if there is any."""
    found = [line for source in current().documents() for line in numbers.lint(source)]
    found += undeclared.lines(current())
    for line in found:
        print(line)
    return int(bool(found) and flag("STRICT"))
