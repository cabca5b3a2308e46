"""Show the cache of results, what it was good for, and empty it on demand (`make cache`)."""

import shutil

from labflake import cache
from labflake.cache import limit, tally
from labflake.cache.bucket import Bucket
from labflake.cache.folder import Folder
from labflake.cache.tally import Tally
from labflake.content.meter import duration, size
from labflake.errors import LabError
from labflake.project.experiments import current
from labflake.project.options import flag


def main(argv: list[str]) -> None:
    """Print place, size, limit and use of the cache; `CLEAR=1` empties it."""
    chosen = cache.chosen()
    if not chosen.folder:
        print("the cache is off (CACHE=off): every step that is needed runs")
        return
    if flag("CLEAR") and chosen.folder.read_only:
        raise LabError(f"CACHE_READONLY is set: {chosen.folder} is only read\n  unset it to clear")
    if flag("CLEAR"):
        _clear(chosen.folder, chosen.bucket)
        return
    print(f"cache of results: {chosen.bucket or chosen.folder}")
    if chosen.bucket:
        _show_bucket(chosen.bucket, chosen.folder)
    _show_size(chosen.folder)
    _show_use("last build", _last())
    _show_use("all builds", tally.every(chosen.folder.place))
    _show_data(chosen.folder)
    print("CACHE=… uses another place, CACHE_SIZE=… sets the limit, CLEAR=1 empties it")


def _show_size(folder: Folder) -> None:
    most = limit.limit()
    gone = None if folder.read_only else limit.shrink(folder, most)
    now = limit.measure(folder)
    results = _counted(now.results, "result")
    print(f"  size        {results}, {size(now.bytes)} of at most {size(most)}")
    if gone:
        print(f"              {size(gone.bytes)} used longest ago went, to stay below the limit")


def _show_data(folder: Folder) -> None:
    """Print how much is kept of data, which no limit removes."""
    files = [path.stat().st_size for path in (folder.place / "data").rglob("*") if path.is_file()]
    if files:
        print(
            f"  data        {_counted(len(files), 'file')} of all versions, {size(sum(files))}: "
            "without limit"
        )


def _show_bucket(bucket: Bucket, copies: Folder) -> None:
    try:
        sizes = bucket.sizes()
    except OSError as error:
        print(f"  bucket      cannot be read: {error}")
    else:
        results = sum(name.endswith(".json") for name in sizes)
        print(f"  bucket      {_counted(results, 'result')}, {size(sum(sizes.values()))}")
    print(f"  copies in   {copies}")


def _show_use(label: str, use: Tally) -> None:
    if not use.builds:
        print(f"  {label}  none used it yet")
        return
    builds = f"{_counted(use.builds, 'build')}: " if label == "all builds" else ""
    share = f" ({use.hits / (use.hits + use.misses):.0%})" if use.hits + use.misses else ""
    print(
        f"  {label}  {builds}{_counted(use.hits, 'step')} came from it{share}, {use.misses:,} ran; "
        f"{duration(use.saved)} saved"
    )


def _last() -> Tally:
    try:
        return tally.last(current().state)
    except LabError:  # no experiment yet
        return Tally()


def _clear(kept: Folder, bucket: Bucket | None) -> None:
    """Remove what the cache keeps, and nothing else that may be in its folder."""
    place = kept.place
    before = limit.measure(kept)
    for folder in ("steps", "objects"):
        shutil.rmtree(place / folder, ignore_errors=True)
    for file in ("size.json", "builds.jsonl"):
        (place / file).unlink(missing_ok=True)
    print(f"removed {_counted(before.results, 'result')}, {size(before.bytes)}, from {place}")
    if bucket:
        print(f"these were copies: {bucket} is shared and keeps its results")
    else:
        print("every project that uses this cache computes them again when it needs them")


def _counted(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number:,} {noun}s"
