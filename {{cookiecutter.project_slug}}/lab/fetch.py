"""`make fetch`: fetch data again, or the data called `NAME`, and compare it with the record."""

import difflib
import os

from lab import gate, sources
from lab.errors import LabError
from lab.experiments import current
from lab.gate import drift, fetching, record


def main(argv: list[str]) -> int:
    """Fetch all declared data of the current experiment again, or only `NAME`.

    Raises:
        LabError: Data is no longer what is recorded, or cannot be fetched.
    """
    experiment = current()
    declared = sources.declared(experiment)
    wanted = os.environ.get("NAME", "").removeprefix("assets/data/")
    if wanted and wanted not in declared:
        close = difflib.get_close_matches(wanted, declared, n=3) or list(declared)
        raise LabError(f"no data is called {wanted}\n  declared: {', '.join(close) or 'none'}")
    known = record.read(experiment.scripts / "hashes.txt")
    drift.refuse(experiment, declared, known)
    fetching.clear(experiment)
    for name in [wanted] if wanted else declared:
        fetching.fetch(experiment, name, declared[name], known)
        fetching.Fetched(experiment).note(name, declared[name])
    gate.prepare(experiment)
    return 0
