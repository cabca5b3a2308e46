"""The shared cache: results of steps by content, restored as copies and verified as they are.

Trouble with it is a warning, never a failure of a build.
"""

import errno
import shlex
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from labflake.cache import entries, limit, outputs, tally
from labflake.cache.bucket import Bucket, UnreachableError
from labflake.cache.entries import DamagedError, Entry
from labflake.cache.folder import Folder
from labflake.cache.places import chosen
from labflake.cache.tally import Tally

__all__ = ["Cache", "chosen"]
Store = Folder | Bucket


class Cache:
    """A folder, and perhaps a bucket: then the folder holds copies of what is in the bucket."""

    def __init__(
        self, folder: Folder | None, bucket: Bucket | None = None, most: int | None = None
    ) -> None:
        self.folder, self.bucket = folder, bucket
        self.most = most  # bytes that the folder may have
        self.hits = self.misses = 0
        self.saved = 0.0  # s that the restored steps took when they ran
        self._readable: list[Store] = [store for store in (folder, bucket) if store]
        self._writable = list(self._readable)
        self._lock = threading.Lock()

    def digests(self, key: str) -> dict[str, str] | None:
        """Return the digest of each output that a restore would bring; None without an entry."""
        entry, _ = self._find(key)
        return entry.digests() if entry else None

    def files(self, key: str) -> dict[str, str]:
        """Return the sha256 of each file that a restore would bring."""
        entry, _ = self._find(key)
        return entry.files({path: path for path in entry.outputs}) if entry else {}

    def forget(self, key: str) -> None:
        """Drop the entry, so that the step runs when it is needed again."""
        for store in list(self._writable):
            store.drop(key)

    def restore(self, key: str, places: dict[str, str]) -> dict[str, str] | None:
        """Copy the outputs of a step that does not run then, as `bring` does, and count it."""
        entry = self._restored(key, places)
        with self._lock:
            self.hits += bool(entry)
            self.saved += entry.seconds if entry else 0
        return entry.files(places) if entry else None

    def bring(self, key: str, places: dict[str, str]) -> dict[str, str] | None:
        """Copy what is kept under this key.

        Args:
            key: what the result follows from.
            places: for each output where it goes; nothing is there yet.

        Returns:
            The sha256 of each file that is there now, by its path; None if the cache does not
            have the whole result: then nothing is there.
        """
        entry = self._restored(key, places)
        return entry.files(places) if entry else None

    def _restored(self, key: str, places: dict[str, str]) -> Entry | None:
        """Return the entry of a key once its outputs are in their places."""
        entry, store = self._find(key)
        if entry and not (list(entry.outputs) == list(places) and self._recreate(entry, places)):
            entry = None
        if entry and self.folder and store is self.bucket:
            self._write(self.folder, entry, {})
        return entry

    @property
    def _copies(self) -> Folder:
        """Return the folder: where anything is found or kept, there is one."""
        assert self.folder is not None
        return self.folder

    def _find(self, key: str) -> tuple[Entry | None, Store | None]:
        """Return the entry of a key, and who has it."""
        for store in list(self._readable):
            try:
                return entries.parse(store.read(key), key), store
            except DamagedError as error:
                store.drop(key)
                _warn(f"{error}; the step is done again", store)
            except OSError as error:
                self._without(store, error)
        return None, None

    def _recreate(self, entry: Entry, places: dict[str, str]) -> bool:
        """Put the outputs of an entry into their places; if that fails nothing of them stays."""
        try:
            for path, output in entry.outputs.items():
                outputs.recreate(output, places[path], self._fetch)
            return True
        except DamagedError as error:
            self.forget(entry.key)
            _warn(f"{error}; the step is done again", self.bucket or self._copies)
        except OSError as error:
            if _is_gone(error):
                self.forget(entry.key)  # the size limit took one of its files
            unreachable = isinstance(error, UnreachableError)
            self._without(self.bucket if self.bucket and unreachable else self._copies, error)
        for place in places.values():
            outputs.remove(place)
        return False

    def _fetch(self, digest: str, file: str, mode: int) -> None:
        """Copy an object to its place; what the folder lacks the bucket may have."""
        try:
            self._copies.fetch(digest, file, mode)
        except (OSError, DamagedError) as error:
            missing = isinstance(error, DamagedError) or _is_gone(error)
            if not missing or not self.bucket or self.bucket not in self._readable:
                raise
            self._copies.take(digest, self.bucket)
            self._copies.fetch(digest, file, mode)

    def store(
        self, key: str, step: str, made: dict[str, str], seconds: float, digest: Callable
    ) -> None:
        """Keep the result of a step that ran, as `keep` does, and count it."""
        with self._lock:
            self.misses += 1
        self.keep(key, step, made, seconds, digest)

    def keep(
        self, key: str, step: str, made: dict[str, str], seconds: float, digest: Callable
    ) -> None:
        """Keep a result.

        Args:
            key: what the result follows from.
            step: its name, for people.
            made: the digest of each output, by its path from the current folder; they are
                complete and in their final places.
            seconds: how long the step took.
            digest: returns the sha256 of a file.
        """
        if not self._writable:
            return
        try:
            kept = {p: outputs.describe(Path(p), value, digest) for p, value in made.items()}
        except OSError as error:
            _warn(f"the result of {step} is not kept: {_reason(error)}", self._copies)
            return
        entry = Entry(key, step, round(seconds, 3), kept)
        for store in list(self._writable):
            self._write(store, entry, entry.files({path: path for path in made}))

    def _write(self, store: Store, entry: Entry, files: dict[str, str]) -> None:
        """Keep files and then the entry; after a failure nothing more is tried in this build."""
        if store not in self._writable:
            return
        try:
            for file, digest in files.items():
                copied = self._copies.object(digest)  # nobody edits that
                source = copied if store is self.bucket and copied.exists() else Path(file)
                store.keep(source, digest)
            store.write(entry.key, entry.data())
        except DamagedError:
            pass  # somebody edits the outputs: what is there now is not what the step made
        except OSError as error:
            self._without(store, error, writing=True)

    def close(self, notes: Path) -> None:
        """Note in the folder given what the cache was good for; keep it below its limit."""
        if not self.folder or self.folder.read_only:
            return
        if self.hits or self.misses:
            now = Tally(1, self.hits, self.misses, round(self.saved, 1))
            tally.record(now, notes, self.folder)
        if self.most:
            limit.keep(self.folder, self.most)

    def _without(self, store: Store, error: OSError, writing: bool = False) -> None:
        """Say once that a store does not work, and do without it in this build."""
        if _is_gone(error) and not writing:
            return
        with self._lock:
            told = store not in (self._writable if writing else self._readable)
            only_writing = writing and not isinstance(error, UnreachableError)
            for stores in [self._writable] if only_writing else [self._readable, self._writable]:
                if store in stores:
                    stores.remove(store)
        if not told:
            what = "results are not kept" if only_writing else "nothing comes from it"
            _warn(f"{_reason(error)}; {what} in this build{_way(error, store)}", store)


def _is_gone(error: OSError) -> bool:
    """Tell whether a file is just not there (any more)."""
    return isinstance(error, FileNotFoundError) or error.errno == errno.ESTALE


def _reason(error: OSError) -> str:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "it is full" if full else (error.strerror or str(error)).lower()


def _way(error: OSError, store: Store) -> str:
    """Return what lets a group share a folder where it cannot."""
    refused = error.errno in (errno.EACCES, errno.EPERM)
    if not (refused and isinstance(store, Folder) and store.is_for_a_group()):
        return ""
    place = shlex.quote(str(store))
    group = store.place.stat().st_gid
    return f"\n  its group shares it so: chgrp -R {group} {place}; chmod g+s {place}"


def _warn(text: str, store: Store) -> None:
    print(f"warning: the cache {store}: {text}", file=sys.stderr, flush=True)
