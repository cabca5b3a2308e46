"""The gate: no step runs unless all data is what `hashes.txt` says."""

from pathlib import Path

from labflake.data_files import sources
from labflake.data_files.gate import (
    drift,
    fetching,
    home,
    inventory,
    origins,
    record,
    restore,
    seal,
    versions,
)
from labflake.data_files.gate.inventory import DATA, Finding, Inventory
from labflake.data_files.gate.tree import Tree
from labflake.data_files.gate.wording import accept, aligned, short, shown
from labflake.data_files.sources.job import Source
from labflake.data_files.sources.local import Manual, where
from labflake.errors import LabError
from labflake.project.experiments import Experiment, relative
from labflake.project.options import is_locked

SHOWN = 20


def prepare(experiment: Experiment) -> list[Path]:
    """Fetch what is missing, verify all data, record what is new; return its files and folders.

    Raises:
        LabError: Data changed, drifted, cannot be fetched, or is new where `LOCKED` forbids it.
    """
    with fetching.explained():
        declared = sources.declared(experiment)
        home.settle(experiment, declared)
        if not sealed(experiment, declared):
            _prepare(experiment, declared)
    return [experiment.generated / DATA / name for name in declared]


def _prepare(experiment: Experiment, declared: dict[str, Source]) -> None:
    known = record.read(experiment.scripts / "hashes.txt")
    restore.settle_drifted(experiment, declared, known)
    drift.refuse(experiment, declared, known)
    found = _look(experiment, known, declared)
    if found.refused and restore.follow(experiment, declared, known, found):
        found = _look(experiment, known, declared)
    refuse(experiment, found, declared)
    verified = fetching.ensure(experiment, declared, known, is_locked())
    if verified is not None:
        found = _look(experiment, known, declared, verified=verified)
        refuse(experiment, found)
    _record_new(experiment, known, found.of("new"))
    versions.keep(experiment, declared, found.findings)
    origins.note(experiment, declared, known)
    seal.put(experiment, declared, found)


def sealed(experiment: Experiment, declared: dict[str, Source]) -> Tree | None:
    """Return all data files if nothing at all changed since they were verified, else None."""
    if drift.names(experiment, declared):
        return None
    return seal.holds(experiment, declared)


def verify(experiment: Experiment, full: bool = False) -> Inventory:
    """Compare the data with the record, and change neither; `full` reads every file."""
    declared = sources.declared(experiment)
    known = record.read(experiment.scripts / "hashes.txt")
    return _look(experiment, known, declared, full)


def memory(experiment: Experiment) -> Path:
    """Return the file that remembers the stats of verified data."""
    return experiment.state / "hashes.json"


def refuse(
    experiment: Experiment, found: Inventory, declared: dict[str, Source] | None = None
) -> None:
    """Stop if the data is not what is recorded; what will be fetched may still be missing.

    Raises:
        LabError: A file changed, is missing, or should not be there.
    """
    awaited = fetching.absent(experiment, declared or {})
    refused = [each for each in found.refused if not _is_awaited(each, awaited)]
    if not refused:
        return
    rows = aligned([_row(each) for each in refused[:SHOWN]])
    if len(refused) > SHOWN:
        rows.append(f"… and {len(refused) - SHOWN} more: make check")
    rows += _who_has(experiment, refused, declared or {})
    lines = "".join(f"\n  {row}" for row in rows)
    moved = restore.is_moved(experiment, refused, found)
    if moved and any(each.state == "changed" for each in refused):
        raise LabError(
            f"hashes.txt records data that is not here, and that nobody here has kept{lines}\n"
            "  bring the file with this hash from whoever accepted it, or go back in git\n"
            "  make accept would record the older data again"
        )
    raise LabError(
        f"the data of this experiment changed since it was recorded{lines}\n"
        f"  intended? {accept(experiment)}   not intended? restore the file, then make"
        f"{_kept(experiment, refused, declared or {})}"
    )


def _kept(experiment: Experiment, refused: list[Finding], declared: dict[str, Source]) -> str:
    """Return how the recorded data comes back, where it is kept."""
    kept = versions.of(experiment)
    names = [
        name.removeprefix(DATA)
        for name, findings in versions.units(declared, refused).items()
        if all(kept.has(each.recorded) for each in findings if each.recorded)
    ]
    named = next((name for name in names if name in declared), None)
    return f"\n  it is kept: make fetch NAME={shown(named)} brings it back" if named else ""


def _look(
    experiment: Experiment,
    known: record.Record,
    declared: dict[str, Source],
    full: bool = False,
    verified: fetching.Verified | None = None,
) -> Inventory:
    names = [DATA + name for name in declared]
    notes = memory(experiment)
    return inventory.take(experiment.generated, known, names, notes, full, verified)


def _is_awaited(finding: Finding, absent: set[str]) -> bool:
    """Return whether a missing file belongs to data that is fetched as a whole."""
    below = (finding.name.startswith(f"{DATA}{name}/") for name in absent)
    return finding.state == "missing" and (finding.name.removeprefix(DATA) in absent or any(below))


def _who_has(
    experiment: Experiment, refused: list[Finding], declared: dict[str, Source]
) -> list[str]:
    """Return what config.yaml says about missing data that a person brings."""
    missing = {each.name.removeprefix(DATA) for each in refused if each.state == "missing"}
    return [
        f"{DATA}{name} is brought by hand: {source.manual.strip()}\n  {where(experiment, name)}"
        for name, source in declared.items()
        if isinstance(source, Manual) and any(f"{each}/".startswith(f"{name}/") for each in missing)
    ]


def _row(finding: Finding) -> tuple[str, str, str]:
    recorded = f"recorded {short(finding.recorded, finding.recorded_size)}"
    found = f"found {short(finding.found, finding.size)}"
    name = shown(finding.name)
    if finding.state == "missing":
        return name, recorded, "missing"
    return name, recorded if finding.state == "changed" else "not recorded", found


def _record_new(experiment: Experiment, known: record.Record, new: list[Finding]) -> None:
    if not new:
        return
    if is_locked():
        names = "".join(f"\n  {shown(each.name)}" for each in new[:SHOWN])
        raise LabError(f"data that is not recorded, and LOCKED or CI is set{names}{_UNLOCK}")
    for each in new:
        known.set(each.name, each.found)
    known.write()
    for each in new[:SHOWN]:
        print(f"recorded {shown(each.name)}   {short(each.found, each.size)}")
    more = f"{len(new) - SHOWN} more files, " if len(new) > SHOWN else ""
    print(f"recorded {more}in {relative(known.path)}: commit it")


_UNLOCK = "\n  record it: make without them, then commit hashes.txt"
