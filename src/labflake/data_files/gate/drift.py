"""Data that is no longer at its source what was recorded: kept aside, shown, refused."""

import shlex
from collections.abc import Iterable
from pathlib import Path

from labflake.content.digests import sha256
from labflake.content.folders import walk
from labflake.data_files.gate import wording
from labflake.data_files.gate.inventory import DATA, DRIFTED
from labflake.data_files.gate.record import Record
from labflake.data_files.gate.wording import accept, aligned, short
from labflake.errors import LabError
from labflake.project.experiments import Experiment, relative


def aside(experiment: Experiment, name: str) -> Path:
    """Return where the new bytes of drifted data lie until somebody decides."""
    return experiment.generated / f"{DATA}{name}{DRIFTED}"


def names(experiment: Experiment, declared: Iterable[str]) -> list[str]:
    """Return the names of declared data of which new bytes lie aside."""
    return [name for name in declared if aside(experiment, name).exists()]


def refuse(experiment: Experiment, declared: Iterable[str], known: Record) -> None:
    """Stop if data drifted and nobody decided yet.

    Raises:
        LabError: The message names the data, both digests, and the first differences.
    """
    drifted = names(experiment, declared)
    if not drifted:
        return
    rows = aligned([_row(experiment, name, known) for name in drifted])
    shown = "".join(
        f"\n  {row}{_difference(experiment, name)}" for row, name in zip(rows, drifted, strict=True)
    )
    old = all((experiment.generated / DATA / name).exists() for name in drifted)
    where = "the old data is untouched" if old else "the recorded data is not on this machine"
    raise LabError(
        f"data is no longer at its source what it was when it was recorded{shown}\n"
        f"  the new data lies aside, {where}\n"
        f"  intended? {accept(experiment)}   not intended? rm -r {_asides(experiment, drifted)}, "
        f"{'then make' if old else 'bring the old data back'}"
    )


def _asides(experiment: Experiment, drifted: list[str]) -> str:
    """Return the new bytes of all that drifted, as words of a shell."""
    return " ".join(shlex.quote(str(relative(aside(experiment, name)))) for name in drifted)


def _row(experiment: Experiment, name: str, known: Record) -> tuple[str, str, str]:
    path = aside(experiment, name)
    digest = known.digests.get(DATA + name)
    if path.is_dir() or digest is None:
        count = len(known.below(DATA + name))
        return DATA + name, f"recorded {count} files", f"found {path.name}"
    found = short(sha256(path, flushed=True), path.stat().st_size)
    return DATA + name, f"recorded {short(digest)}", f"found {found} in {path.name}"


def _difference(experiment: Experiment, name: str) -> str:
    old, new = experiment.generated / DATA / name, aside(experiment, name)
    from labflake.data_files.gate import compare

    if new.is_dir() and old.is_dir():
        lines = _files(old, new)
    else:
        lines = compare.first_differences(old, new, name)
    return "".join(f"\n    {line}" for line in lines)


def _files(old: Path, new: Path) -> list[str]:
    """Return which files of two folders differ, the first few of them."""
    from labflake.data_files.gate.compare import ROWS

    before, after = (_hashed(top) for top in (old, new))
    gone = [f"{name} is gone" for name in sorted(before.keys() - after.keys())]
    added = [f"{name} is new" for name in sorted(after.keys() - before.keys())]
    both = sorted(before.keys() & after.keys())
    lines = [*gone, *added, *(f"{name} changed" for name in both if before[name] != after[name])]
    more = [f"… and {len(lines) - ROWS} more files"] if len(lines) > ROWS else []
    return [*lines[:ROWS], *more]


def _hashed(folder: Path) -> dict[str, str]:
    files = (Path(name) for name, _ in walk(str(folder)))
    return {wording.shown(str(p.relative_to(folder))): sha256(p, flushed=True) for p in files}
