"""Get the artifacts of the current experiment that somebody pushed (`make pull`), without a build.

`outputs.txt` says which files there are and what is in them, so git vouches for what comes.
"""

import os
from pathlib import Path

from labflake.cache.artifacts import Artifacts
from labflake.commands.push import told
from labflake.content.atomic import part_of
from labflake.content.contents import Contents
from labflake.content.digests import sha256
from labflake.content.meter import Meter
from labflake.data_files import recorded
from labflake.data_files.gate.wording import shown
from labflake.errors import LabError
from labflake.processes.alone import alone
from labflake.project.experiments import RECORD, Experiment, current, relative

_SHOWN = 5


def main(argv: list[str]) -> int:
    """Bring what outputs.txt names and is not here; say what nobody shares."""
    experiment, place = current(), Artifacts()
    wanted = recorded.of(experiment)
    if not wanted:
        raise LabError(
            f"scripts/{experiment.name} has no {RECORD}, which says what there is to pull\n"
            "  whoever has the artifacts: make push, then commit it"
        )
    if not place.name:
        raise LabError(
            "the cache is off, and artifacts are shared in its place\n  CACHE=… names it"
        )
    with alone(experiment), told(place):
        missing = [n for n in wanted if not _is_here(experiment.generated / n, wanted[n])]
        _refuse_changed(experiment, missing)
        brought = _bring(experiment, {n: wanted[n] for n in missing}, place)
        recorded.note_pulled(experiment, {n: wanted[n] for n in brought}, place.name)
    _say(experiment, wanted, missing, brought, place)
    return 0 if len(brought) == len(missing) else 1


def _is_here(path: Path, digest: str) -> bool:
    return path.is_file() and sha256(str(path)) == digest


def _refuse_changed(experiment: Experiment, names: list[str]) -> None:
    """Stop where a file would be lost that nobody could make again: one changed by hand.

    Raises:
        LabError: the message names the files.
    """
    contents = Contents(str(experiment.generated))
    made = [*contents.steps.values(), *contents.documents.values()]
    known = {digest for each in made for digest in each["outputs"].values()}
    known |= {
        contents.stats.get(p, [""])[-1] for each in made for p in contents.files(each["outputs"])
    }
    known |= {*recorded.pulled(experiment).values()}
    there = [n for n in names if os.path.lexists(experiment.generated / n)]
    changed = [n for n in there if not _is_one_of(experiment.generated / n, known)]
    if changed:
        rows = "".join(f"\n  {shown(name)}" for name in changed[:_SHOWN])
        raise LabError(
            f"these files are here, and no build or pull left them so{rows}\n"
            "  keep what you need of them, remove them, then make pull"
        )


def _is_one_of(path: Path, digests: set[str]) -> bool:
    return path.is_file() and sha256(str(path)) in digests


def _bring(experiment: Experiment, wanted: dict[str, str], place: Artifacts) -> list[str]:
    """Put files into place, each when it is whole; return the names of those that were shared."""
    brought = []
    with Meter("pull", None) as meter:
        for name, digest in wanted.items():
            path = experiment.generated / name
            path.parent.mkdir(parents=True, exist_ok=True)
            part = part_of(path)
            try:
                if place.bring(digest, part, meter.add):
                    os.replace(part, path)
                    brought.append(name)
            finally:
                part.unlink(missing_ok=True)
    return brought


def _say(
    experiment: Experiment, wanted: dict, missing: list[str], brought: list[str], place: Artifacts
) -> None:
    here = len(wanted) - len(missing)
    print(f"artifacts as recorded: {len(brought)} came from {place.name}, {here} were here")
    for name in [n for n in wanted if n.startswith("outputs/") and n.endswith((".pdf", ".html"))]:
        if (experiment.generated / name).exists():
            print(f"  {relative(experiment.generated / name)}")
    lost = [name for name in missing if name not in brought]
    if lost:
        print(f"nobody shares {len(lost)} of them; make builds them:")
        print("\n".join(f"  {shown(name)}" for name in lost[:_SHOWN]))
