"""Compare the data on disk with the record: what is verified, changed, missing, extra or new."""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from labflake.content import filesystems
from labflake.content.digests import TICK
from labflake.content.meter import Meter
from labflake.data_files.gate import hashes, statcache
from labflake.data_files.gate.record import Record
from labflake.data_files.gate.statcache import Known
from labflake.data_files.gate.tree import Tree, look, stamp
from labflake.errors import LabError
from labflake.project import surroundings

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
    """What is the matter with the data of one experiment; `findings` are sorted by name.

    `settled` says that every file was verified and that its stamp alone will show a change.
    `remembered` is what was known of the files before: the digests that were verified last.
    """

    tree: Tree
    findings: list[Finding] = field(default_factory=list)
    settled: bool = True
    remembered: dict[str, Known] = field(default_factory=dict)

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
    verified: dict[str, Known] | None = None,
) -> Inventory:
    """Look at all data below `generated` and compare it with `record`.

    A folder of assets/data that holds a recorded file must hold recorded files only.

    Args:
        generated: the generated folder of the experiment.
        record: what is recorded.
        declared: names (`assets/data/…`) that config.yaml declares: files or folders.
        memory: the file with the stamps of verified files; it is brought up to date.
        full: read every file, whatever its stamp says.
        verified: files that were hashed a moment ago.
    """
    declared = list(declared)
    tree = look(generated, roots(record.digests, declared))
    remembered = statcache.read(memory) if memory else {}
    moment = _settled(tree)
    found = _digests(generated, tree, {} if full else remembered | (verified or {}))
    fresh = _fresh(record.digests, declared)
    names = sorted({*tree.stamps, *record.digests}, key=os.fsencode)
    findings = [_compare(name, record, tree, found, remembered, fresh) for name in names]
    kept = _kept(generated, findings, tree, remembered, moment)
    if memory and kept != remembered:
        statcache.write(memory, kept)
    settled = all(
        finding.state == "verified" and kept[finding.name].stamp == tree.stamps[finding.name]
        for finding in findings
    )
    return Inventory(tree, findings, settled, remembered)


def _settled(tree: Tree) -> int:
    """Wait until what was just written would show a change; return the time then.

    So what is hashed now is not hashed a second time.
    """
    now = time.time_ns()
    youngest = max((changed for _, _, changed, *_ in tree.stamps.values()), default=0)
    if 0 <= now - youngest <= TICK:
        time.sleep((TICK - now + youngest + 1_000_000) / 1e9)
    return time.time_ns()


def roots(recorded: Iterable[str], declared: Iterable[str]) -> list[str]:
    """Return the files and folders to look at: declared ones, and those of recorded files."""
    return sorted({*map(_root, recorded), *declared})


def _root(name: str) -> str:
    """Return the folder of assets/data in which `name` lies, or `name` itself."""
    first, slash, _ = name.removeprefix(DATA).partition("/")
    return DATA + first if slash and name.startswith(DATA) else name


def _fresh(recorded: Iterable[str], declared: list[str]) -> list[str]:
    """Return the declared names of which nothing is recorded yet."""
    there = set(recorded)
    there |= {
        name[: len(root)] for name in there for root in declared if name.startswith(f"{root}/")
    }
    return [name for name in declared if name not in there]


def _digests(generated: Path, tree: Tree, remembered: dict[str, Known]) -> dict[str, str]:
    """Return the digest of every file, reading those that are not known by their stamp."""
    nothing = Known("", statcache.of_size(0))
    found = {
        name: remembered[name].digest
        for name, each in tree.stamps.items()
        if remembered.get(name, nothing).stamp == each
    }
    unknown = tree.stamps.keys() - found.keys()
    return found | (_read(generated, tree, unknown) if unknown else {})


def _read(generated: Path, tree: Tree, names: Iterable[str]) -> dict[str, str]:
    base = f"{generated}/"
    sizes = {base + name: tree.stamps[name][0] for name in names}
    with Meter("hashing", sum(sizes.values())) as meter:
        answers = hashes.sha256s(sizes, meter.add)
    found: dict[str, str] = {}
    for path, answer in answers.items():
        if isinstance(answer, OSError):
            told = surroundings.explained(answer)
            raise LabError(told or f"{path} cannot be read: {answer.strerror}")
        if stamp(os.stat(path)) != tree.stamps[path.removeprefix(base)]:
            raise LabError(f"{path} is being written while it is read\n  wait for it, then make")
        found[path.removeprefix(base)] = answer
    return found


def _compare(
    name: str,
    record: Record,
    tree: Tree,
    found: dict[str, str],
    remembered: dict[str, Known],
    fresh: list[str],
) -> Finding:
    recorded, digest = record.digests.get(name, ""), found.get(name, "")
    size = tree.stamps[name][0] if digest else None
    if recorded == digest:
        return Finding(name, "verified", recorded, size, digest, size)
    before = remembered.get(name)
    known_size = before.stamp[0] if before and before.digest == recorded else None
    if recorded:
        state = "changed" if digest else "missing"
    else:
        state = "new" if any(name == f or name.startswith(f"{f}/") for f in fresh) else "extra"
    return Finding(name, state, recorded, known_size, digest, size)


def _kept(
    generated: Path,
    findings: list[Finding],
    tree: Tree,
    remembered: dict[str, Known],
    moment: int,
) -> dict[str, Known]:
    """Return what to remember; of files that are not as recorded, what they were before."""
    kept = {}
    for each in findings:
        before = remembered.get(each.name)
        if each.state in ("verified", "new"):
            now = Known(each.found, tree.stamps[each.name])
            sound = filesystems.trusted(f"{generated}/{each.name}", now.stamp[4])
            kept[each.name] = now if before == now else statcache.known(*now, moment, sound)
        elif before:
            kept[each.name] = before
    return kept
