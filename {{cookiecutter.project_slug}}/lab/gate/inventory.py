"""Compare the data on disk with the record: what is verified, changed, missing, extra or new."""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import LabError
from lab.folders import walk
from lab.gate import hashes, statcache
from lab.gate.record import Record
from lab.meter import Meter

DATA = "assets/data/"
DRIFTED = ".drifted"


@dataclass(frozen=True)
class Finding:
    """The state of one file: its digests and sizes, as recorded and as found."""

    name: str
    state: str  # verified, changed, missing, extra or new
    recorded: str = ""
    recorded_size: int | None = None
    found: str = ""
    size: int | None = None


@dataclass
class Inventory:
    """All findings of one experiment, sorted by name."""

    findings: list[Finding] = field(default_factory=list)

    def of(self, *states: str) -> list[Finding]:
        """Return the findings in these states."""
        return [finding for finding in self.findings if finding.state in states]

    @property
    def refused(self) -> list[Finding]:
        """Return the findings that stop a run."""
        return self.of("changed", "missing", "extra")


def take(
    generated: Path,
    record: Record,
    declared: Iterable[str] = (),
    memory: Path | None = None,
    full: bool = False,
    verified: dict[str, statcache.Known] | None = None,
) -> Inventory:
    """Look at all data below `generated` and compare it with `record`.

    A folder of assets/data that holds a recorded file must hold recorded files only.

    Args:
        generated: the generated folder of the experiment.
        record: what is recorded.
        declared: names (`assets/data/…`) that config.yaml declares: files or folders.
        memory: the file with the stats of verified files; it is brought up to date.
        full: read every file, whatever its stat says.
        verified: files that were hashed a moment ago.
    """
    there = _on_disk(generated, _roots(record.digests, declared))
    remembered = statcache.read(memory) if memory else {}
    moment = time.time_ns()
    trusted = {} if full else remembered | (verified or {})
    found = _digests(generated, there, trusted)
    fresh = _fresh(record.digests, declared)
    names = sorted({*there, *record.digests}, key=os.fsencode)
    findings = [_compare(name, record, there, found, remembered, fresh) for name in names]
    if memory:
        _remember(memory, remembered, findings, there, moment)
    return Inventory(findings)


def _remember(
    memory: Path,
    remembered: dict[str, statcache.Known],
    findings: list[Finding],
    there: dict[str, os.stat_result],
    moment: int,
) -> None:
    """Keep what was verified; of changed and missing files, keep what they were before."""
    kept = {}
    for each in findings:
        before = remembered.get(each.name)
        if each.state in ("changed", "missing"):
            kept |= {each.name: before} if before else {}
        elif each.state != "extra":
            stat = there[each.name]
            same = before and before.matches(stat) and before.digest == each.found
            kept[each.name] = before if same else statcache.known(each.found, stat, moment)
    if kept != remembered:
        statcache.write(memory, kept)


def _roots(recorded: Iterable[str], declared: Iterable[str]) -> set[str]:
    """Return the files and folders to look at: declared ones, and those of recorded files."""
    return {_root(name) for name in recorded} | set(declared)


def _root(name: str) -> str:
    """Return the folder of assets/data in which `name` lies, or `name` itself."""
    first, slash, _ = name.removeprefix(DATA).partition("/")
    return DATA + first if slash and name.startswith(DATA) else name


def _fresh(recorded: Iterable[str], declared: Iterable[str]) -> list[str]:
    """Return the declared names of which nothing is recorded yet."""
    recorded = list(recorded)
    return [d for d in declared if not any(r == d or r.startswith(f"{d}/") for r in recorded)]


def _on_disk(generated: Path, roots: Iterable[str]) -> dict[str, os.stat_result]:
    there: dict[str, os.stat_result] = {}
    cut = len(str(generated)) + 1
    for root in roots:
        path = str(generated / root)
        if os.path.isdir(path):
            there.update((name[cut:], stat) for name, stat in walk(path))
        elif os.path.exists(path):
            there[root] = os.stat(path)
    return there


def _digests(
    generated: Path, there: dict[str, os.stat_result], remembered: dict[str, statcache.Known]
) -> dict[str, str]:
    """Return the digest of every file, reading those that are not known by their stat."""
    unknown = {
        name
        for name, stat in there.items()
        if name not in remembered or not remembered[name].matches(stat)
    }
    found = {name: remembered[name].digest for name in there if name not in unknown}
    return found | (_read(generated, {name: there[name] for name in unknown}) if unknown else {})


def _read(generated: Path, there: dict[str, os.stat_result]) -> dict[str, str]:
    base = f"{generated}/"
    sizes = {base + name: stat.st_size for name, stat in there.items()}
    with Meter("hashing", sum(sizes.values())) as meter:
        answers = hashes.sha256s(sizes, meter.add)
    for path, answer in answers.items():
        if isinstance(answer, OSError):
            raise LabError(f"{path} cannot be read: {answer.strerror}")
        if not _same(os.stat(path), there[path.removeprefix(base)]):
            raise LabError(f"{path} is being written while it is read\n  wait for it, then make")
    return {path.removeprefix(base): answer for path, answer in answers.items()}


def _same(one: os.stat_result, two: os.stat_result) -> bool:
    return (one.st_size, one.st_mtime_ns, one.st_ino) == (two.st_size, two.st_mtime_ns, two.st_ino)


def _compare(
    name: str,
    record: Record,
    there: dict[str, os.stat_result],
    found: dict[str, str],
    remembered: dict[str, statcache.Known],
    fresh: list[str],
) -> Finding:
    recorded, digest = record.digests.get(name, ""), found.get(name, "")
    size = there[name].st_size if name in there else None
    before = remembered.get(name)
    known_size = before.size if before and before.digest == recorded else None
    if recorded == digest:
        state, known_size = "verified", size
    elif recorded:
        state = "changed" if digest else "missing"
    else:
        state = "new" if any(name == f or name.startswith(f"{f}/") for f in fresh) else "extra"
    return Finding(name, state, recorded, known_size, digest, size)
