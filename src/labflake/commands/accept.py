"""`make accept REASON="…"`: take the data as it is now into the record, with the reason."""

from datetime import UTC, datetime

from labflake.data_files import gate, sources
from labflake.data_files.gate import drift, fetching, home, origins, record, versions
from labflake.data_files.gate.inventory import DATA, Finding
from labflake.data_files.gate.wording import aligned, short, shown
from labflake.data_files.sources.job import Source
from labflake.errors import LabError
from labflake.processes.alone import alone
from labflake.project.experiments import Experiment, current, relative
from labflake.project.options import option


def main(argv: list[str]) -> int:
    """Record all data of the current experiment as it is.

    Raises:
        LabError: No reason was given.
    """
    reason = " ".join(option("REASON").split())
    if not reason:
        raise LabError(
            "accepting changed data needs a reason: it is written into hashes.txt\n"
            '  for example: make accept REASON="the provider corrected three dates"'
        )
    experiment = current()
    with alone(experiment), fetching.explained():
        _take(experiment, reason)
    return 0


def _take(experiment: Experiment, reason: str) -> None:
    """Bring the record up to date with the data, drifted data first."""
    declared = sources.declared(experiment)
    home.settle(experiment, declared)
    for name in drift.names(experiment, declared):
        used = experiment.generated / DATA / name
        versions.of(experiment).rescue(used, set())
        fetching.place(drift.aside(experiment, name), used)
    known = record.read(experiment.scripts / "hashes.txt")
    found = gate.verify(experiment, full=True)
    changes = [each for each in found.findings if _is_accepted(each, declared)]
    for finding in changes:
        _accept(known, finding, reason)
    _finish(experiment, known, changes, len(found.findings))
    versions.keep(experiment, declared, [each for each in found.findings if each.found])
    origins.note(experiment, declared, known)


def _is_accepted(finding: Finding, declared: dict[str, Source]) -> bool:
    """Return whether a finding changes the record; missing data that `make` fetches does not."""
    fetched = finding.state == "missing" and finding.name.removeprefix(DATA) in declared
    return finding.state != "verified" and not fetched


def _accept(known: record.Record, finding: Finding, reason: str) -> None:
    day = datetime.now(UTC).date().isoformat()
    if finding.state == "missing":
        name = record.escaped(finding.name)
        known.remove(finding.name, f"{day} {name} taken out, was {finding.recorded}: {reason}")
    elif finding.recorded:
        known.set(finding.name, finding.found, f"{day} accepted, was {finding.recorded}: {reason}")
    else:
        known.set(finding.name, finding.found, f"{day} added: {reason}")


def _finish(
    experiment: Experiment, known: record.Record, changes: list[Finding], count: int
) -> None:
    if not changes:
        print(f"nothing to accept: all {count} files of {experiment.name} are as recorded")
        return
    known.write()
    gate.verify(experiment)
    for row in aligned([_row(each) for each in changes]):
        print(row)
    print(f"written to {relative(known.path)}: look at it with git diff, and commit it")


def _row(finding: Finding) -> tuple[str, str, str, str]:
    was = f"was {short(finding.recorded, finding.recorded_size)}" if finding.recorded else "new"
    now = f"now {short(finding.found, finding.size)}" if finding.found else "taken out"
    return "accepted", shown(finding.name), was, now
