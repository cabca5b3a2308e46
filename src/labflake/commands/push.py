"""Share the artifacts of the current experiment (`make push`): colleagues `make pull` them.

They go to the place of the cache, each under its hash, after `outputs.txt` names them.
"""

import contextlib
from collections.abc import Iterator

from labflake.cache.artifacts import Artifacts
from labflake.cache.entries import DamagedError
from labflake.commands import build
from labflake.commands.record import refuse_uncommitted
from labflake.content.meter import Meter
from labflake.data_files.gate.wording import shown
from labflake.data_files.sources.secrecy import redacted
from labflake.errors import LabError
from labflake.project.experiments import Experiment, current, relative
from labflake.project.options import option
from labflake.verify import records


def main(argv: list[str]) -> int:
    """Build what is not built, record it, and put what is not shared yet into the place."""
    experiment, place = current(), Artifacts()
    if not place.name or place.read_only:
        raise LabError(
            "artifacts are shared through the place of the cache, and there is none to write to\n"
            "  name one: make push CACHE=/group/cache, s3://bucket/prefix or ssh://machine/folder"
        )
    refuse_uncommitted(experiment, "push")
    if code := build.main([]):
        return code
    known = records.write(experiment)
    with told(place):
        new = _share(experiment, known.digests, place)
    print(f"{place.name} has all {len(known.digests)} artifacts, {new} of them new")
    print(f"commit {relative(known.path)}: by it make pull finds and verifies them")
    if not option("CACHE"):
        print("that place is your own: others reach one of a group's, make push CACHE=…")
    return 0


def _share(experiment: Experiment, digests: dict[str, str], place: Artifacts) -> int:
    """Share what is not shared yet; return how many files that were."""
    files = {digest: experiment.generated / name for name, digest in digests.items()}
    new = {digest: path for digest, path in files.items() if not place.is_shared(digest)}
    sizes = {digest: path.stat().st_size for digest, path in new.items()}
    with Meter("push", sum(sizes.values())) as meter:
        for digest, path in new.items():
            try:
                place.share(path, digest)
            except DamagedError:
                raise LabError(f"{shown(relative(path))} changed meanwhile\n  make push") from None
            meter.add(sizes[digest])
    return len(new)


@contextlib.contextmanager
def told(place: Artifacts) -> Iterator[None]:
    """Say in words of people what goes wrong with a place; what came through stays there.

    Raises:
        LabError: it cannot be reached, read or written.
    """
    try:
        yield
    except OSError as error:
        why = redacted((error.strerror or str(error)).strip())
        raise LabError(
            f"{place.name}: {why}\n  what came through is kept: the same command goes on from there"
        ) from None
