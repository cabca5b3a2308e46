"""Say of two builds which artifacts are identical, and of the others where and why they differ."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from labflake.content.digests import sha256
from labflake.content.meter import size
from labflake.data_files.gate.wording import aligned
from labflake.project.experiments import relative
from labflake.verify import differences
from labflake.verify.artifacts import needs
from labflake.verify.conditions import Build
from labflake.verify.suspects import suspect


def give(one: Build, two: Build, kept: Path) -> int:
    """Print the table of artifacts; return 1 if any differs, and keep those in a folder then."""
    names = sorted({*one.artifacts, *two.artifacts})
    rows = {name: (name, *_row(name, one, two)) for name in names}
    differ = {name for name, row in rows.items() if row[-1] != "identical"}
    origins = needs(one.generated)
    for name, line in zip(rows, aligned([*rows.values()]) if rows else [], strict=True):
        print(f"  {line}")
        if name in differ:
            print(
                "".join(f"      {text}\n" for text in _why(name, differ, origins, one, two)), end=""
            )
    print(f"{len(names) - len(differ)} of {len(names)} artifacts are identical")
    shutil.rmtree(kept, ignore_errors=True)
    if differ:
        _keep(differ, one, two, kept)
    return 1 if differ or not names else 0


def _row(name: str, one: Build, two: Build) -> tuple[str, str, str]:
    """Return size, digest and verdict."""
    files = [b.artifacts.get(name) for b in (one, two)]
    there = [path for path in files if path]
    digests = [sha256(str(path)) for path in there]
    amount = size(there[0].stat().st_size)
    if len(there) == 1:
        return amount, digests[0][:8], f"ONLY IN THE {'FIRST' if files[0] else 'SECOND'} COPY"
    same = digests[0] == digests[1]
    return amount, digests[0][:8], "identical" if same else f"DIFFERS: {digests[1][:8]}"


def _why(name: str, differ: set[str], origins: dict, one: Build, two: Build) -> Iterator[str]:
    """Give what an artifact follows from; else where it differs, who made it, and the suspect."""
    maker, inputs = origins.get(name, ("", set()))
    if sources := sorted(inputs & differ):
        more = f" and {len(sources) - 1} more" if len(sources) > 1 else ""
        yield f"follows from {sources[0]}{more}"
    elif name in one.artifacts and name in two.artifacts:
        found = differences.first(one.artifacts[name], two.artifacts[name])
        yield found.where + (f", made by {maker}" if maker else "")
        yield from (f"{side}  {text}" for side, text in zip(_SIDES, found.shown(), strict=True))
        if cause := suspect(found, one, two):
            yield f"suspect {cause}"


_SIDES = ("first ", "second")


def _keep(differ: set[str], one: Build, two: Build, kept: Path) -> None:
    """Copy what differs to where it can be looked at."""
    for build in (one, two):
        for name in differ & set(build.artifacts):
            target = kept / build.conditions.name / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(build.artifacts[name], target)
    sides = " ".join(relative(kept / build.conditions.name) for build in (one, two))
    print(f"those that differ are kept: diff -r {sides}")
