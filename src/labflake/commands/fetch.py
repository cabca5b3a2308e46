"""`make fetch`: fetch data again, or the data called `NAME`, and compare it with the record."""

from labflake.data_files import gate, sources
from labflake.data_files.gate import drift, fetching, home, origins, record, restore
from labflake.data_files.gate.inventory import DATA
from labflake.data_files.sources.job import Source
from labflake.data_files.sources.local import Manual
from labflake.errors import LabError, choice
from labflake.processes.alone import alone
from labflake.project.experiments import Experiment, current
from labflake.project.options import option


def main(argv: list[str]) -> int:
    """Fetch all declared data of the current experiment again, or only `NAME`.

    Raises:
        LabError: Data is no longer what is recorded, or cannot be fetched.
    """
    experiment = current()
    with alone(experiment), fetching.explained():
        _again(experiment)
    return 0


def _again(experiment: Experiment) -> None:
    declared = sources.declared(experiment)
    wanted = option("NAME").removeprefix("assets/data/")
    if wanted and wanted not in declared:
        raise LabError(f"no data is called {wanted}\n  {choice(wanted, declared)}")
    known = record.read(experiment.scripts / "hashes.txt")
    home.settle(experiment, declared)
    restore.settle_drifted(experiment, declared, known)
    drift.refuse(experiment, declared, known)
    fetching.clear(experiment)
    for name in [wanted] if wanted else fetching.fetchable(declared):
        _one(experiment, name, declared[name], known)
    origins.note(experiment, declared, known)
    gate.prepare(experiment)


def _one(experiment: Experiment, name: str, source: Source, known: record.Record) -> None:
    """Fetch data again; what a person brought, or what nobody gives any more, as it was kept."""
    refused = gate.verify(experiment).refused
    found = [each for each in refused if f"{each.name}/".startswith(f"{DATA}{name}/")]
    in_place = found and fetching.is_link(source)  # its source is what changed
    if not isinstance(source, Manual) and not in_place:
        try:
            fetching.fetch(experiment, name, source, known)
            return
        except LabError:
            if not found or drift.names(experiment, [name]):
                raise
    if found and restore.bring(experiment, DATA + name, source, known, found):
        return
    gate.refuse(experiment, gate.verify(experiment), {name: source})
    print(f"{DATA}{name} is as recorded; people bring it")
