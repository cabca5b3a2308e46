"""Bring recorded data back: from what is kept of it, or from its source.

The record moves with git: after a checkout, a pull or a merge it names other bytes than those
that lie here. These were verified once, so nobody changed them: the recorded ones take their place.
A file that was changed since it was verified is another matter, which a person has to decide.
"""

import os
import shutil
from pathlib import Path

from labflake.content.atomic import move, replacing
from labflake.content.folders import walk
from labflake.data_files.gate import drift, fetching, home, versions
from labflake.data_files.gate.inventory import DATA, Finding, Inventory
from labflake.data_files.gate.record import Record
from labflake.data_files.gate.wording import short, shown
from labflake.data_files.sources.job import Source
from labflake.data_files.sources.local import File, Folder, Manual
from labflake.errors import LabError
from labflake.project.experiments import Experiment


def follow(
    experiment: Experiment, declared: dict[str, Source], known: Record, found: Inventory
) -> bool:
    """Follow a record that moved; return whether any data was replaced."""
    done = [
        bring(experiment, name, declared.get(name.removeprefix(DATA)), known, findings)
        for name, findings in versions.units(declared, found.refused).items()
        if not _is_awaited(experiment, name, declared)
        and (_is_gone(experiment, name, declared) or is_moved(experiment, findings, found))
    ]
    return any(done)


def _is_awaited(experiment: Experiment, name: str, declared: dict[str, Source]) -> bool:
    """Return whether nothing of a source is there, which will be fetched."""
    fetched = name.removeprefix(DATA) in fetching.fetchable(declared)
    return fetched and not (experiment.generated / name).exists()


def _is_gone(experiment: Experiment, name: str, declared: dict[str, Source]) -> bool:
    """Return whether nothing is there of data that a person brings: so there is nothing to lose."""
    manual = isinstance(declared.get(name.removeprefix(DATA)), Manual)
    return manual and not home.place(experiment, name.removeprefix(DATA)).exists()


def is_moved(experiment: Experiment, findings: list[Finding], found: Inventory) -> bool:
    """Return whether all files are as they were verified, so that it is the record that changed."""
    for each in findings:
        before = found.remembered.get(each.name)
        if before and before.digest != each.found:
            return False  # a missing file has no digest: somebody removed it
        if not before and each.state == "extra":
            return False
        if not before and each.found and not versions.of(experiment).has(each.found):
            return False
    return True


def bring(
    experiment: Experiment,
    name: str,
    source: Source | None,
    known: Record,
    findings: list[Finding],
) -> bool:
    """Put the recorded bytes of one source into place, and keep those that lie there.

    Returns:
        whether that was possible.
    """
    used = experiment.generated / name
    if not known.below(name):
        return False
    foreign = used.is_symlink() and not isinstance(source, Manual)
    in_place = isinstance(source, (File, Folder)) and not source.copy
    if source and (foreign or in_place) and _from_source(experiment, name, source, known):
        return True  # what is used where it lies becomes a link again, and is guarded there
    kept = versions.of(experiment)
    if all(kept.has(each.recorded) for each in findings if each.recorded):
        _place(experiment, name, source, findings, foreign)
        return True
    if source is None or isinstance(source, Manual) or foreign:
        return False
    return _from_source(experiment, name, source, known)


def settle_drifted(experiment: Experiment, declared: dict[str, Source], known: Record) -> None:
    """Take new data that lies aside into place, where it is by now what is recorded."""
    for name in drift.names(experiment, declared):
        aside, expected = drift.aside(experiment, name), known.below(DATA + name)
        if expected and fetching.digests(aside, name) == expected:
            used = experiment.generated / DATA / name
            versions.of(experiment).rescue(used, set(expected.values()))
            fetching.place(aside, used)
            print(f"{shown(DATA + name)}   the new data that lay aside is what is recorded now")


def _from_source(experiment: Experiment, name: str, source: Source, known: Record) -> bool:
    """Fetch the data, and take it if it is what is recorded."""
    try:
        short_name = name.removeprefix(DATA)
        return fetching.attempt(experiment, short_name, source, known) is not None
    except LabError:
        return False


def _place(
    experiment: Experiment,
    name: str,
    source: Source | None,
    findings: list[Finding],
    foreign: bool,
) -> None:
    """Replace what differs by what is kept; what a link leads to is not touched."""
    used = experiment.generated / name
    own = home.place(experiment, name.removeprefix(DATA))
    top = own if isinstance(source, Manual) else used
    with fetching.explained(name.removeprefix(DATA)):
        if foreign:
            _make_own(experiment, used, {each.name for each in findings})
        for each in findings:
            _replace(experiment, Path(f"{top}{each.name.removeprefix(name)}"), each)
        if isinstance(source, Manual) and not used.exists():
            home.link(used, own)
    for each in findings[:3]:
        was = f"; {short(each.found)} is kept" if each.found else ""
        now = f"brought back {short(each.recorded)}" if each.recorded else "set aside"
        print(f"{shown(each.name)}   {now}, as hashes.txt says{was}", flush=True)
    if len(findings) > 3:
        print(f"… and {len(findings) - 3} more files of {shown(name)}")


def _replace(experiment: Experiment, path: Path, finding: Finding) -> None:
    kept = versions.of(experiment)
    there = os.path.lexists(path)
    if not finding.recorded:
        if there:
            kept.set_aside(path, finding.found)
        return
    with replacing(path, durable=True) as part:
        kept.bring(finding.recorded, part)
        if there:
            kept.set_aside(path, finding.found)


def _make_own(experiment: Experiment, used: Path, others: set[str]) -> None:
    """Put a folder or nothing in the place of a link, with links to the files that stay."""
    if not used.is_dir():
        used.unlink()
        return
    scratch = experiment.generated / fetching.SCRATCH / "own"
    shutil.rmtree(scratch, ignore_errors=True)
    for name, _ in walk(str(used)):
        if os.path.relpath(name, experiment.generated) not in others:
            link = scratch / Path(name).relative_to(used)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(Path(name).resolve())
    scratch.mkdir(parents=True, exist_ok=True)
    used.unlink()
    move(scratch, used)
