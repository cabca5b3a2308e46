"""A cache in an S3 bucket or another store, in the same layout as in a folder.

Credentials come from the usual places (AWS_ACCESS_KEY_ID …, ~/.aws, ~/.ssh), the server of S3 from
AWS_ENDPOINT_URL. A server that does not answer costs seconds, once.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from labflake.errors import LabError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# A build has something better to do than to wait: it can compute.
_BLOCK = 8 << 20  # bytes that are asked for at a time, where a file is fetched in parts
# Where a file has its name only when it is whole.
_WHOLE = frozenset({"s3", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "oss"})
_QUICKLY = {"connect_timeout": 5, "read_timeout": 10, "retries": {"total_max_attempts": 2}}


class UnreachableError(OSError):
    """The server did not answer, or refused."""


class Bucket:
    """Entries by key and objects by sha256 below an address such as `s3://bucket/prefix`."""

    def __init__(self, url: str, read_only: bool = False, kind: str = "objects") -> None:
        self.url = url.rstrip("/")
        self.read_only = read_only
        self.kind = kind
        self._files, self.place = _connect(self.url)

    def __str__(self) -> str:
        return self.url

    def _entry(self, key: str) -> str:
        return f"{self.place}/steps/{key[:2]}/{key[2:]}.json"

    def _object(self, digest: str) -> str:
        return f"{self.place}/{self.kind}/{digest[:2]}/{digest[2:]}"

    def read(self, key: str) -> bytes:
        """Return the entry of a key; FileNotFoundError if there is none."""
        return _asked(self._files.cat_file, self._entry(key))

    def write(self, key: str, data: bytes) -> None:
        """Keep an entry, the objects of which are there."""
        if not self.read_only:
            _asked(self._files.pipe_file, self._entry(key), data)

    def drop(self, key: str) -> None:
        """Remove an entry, if that is possible."""
        self._remove(self._entry(key))

    def _remove(self, address: str) -> None:
        if not self.read_only:
            with contextlib.suppress(OSError):
                _asked(self._files.rm_file, address)

    def load(self, digest: str, target: Path) -> None:
        """Copy an object into a file; FileNotFoundError if it is gone."""
        _asked(self._files.get_file, self._object(digest), str(target))

    def blocks(self, digest: str, start: int) -> Iterator[bytes]:
        """Give an object from a byte on, in parts; FileNotFoundError if it is gone."""
        path = self._object(digest)
        size = _asked(self._files.info, path)["size"]
        for at in range(start, size, _BLOCK):
            yield _asked(
                lambda at=at: self._files.cat_file(path, start=at, end=min(at + _BLOCK, size))
            )

    def size(self, digest: str) -> int:
        """Return the size of an object."""
        return _asked(self._files.info, self._object(digest))["size"]

    def remove(self, digest: str) -> None:
        """Remove a damaged object, if that is possible; it is kept again when it was computed."""
        self._remove(self._object(digest))

    def keep(self, source: Path, digest: str) -> None:
        """Keep a file under its digest."""
        if not self.read_only and not self.has(digest):
            _asked(self._files.put_file, str(source), self._object(digest))

    def has(self, digest: str) -> bool:
        """Return whether a file with this digest is there."""
        return _asked(self._files.exists, self._object(digest))

    def sizes(self) -> dict[str, int]:
        """Return the size of everything in the cache, by its address."""
        return {path: info["size"] for path, info in _asked(self._find).items()}

    def _find(self) -> dict[str, dict]:
        return self._files.find(self.place, detail=True)


class _Moved:
    """A store that shows files while they are written: there they get their names at the end."""

    def __init__(self, files: Any) -> None:
        self._files = files

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)

    def put_file(self, source: str, path: str) -> None:
        """Copy a file there."""
        self._place(lambda part: self._files.put_file(source, part), path)

    def pipe_file(self, path: str, data: bytes) -> None:
        """Write a file."""
        self._place(lambda part: self._files.pipe_file(part, data), path)

    def _place(self, fill: Callable[[str], object], path: str) -> None:
        part = f"{path}.{os.urandom(8).hex()}.part"
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        try:
            fill(part)
            self._files.mv(part, path)
        except BaseException:
            with contextlib.suppress(Exception):
                self._files.rm_file(part)
            raise


def _connect(url: str) -> tuple[Any, str]:
    """Return what reads and writes the store, and the path of the cache there; ask nothing.

    Raises:
        LabError: a package is not installed, or the address names no place.
    """
    scheme, mark, _ = url.partition("://")
    if not mark or scheme in ("http", "https"):
        raise LabError(f"CACHE={url} names no place that can be written\n  {_PLACES}")
    if scheme == "s3":
        return _connect_s3(url), url
    if scheme == "ssh":
        from labflake.cache.ssh import Ssh

        files = Ssh(url)
        return files, files.place
    try:
        import fsspec

        files, place = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise LabError(f"CACHE={url} needs a package: {error}\n  make add PACKAGE=…") from None
    except ValueError:
        raise LabError(f"CACHE={url}: no store is known by {scheme}://\n  {_PLACES}") from None
    return (files if scheme in _WHOLE else _Moved(files)), place.rstrip("/")


_PLACES = "the cache is a folder, s3://bucket/prefix, ssh://machine/folder, or off"


def _connect_s3(url: str) -> Any:
    if not url.removeprefix("s3:").strip("/"):
        raise LabError(f"CACHE={url} names no bucket\n  example: CACHE=s3://our-bucket/cache")
    try:
        from s3fs import S3FileSystem
    except ImportError:
        raise LabError(f"CACHE={url} needs the package s3fs\n  make env WITH=s3") from None
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    files = S3FileSystem(
        endpoint_url=endpoint,
        config_kwargs=_QUICKLY,
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    files.retries = 1  # times what botocore tries
    return files


def _asked(ask: Callable, *arguments: object) -> Any:
    """Return the answer; whatever goes wrong is an OSError, as it would be with a folder."""
    try:
        return ask(*arguments)
    except FileNotFoundError as error:
        answer = getattr(error.__cause__, "response", {}).get("Error", {})
        if answer.get("Code") == "NoSuchBucket":
            raise UnreachableError("there is no such bucket") from None
        raise
    except PermissionError:
        raise  # who may not write may perhaps read
    except Exception as error:
        raise UnreachableError(str(error) or type(error).__name__) from None
