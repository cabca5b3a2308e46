"""A cache in an S3 bucket, in the same layout as in a folder.

Credentials come from the usual places (AWS_ACCESS_KEY_ID …, ~/.aws), the server from
AWS_ENDPOINT_URL. A server that does not answer costs seconds, once.
"""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labflake.errors import LabError

# A build has something better to do than to wait: it can compute.
_QUICKLY = {"connect_timeout": 5, "read_timeout": 10, "retries": {"total_max_attempts": 2}}


class UnreachableError(OSError):
    """The server did not answer, or refused."""


class Bucket:
    """Entries by key and objects by sha256 below an address such as `s3://bucket/prefix`."""

    def __init__(self, url: str, read_only: bool = False) -> None:
        self.url = url.rstrip("/")
        self.read_only = read_only
        self._files = _connect(self.url)

    def __str__(self) -> str:
        return self.url

    def _entry(self, key: str) -> str:
        return f"{self.url}/steps/{key[:2]}/{key[2:]}.json"

    def _object(self, digest: str) -> str:
        return f"{self.url}/objects/{digest[:2]}/{digest[2:]}"

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
        return self._files.find(self.url, detail=True)


def _connect(url: str) -> Any:
    """Return what reads and writes the bucket; nothing is asked of it yet.

    Raises:
        LabError: the package is not installed, or the address names no bucket.
    """
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
