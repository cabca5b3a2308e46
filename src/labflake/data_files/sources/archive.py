"""A source that takes members out of the archive that another source gives."""

import re
import shutil
from dataclasses import dataclass
from typing import Any

from labflake.data_files.sources.job import Job, Source, identity_of
from labflake.errors import LabError

LIMIT = "100 GB"
KEYS = ("member", "members", "limit")
_UNITS = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}


@dataclass(frozen=True, kw_only=True)
class Unpacked:
    """One file, or the files that match patterns, of an archive that another source gives."""

    source: Source
    member: str = ""
    members: str | list = ""
    limit: str | int = LIMIT

    @property
    def keep(self) -> bool | None:
        """Return whether its versions are kept: as the declaration says of the archive."""
        return self.source.keep

    def described(self) -> str:
        """Return what is taken out of which archive."""
        return f"{self.member or 'members'} of {self.source.described()}"

    def identity(self) -> dict[str, Any]:
        """Return the archive and what is taken out of it."""
        return self.source.identity() | {"member": self.member, "members": self.members}

    def problem(self, name: str) -> str | None:
        """Return what is wrong with the declaration, or None."""
        if bool(self.member) == bool(self.members):
            return "give member (one file) or members (patterns, into a folder)"
        if not all(isinstance(each, str) for each in self.members):
            return "members: patterns such as images/*.png are expected"
        if _bytes(self.limit) is None:
            return f"limit: a size such as 20 GB is expected, not {self.limit!r}"
        return self.source.problem(name)

    def fetch(self, job: Job) -> None:
        """Fetch the archive, unless another member of it was just fetched, and extract."""
        from labflake.data_files.sources.unpacking import AbsentError, Target, extract

        folder = job.scratch.parent / identity_of(self.source)[:16]
        folder.mkdir(parents=True, exist_ok=True)
        archive = folder / "archive"
        if not archive.exists():
            unpacked = folder / "unpacked"
            self.source.fetch(Job(job.experiment, job.name, unpacked, folder))
            unpacked.replace(archive)
        patterns = [self.members] if isinstance(self.members, str) else self.members
        limit = _bytes(self.limit) or 0
        label = f"the archive of assets/data/{job.name}"
        try:
            extract(archive, Target(job.target, self.member, patterns, limit, label))
        except AbsentError:
            raise  # the archive is good: with another name it is not fetched again
        except LabError:
            shutil.rmtree(folder)
            raise


def _bytes(text: str | int) -> int | None:
    """Return a size in bytes: `20 GB`, `500MB`, `1000`; None if it is no size."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?b?)\s*", str(text).lower())
    if not match:
        return None
    unit = match[2] if not match[2] or match[2].endswith("b") else match[2] + "b"
    return int(float(match[1]) * _UNITS.get(unit, 1))
