"""Artifacts that people share: whole files by their sha256, in the place of the cache.

They lie apart from the results of steps, and no limit removes them. What is fetched is believed
only if it has the hash that the record of an experiment, which git holds, says.
"""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

from labflake import cache
from labflake.cache.bucket import Bucket, UnreachableError
from labflake.cache.copying import copy
from labflake.cache.folder import Folder
from labflake.content.atomic import move
from labflake.content.digests import sha256

_KINDS = ("artifacts", "objects", "data")  # shared, made by steps, from outside
_TRIES = 3


class Artifacts:
    """What is shared in the place of the cache; `name` is that place, "" where the cache is off."""

    def __init__(self) -> None:
        chosen = cache.chosen()
        here, there = chosen.folder, chosen.bucket
        place = there or here
        self.name = str(place or "")
        self.read_only = place is not None and place.read_only
        self.parts = here.place / "partial" if here else Path()
        self._folders = [Folder(here.place, True, kind) for kind in _KINDS] if here else []
        self._buckets = (
            [Bucket(there.url, there.read_only, kind) for kind in _KINDS] if there else []
        )
        own = Folder(here.place, here.read_only, _KINDS[0]) if here else None
        self._shared: Folder | Bucket | None = self._buckets[0] if there else own

    def is_shared(self, digest: str) -> bool:
        """Tell whether a file with this hash is among those that are shared."""
        if isinstance(self._shared, Folder):
            return self._shared.object(digest).exists()
        return self._shared is not None and self._shared.has(digest)

    def share(self, path: Path, digest: str) -> None:
        """Put a file among those that are shared.

        Raises:
            OSError: the place cannot be reached, or not written.
            DamagedError: the file has another hash by now.
        """
        if self._shared is not None:
            self._shared.keep(path, digest)

    def bring(self, digest: str, target: Path, done: Callable[[int], object]) -> bool:
        """Copy a file with this hash to a path; return whether there is a sound one.

        Args:
            digest: the sha256 that it must have.
            target: where it goes; nothing is there yet.
            done: is told how many bytes came.

        Raises:
            OSError: the place cannot be reached; what came is kept, and the next call goes on.
        """
        for folder in self._folders:
            found = folder.object(digest)
            if not found.is_file():
                continue
            if copy(found, target, mark=False) == digest:
                done(target.stat().st_size)
                return True
            if folder.kind == _KINDS[0] and not self.read_only:  # else no push would replace it
                Folder(folder.place, kind=folder.kind).remove(digest)
        return any(self._take(bucket, digest, target, done) for bucket in self._buckets)

    def bring_or_copy(
        self, own: Path | None, digest: str, target: Path, done: Callable[[int], object]
    ) -> bool:
        """Copy a file with this hash from where it may lie, which stays as it is, else as `bring`.

        Returns:
            Whether there is a sound one; else, or if the place cannot be reached, there is none.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        if own and own.is_file() and copy(own, target, mark=False) == digest:
            return True
        target.unlink(missing_ok=True)
        try:
            found = self.bring(digest, target, done)
        except OSError:
            found = False
        if not found:
            target.unlink(missing_ok=True)
        return found

    def _take(self, bucket: Bucket, digest: str, target: Path, done: Callable) -> bool:
        """Fetch a file from a store, going on where an earlier try broke off."""
        self.parts.mkdir(parents=True, exist_ok=True)
        part = self.parts / digest
        with _opened(part) as file:
            try:
                whole = any(_receive(bucket, digest, file, done, again) for again in (True, False))
            except FileNotFoundError:
                whole = False
            if whole:
                move(part, target)
                return True
            part.unlink(missing_ok=True)
        return False


def _opened(part: Path) -> IO[bytes]:
    """Open a file to add to it, alone: another command may fetch, and then move, the same one."""
    while True:
        file = part.open("ab")
        fcntl.flock(file, fcntl.LOCK_EX)
        if part.exists() and part.stat().st_ino == os.fstat(file.fileno()).st_ino:
            return file
        file.close()


def _receive(
    bucket: Bucket, digest: str, file: IO[bytes], done: Callable[[int], object], resumed: bool
) -> bool:
    """Fetch an object into a file, the beginning of which may be there; tell whether it is sound.

    What is not sound although it came as a whole is removed there: it can be shared again.
    """
    if not resumed:
        file.truncate(0)
    for left in reversed(range(_TRIES)):
        try:
            for block in bucket.blocks(digest, os.fstat(file.fileno()).st_size):
                file.write(block)
                file.flush()
                done(len(block))
            break
        except UnreachableError:
            if not left:
                raise
    sound = sha256(file.name) == digest
    if not sound and not resumed:
        bucket.remove(digest)
    return sound
