"""`make check`: verify the data now, and print what is verified and what is not."""

import os

from lab import gate, sources
from lab.experiments import Experiment, current
from lab.gate import drift
from lab.gate.inventory import DATA, Finding, Inventory
from lab.gate.wording import accept, aligned, short, shown
from lab.meter import size
from lab.sources import Source

SHOWN = 50


def main(argv: list[str]) -> int:
    """Print the state of all data of the current experiment; 1 if any of it is not as recorded."""
    experiment = current()
    declared = sources.declared(experiment)
    found = gate.verify(experiment, full=os.environ.get("FULL", "") not in ("", "0"))
    drifted = drift.names(experiment, declared)
    rows = _summaries(experiment, declared, found)
    rows += [_problem(each) for each in found.of("changed", "missing", "extra")[:SHOWN]]
    rows += [(DATA + name, "DRIFTED", f"new data in {name}.drifted", "") for name in drifted]
    print(f"data of {experiment.name}")
    for row in aligned(rows or [("", "none", "", "")]):
        print(f"  {row}".rstrip())
    _advise(experiment, found, drifted)
    unknown = bool(found.of("new")) and gate.locked()
    return int(bool(found.refused or drifted or unknown))


def _summaries(
    experiment: Experiment, declared: dict[str, Source], found: Inventory
) -> list[tuple[str, ...]]:
    """Return one row for each source, and one for each file that no source declares."""
    rows, rest = [], {finding.name: finding for finding in found.findings}
    for name, source in declared.items():
        base = DATA + name
        mine = [f for n, f in rest.items() if n == base or n.startswith(f"{base}/")]
        rows.append((shown(base), *_state(mine), source.described()))
        for finding in mine:
            del rest[finding.name]
    return rows + [(shown(n), *_state([f]), "") for n, f in rest.items() if f.state == "verified"]


def _state(findings: list[Finding]) -> tuple[str, str]:
    """Return the state and the size of what belongs to one source."""
    there = [finding for finding in findings if finding.found]
    total = size(sum(finding.size or 0 for finding in there))
    amount = total if len(there) < 2 else f"{len(there)} files, {total}"
    states = {finding.state for finding in findings}
    if not findings:
        return "not fetched yet", ""
    if states & {"changed", "missing", "extra"}:
        return "NOT VERIFIED", amount
    return ("not recorded yet" if "new" in states else "verified"), amount


def _problem(finding: Finding) -> tuple[str, ...]:
    recorded = f"recorded {short(finding.recorded, finding.recorded_size)}"
    found = f"found {short(finding.found, finding.size)}"
    texts = {"changed": f"{recorded}   {found}", "missing": recorded, "extra": found}
    return shown(finding.name), finding.state.upper(), texts[finding.state], ""


def _advise(experiment: Experiment, found: Inventory, drifted: list[str]) -> None:
    hidden = len(found.refused) - SHOWN
    if hidden > 0:
        print(f"  … and {hidden} more")
    if found.refused or drifted:
        print(f"intended? {accept(experiment)}   not intended? restore the files")
