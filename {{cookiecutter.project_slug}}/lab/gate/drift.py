"""Data that is no longer at its source what was recorded: kept aside, shown, refused."""

from collections.abc import Iterable
from pathlib import Path

from lab.errors import LabError
from lab.experiments import Experiment
from lab.gate import compare, hashes
from lab.gate.inventory import DATA, DRIFTED
from lab.gate.record import Record
from lab.gate.wording import accept, aligned, short


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
    raise LabError(
        f"data of this experiment is no longer what its source gave when it was recorded{shown}\n"
        f"  the new data lies aside, the old is untouched\n"
        f"  intended? {accept(experiment)}   not intended? remove the *{DRIFTED}, then make"
    )


def _row(experiment: Experiment, name: str, known: Record) -> tuple[str, str, str]:
    path = aside(experiment, name)
    digest = known.digests.get(DATA + name)
    if path.is_dir() or digest is None:
        count = len(known.below(DATA + name))
        return DATA + name, f"recorded {count} files", f"found {path.name}"
    found = short(hashes.sha256(path), path.stat().st_size)
    return DATA + name, f"recorded {short(digest)}", f"found {found} in {path.name}"


def _difference(experiment: Experiment, name: str) -> str:
    old, new = experiment.generated / DATA / name, aside(experiment, name)
    lines = compare.first_differences(old, new, name) if old.exists() else []
    return "".join(f"\n    {line}" for line in lines)
