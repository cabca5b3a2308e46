"""Verify the data now, and print what is verified and what is not (part of `make check`)."""

from labflake.content.meter import size
from labflake.data_files import gate, sources
from labflake.data_files.gate import drift, fetching, home, restore
from labflake.data_files.gate.inventory import DATA, Finding, Inventory
from labflake.data_files.gate.tree import Tree
from labflake.data_files.gate.wording import accept, aligned, short, shown
from labflake.data_files.sources.job import Source
from labflake.project.experiments import Experiment, current
from labflake.project.options import flag, is_locked

SHOWN = 50
Row = tuple[str, str, str, str]


def main(argv: list[str]) -> int:
    """Print the state of all data of the current experiment; 1 if any of it is not as recorded."""
    experiment = current()
    with fetching.explained():
        return _check(experiment)


def _check(experiment: Experiment) -> int:
    declared = sources.declared(experiment)
    home.link_new(experiment, declared)
    full = flag("FULL")
    tree = None if full else gate.sealed(experiment, declared)
    if tree:
        _print(experiment, _of_tree(declared, tree))
        return 0
    found = gate.verify(experiment, full)
    drifted = drift.names(experiment, declared)
    rows = _summaries(declared, found)
    rows += [_problem(each) for each in found.refused[:SHOWN]]
    rows += [(DATA + name, "DRIFTED", f"new data in {name}.drifted", "") for name in drifted]
    _print(experiment, rows)
    _advise(experiment, found, drifted)
    unknown = bool(found.of("new")) and is_locked()
    return int(bool(found.refused or drifted or unknown))


def _print(experiment: Experiment, rows: list[Row]) -> None:
    print(f"data of {experiment.name}")
    for row in aligned(rows or [("none", "", "", "")]):
        print(f"  {row}".rstrip())


def _of_tree(declared: dict[str, Source], tree: Tree) -> list[Row]:
    """Return one row for each file or folder of data that is sealed: all is verified."""
    names = {DATA + name: source.described() for name, source in declared.items()}
    order = [*names, *(name for name in tree.roots if name not in names)]
    return [
        (shown(name), "verified", _amount(*tree.roots.get(name, (0, 0))), names.get(name, ""))
        for name in order
    ]


def _summaries(declared: dict[str, Source], found: Inventory) -> list[Row]:
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
    amount = _amount(len(there), sum(finding.size or 0 for finding in there))
    states = {finding.state for finding in findings}
    if not findings:
        return "not fetched yet", ""
    if states & {"changed", "missing", "extra"}:
        return "NOT VERIFIED", amount
    return ("not recorded yet" if "new" in states else "verified"), amount


def _amount(count: int, total: int) -> str:
    return size(total) if count < 2 else f"{count} files, {size(total)}"


def _problem(finding: Finding) -> Row:
    recorded = f"recorded {short(finding.recorded, finding.recorded_size)}"
    found = f"found {short(finding.found, finding.size)}"
    texts = {"changed": f"{recorded}   {found}", "missing": recorded, "extra": found}
    return shown(finding.name), finding.state.upper(), texts[finding.state], ""


def _advise(experiment: Experiment, found: Inventory, drifted: list[str]) -> None:
    hidden = len(found.refused) - SHOWN
    if hidden > 0:
        print(f"  … and {hidden} more")
    if found.refused and restore.is_moved(experiment, found.refused, found):
        print("the record changed, not the data: make looks for what is recorded")
    elif found.refused or drifted:
        print(f"intended? {accept(experiment)}   not intended? restore the files")
