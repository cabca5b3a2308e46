"""Files on web servers."""

from dataclasses import dataclass
from typing import Any, ClassVar

from labflake.data_files.sources import checks, credentials
from labflake.data_files.sources.download import Download
from labflake.data_files.sources.job import Job
from labflake.data_files.sources.secrecy import without


@dataclass(frozen=True, kw_only=True)
class Http:
    """A file at an `http://` or `https://` address; a user and a password come from `~/.netrc`."""

    gives_one_file: ClassVar = True  # which may be an archive

    url: str
    sha256: str = ""
    keep: bool | None = None

    def described(self) -> str:
        """Return the address without its parameters."""
        return without(self.url)

    def identity(self) -> dict[str, Any]:
        """Return the address."""
        return {"url": self.url}

    def problem(self, name: str) -> str | None:
        """Return what is wrong with the address or the digest, or None."""
        return checks.url(self.url) or checks.sha256(self.sha256)

    def fetch(self, job: Job) -> None:
        """Download the file, and compare it with the digest that config.yaml gives."""
        part = job.scratch / "part"
        address = credentials.filled(self.url)
        Download(self.url, part, job.name, address=lambda: address).run()
        checks.expected(part, self.sha256, job.name)
        part.replace(job.target)
