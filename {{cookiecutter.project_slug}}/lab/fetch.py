"""`make fetch`: fetch data again, or the data called `NAME`, and compare it with the record."""

import difflib
import os

from lab import gate, sources
from lab.errors import LabError
from lab.experiments import Experiment, current
from lab.gate import drift, fetching, record
from lab.gate.alone import alone


def main(argv: list[str]) -> int:
    """Fetch all declared data of the current experiment again, or only `NAME`.

    Raises:
        LabError: Data is no longer what is recorded, or cannot be fetched.
    """
    experiment = current()
    with alone(experiment):
        _again(experiment)
    return 0


def _again(experiment: Experiment) -> None:
    declared = sources.declared(experiment)
    wanted = os.environ.get("NAME", "").removeprefix("assets/data/")
    if wanted and wanted not in declared:
        close = difflib.get_close_matches(wanted, declared, n=3) or list(declared)
        raise LabError(f"no data is called {wanted}\n  declared: {', '.join(close) or 'none'}")
    known = record.read(experiment.scripts / "hashes.txt")
    drift.refuse(experiment, declared, known)
    fetching.clear(experiment)
    for name in [wanted] if wanted else fetching.fetchable(declared):
        fetching.fetch(experiment, name, declared[name], known)
        fetching.Fetched(experiment).note(name, declared[name])
    gate.prepare(experiment)
