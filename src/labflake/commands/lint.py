"""Find what is not as it should be in the texts of the experiment (part of `make check`).

That is: numbers typed by hand in its documents, key numbers that its results do not have,
imports of packages nobody asked for.
"""

from labflake.documents import numbers
from labflake.programs import undeclared
from labflake.project.experiments import Experiment, current, relative
from labflake.project.options import flag
from labflake.site import headers, metrics


def main(argv: list[str]) -> int:
    """Print a line for each; 1 with STRICT=1 if there is any."""
    found = [line for source in current().documents() for line in numbers.lint(source)]
    found += [*_metrics(current()), *undeclared.lines(current())]
    for line in found:
        print(line)
    return int(bool(found) and flag("STRICT"))


def _metrics(experiment: Experiment) -> list[str]:
    """Return a line for each key number of the report that its results, once built, do not have."""
    _, wrong = metrics.read(experiment, headers.read(experiment).get("metrics"))
    return [f"{relative(experiment.scripts / 'report.md')}: {problem}" for problem in wrong]
