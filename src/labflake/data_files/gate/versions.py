"""Every recorded version of data, by its sha256: what an old commit records is still there.

Copies lie in the cache, apart from the results: no limit removes them, and no `make cache CLEAR=1`.
What lay in the way of recorded data is set aside in `data/<experiment>/.versions`.
"""

import functools
import os
import sys
from pathlib import Path

from labflake import cache
from labflake.cache.bucket import Bucket
from labflake.cache.copying import copy
from labflake.cache.entries import DamagedError
from labflake.cache.folder import Folder
from labflake.content.atomic import replacing
from labflake.content.digests import sha256
from labflake.content.folders import walk
from labflake.content.meter import size
from labflake.content.sizes import megabytes
from labflake.data_files.gate import home
from labflake.data_files.gate.inventory import DATA, Finding
from labflake.data_files.gate.wording import shown
from labflake.data_files.sources.job import Source
from labflake.errors import LabError
from labflake.project.experiments import Experiment, relative, root
from labflake.project.options import option

LIMIT = "10GB"
_LARGE = 500_000_000  # bytes; a copy of more is announced


class Versions:
    """What is kept of the data of one experiment, here and in the cache."""

    def __init__(self, experiment: Experiment) -> None:
        chosen = cache.chosen()
        self.own = home.folder(experiment) / ".versions"
        self.tops = root(), experiment.generated
        folder, bucket = chosen.folder, chosen.bucket
        self.folder = Folder(folder.place, folder.read_only, "data") if folder else None
        self.bucket = Bucket(bucket.url, bucket.read_only, "data") if bucket else None

    def has(self, digest: str) -> bool:
        """Return whether a version can be brought back."""
        return (self.own / digest).exists() or self.is_kept(digest) or self._is_shared(digest)

    def is_kept(self, digest: str) -> bool:
        """Return whether a version is in the folder of the cache."""
        return self.folder is not None and self.folder.object(digest).exists()

    def _is_shared(self, digest: str) -> bool:
        try:
            return self.bucket is not None and self.bucket.has(digest)
        except OSError:
            return False

    def bring(self, digest: str, target: Path) -> None:
        """Copy a version to `target`, and verify it on the way.

        Raises:
            LabError: It is damaged, or gone.
        """
        own = self.own / digest
        if own.exists() and copy(own, target) == digest:
            return
        try:
            if self.folder:
                if self.bucket and not self.is_kept(digest) and self._is_shared(digest):
                    self.folder.take(digest, self.bucket)
                self.folder.fetch(digest, str(target))
                return
        except DamagedError:
            pass
        raise LabError(f"the kept version {digest[:12]}… is damaged or gone")

    def keep(self, path: Path, digest: str) -> bool:
        """Keep a copy of a file under its digest; return whether there is one now."""
        if not self.folder:
            return False
        if self.is_kept(digest):
            return True
        try:
            self.folder.keep(path, digest)
            if self.bucket:
                self.bucket.keep(self.folder.object(digest), digest)
            return self.is_kept(digest)  # not in a cache that is only read
        except DamagedError:
            return False  # it changes just now: what it was is not there any more
        except OSError as error:
            what = f"{relative(path)} is not kept for later: {error.strerror or error}"
            print(f"warning: {self.folder}: {what}", file=sys.stderr, flush=True)
            return False

    def set_aside(self, path: Path, digest: str) -> Path:
        """Move a file out of the way, to where `make` finds it again; return where it is.

        What a link leads to stays: it is not ours to move.
        """
        target = self.own / digest
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = os.path.realpath(path.parent) + os.sep
        ours = any(folder.startswith(os.path.realpath(top) + os.sep) for top in self.tops)
        if ours and not path.is_symlink():
            home.move(path, target)
            return target
        with replacing(target) as part:
            copy(path, part)
        if ours:
            path.unlink()
        return target

    def rescue(self, used: Path, wanted: set[str]) -> None:
        """Set aside what lies in the way of fetched data, unless that is the same or kept already.

        What a link leads to stays where it is.
        """
        if used.is_symlink() or not used.exists():
            return
        for path in [Path(name) for name, _ in walk(str(used))] if used.is_dir() else [used]:
            digest = sha256(path, flushed=True)
            if digest not in wanted and not self.has(digest):
                place = self.set_aside(path, digest)
                print(f"{relative(path)}   what was there is kept in {relative(place)}", flush=True)


@functools.cache
def of(experiment: Experiment) -> Versions:
    """Return what is kept of the data of an experiment; a process connects to the cache once."""
    return Versions(experiment)


def keep(experiment: Experiment, declared: dict[str, Source], found: list[Finding]) -> None:
    """Keep what is recorded of each source, unless it is too large or not wanted."""
    for name, findings in units(declared, found).items():
        wanted = getattr(declared.get(name.removeprefix(DATA)), "keep", None)
        total = sum(each.size or 0 for each in findings)
        if wanted or (wanted is None and total <= limit()):
            _keep(experiment, name, findings)
        elif wanted is None and limit() > 0 and any(each.state != "verified" for each in findings):
            print(f"{shown(name)} is not kept for later: {size(total)}, KEEP={_limit()}")


def _keep(experiment: Experiment, name: str, findings: list[Finding]) -> None:
    kept = of(experiment)
    if not kept.folder or kept.folder.read_only:
        return
    new = [each for each in findings if not kept.is_kept(each.found)]
    if (total := sum(each.size or 0 for each in new)) > _LARGE:
        print(f"keeping a copy of {shown(name)} ({size(total)})", flush=True)
    for each in new:
        kept.keep(experiment.generated / each.name, each.found)


def units(declared: dict[str, Source], found: list[Finding]) -> dict[str, list[Finding]]:
    """Return the findings of each source by its name; a file that has none is its own."""
    grouped: dict[str, list[Finding]] = {}
    names = [DATA + name for name in declared]
    for each in found:
        inside = (n for n in names if each.name == n or each.name.startswith(f"{n}/"))
        grouped.setdefault(next(inside, each.name), []).append(each)
    return grouped


def limit() -> int:
    """Return how many bytes of one source are kept: `KEEP`, or `keep: true` for all of them."""
    text = _limit()
    return -1 if text == "off" else megabytes(text, "KEEP") * 1_000_000


def _limit() -> str:
    return option("KEEP") or LIMIT
