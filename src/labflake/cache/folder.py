"""A cache in a folder, which many builds on many machines may use at the same time.

    steps/ab/cdef….json   what a step made, by its key
    objects/ab/cdef…      the files, by their sha256, read-only

Everything is written under a temporary name and renamed when it is complete: that is all that is
asked of the file system, so a network drive will do. Nobody waits for anybody: who finds a file
gone computes. Files and folders get the group and the permissions of the folder of the cache.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from labflake.cache.bucket import Bucket
from labflake.cache.copying import copy, mark_used, on_disk
from labflake.cache.entries import DamagedError
from labflake.content.digests import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NO_GROUP = "what is made there does not get its group"
_DAY = 86400  # s; a temporary file of this age belongs to a process that was killed


class Folder:
    """Entries by key and objects by sha256 in one folder; `read_only`: nothing in it changes."""

    def __init__(self, place: Path, read_only: bool = False, kind: str = "objects") -> None:
        self.place = place
        self.read_only = read_only
        self.kind = kind  # the folder of the objects
        self.added = 0  # bytes on the disk
        self._lock = threading.Lock()

    def __str__(self) -> str:
        return str(self.place)

    def _entry(self, key: str) -> Path:
        return self.place / "steps" / key[:2] / f"{key[2:]}.json"

    def object(self, digest: str) -> Path:
        """Return the path of an object, which may be there or not."""
        return self.place / self.kind / digest[:2] / digest[2:]

    def read(self, key: str) -> bytes:
        """Return the entry of a key; FileNotFoundError if there is none."""
        with open(self._entry(key), "rb") as file:
            if not self.read_only:
                mark_used(file.fileno())
            return file.read()

    def write(self, key: str, data: bytes) -> None:
        """Keep an entry, the objects of which are there."""
        self.place_file(self._entry(key), lambda part: part.write_bytes(data))

    def drop(self, key: str) -> None:
        """Remove an entry, if that is possible."""
        self._remove(self._entry(key))

    def _remove(self, path: Path) -> None:
        if not self.read_only:
            with contextlib.suppress(OSError):
                path.unlink()

    def fetch(self, digest: str, target: str, mode: int = 0o666) -> None:
        """Copy an object; FileNotFoundError if it is gone.

        Raises:
            DamagedError: the object was not what its name says; it is removed.
        """
        if copy(self.object(digest), target, mode, mark=not self.read_only) != digest:
            self._remove(self.object(digest))
            raise DamagedError(f"the file {digest[:12]}… is not what was kept")

    def remove(self, digest: str) -> None:
        """Remove an object, if that is possible."""
        self._remove(self.object(digest))

    def take(self, digest: str, bucket: Bucket) -> None:
        """Copy an object from a bucket, for this time and the next ones.

        Raises:
            DamagedError: it is not what its name says; it is removed there.
        """

        def fill(part: Path) -> None:
            bucket.load(digest, part)
            if sha256(str(part)) != digest:
                bucket.remove(digest)
                raise DamagedError(f"the file {digest[:12]}… is not what was kept")

        self.place_file(self.object(digest), fill)

    def keep(self, source: Path, digest: str) -> None:
        """Keep a file under its digest.

        Raises:
            DamagedError: the file has another digest now.
        """
        target = self.object(digest)
        if target.exists() and not self.read_only:
            with contextlib.suppress(OSError):
                os.utime(target)  # not the oldest any more
            return
        self.place_file(target, lambda part: _copy_as(source, part, digest))

    def place_file(self, target: Path, fill: Callable[[Path], Any]) -> None:
        """Fill a file with a temporary name, and rename it when it is complete."""
        if self.read_only:
            return
        part = target.parent / f"new-{os.urandom(8).hex()}"
        try:
            self._folder(target.parent)
            fill(part)
            self.share(part, 0o444)
            size = on_disk(part.stat().st_size)
            os.replace(part, target)
        except BaseException:
            with contextlib.suppress(OSError):
                part.unlink()
            raise
        with self._lock:
            self.added += size

    def _folder(self, folder: Path) -> None:
        """Make a folder of the cache, shared from the moment on that it has its name."""
        if folder.is_dir():
            return
        self.place.mkdir(parents=True, exist_ok=True)
        for part in (folder.parent, folder):
            if part.is_dir():
                continue
            new = part.parent / f"new-{os.urandom(8).hex()}"
            new.mkdir()
            try:
                self.share(new)
                new.rename(part)
            except OSError:
                new.rmdir()
                if not part.is_dir():  # which somebody else made meanwhile
                    raise

    def share(self, path: str | Path, mask: int = 0o7777) -> None:
        """Give something new the group and the permissions of the cache, as far as masked.

        Raises:
            PermissionError: it cannot have the group, for which the folder is meant.
        """
        top = self.place.stat()
        mode = stat.S_IMODE(top.st_mode)
        if os.stat(path).st_gid != top.st_gid:
            try:
                os.chown(path, -1, top.st_gid)
            except OSError:
                if mode >> 3 & 7 & ~mode:
                    raise PermissionError(errno.EPERM, _NO_GROUP) from None
        os.chmod(path, mode & mask)

    def is_for_a_group(self) -> bool:
        """Tell whether a group shares the folder, and what is made in it may have another one."""
        with contextlib.suppress(OSError):
            mode = self.place.stat().st_mode
            return bool(mode & stat.S_IWGRP) and not mode & stat.S_ISGID
        return False

    def files(self) -> Iterator[tuple[str, os.stat_result]]:
        """Give every file of the cache with its stat; what killed processes left goes away."""
        kinds = (self.place / "steps", self.place / "objects")
        folders = [folder.path for kind in kinds for folder in _scan(str(kind))]
        for item in (item for folder in folders for item in _scan(folder)):
            with contextlib.suppress(OSError):
                found = item.stat(follow_symlinks=False)
                if not item.name.startswith("new-"):
                    yield item.path, found
                elif time.time() - found.st_mtime > _DAY:
                    self._remove(Path(item.path))


def _copy_as(source: Path, target: Path, digest: str) -> None:
    if copy(source, target) != digest:
        raise DamagedError(f"{source} changed after it was made")


def _scan(folder: str) -> list[os.DirEntry]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []
