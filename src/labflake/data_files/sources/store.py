"""Files and folders in object stores and other places that fsspec reaches, such as s3."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from labflake.content.meter import Meter
from labflake.data_files.gate.wording import shown
from labflake.data_files.sources import checks, secrecy
from labflake.data_files.sources.credentials import filled
from labflake.data_files.sources.job import Job
from labflake.errors import LabError

PACKAGES = {"s3": "make env WITH=s3", "s3a": "make env WITH=s3"}


@dataclass(frozen=True, kw_only=True)
class Store:
    """A file, or a folder (the address ends in `/`), with the credentials of its usual places."""

    gives_one_file: ClassVar = True  # which may be an archive

    url: str
    sha256: str = ""
    options: dict = field(default_factory=dict)
    keep: bool | None = None

    def described(self) -> str:
        """Return the address."""
        return secrecy.without(self.url)

    def identity(self) -> dict[str, Any]:
        """Return the address and the options."""
        return {"url": self.url, "options": self.options}

    def problem(self, name: str) -> str | None:
        """Return what is wrong with the address, the digest or the options, or None."""
        if self.url.endswith("/") and self.sha256:
            return "sha256 is for one file, not for a folder"
        if secret := secrecy.in_options(self.options):
            return (
                f"options: {secret} does not belong into config.yaml: git would publish it\n"
                f"  {secrecy.WAY_OUT}"
            )
        return checks.url(self.url) or checks.sha256(self.sha256)

    def fetch(self, job: Job) -> None:
        """Copy the file or the folder, and compare what came with what the store says.

        Raises:
            LabError: It cannot be had; the message has no credentials.
        """
        try:
            files, path = self._open()
            self._copy(files, path, job)
        except (LabError, MemoryError):
            raise
        except FileNotFoundError:
            raise LabError(f"{self.described()}: there is no such file") from None
        except Exception as error:
            raise self._failure(error) from None

    def _open(self) -> tuple[Any, str]:
        try:
            import fsspec

            return fsspec.core.url_to_fs(filled(self.url), **filled(self.options))
        except ImportError as error:
            scheme = self.url.partition(":")[0]
            way = PACKAGES.get(scheme, "make add PACKAGE=…, with the package that it names")
            raise LabError(f"{scheme}:// needs a package: {error.msg}\n  {way}") from None

    def _copy(self, files: Any, path: str, job: Job) -> None:
        if not self.url.endswith("/"):
            _copy_file(files, path, job.target, job.name)
            checks.expected(job.target, self.sha256, job.name)
            return
        there = files.find(path)
        if not there:
            raise LabError(f"{self.described()}: there is nothing below this address")
        for each in there:
            name = os.path.relpath(each, path)
            if name.startswith(".."):
                raise LabError(f"{self.described()}: {shown(each)} leads out of its folder")
            (job.target / name).parent.mkdir(parents=True, exist_ok=True)
            _copy_file(files, each, job.target / name, f"{job.name}/{name}")

    def _failure(self, error: Exception) -> LabError:
        kind = type(error).__name__
        if "Credentials" in kind:
            return LabError(
                f"{self.described()}: no credentials are found\n"
                "  for s3: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or ~/.aws/credentials\n"
                "  public data: options: {anon: true}"
            )
        return LabError(f"{self.described()}: {kind}: {secrecy.redacted(str(error))[:300]}")


def _copy_file(files: Any, path: str, target: Path, label: str) -> None:
    import fsspec

    before = files.info(path)

    class Count(fsspec.Callback):
        def relative_update(self, inc: int = 1) -> None:
            meter.add(inc)

    with Meter(label, before.get("size")) as meter:
        files.get_file(path, str(target), callback=Count())
    files.invalidate_cache()
    after = files.info(path)
    if _version(before) != _version(after):
        raise LabError(f"{shown(path)} was replaced while it was fetched\n  make fetches it again")
    if before.get("size") is not None and target.stat().st_size != before["size"]:
        raise LabError(f"{shown(path)} came incomplete\n  make fetches it again")


def _version(info: dict[str, Any]) -> tuple:
    return tuple(str(info.get(key)) for key in ("size", "ETag", "LastModified", "etag", "mtime"))
