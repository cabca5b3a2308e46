"""The shared cache: results of steps by content, restored as copies and verified as they are."""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path

from lab.pipeline.contents import listing

_FICLONE = 0x40049409
LIMIT = "20GB"


class Cache:
    """A folder of entries by key and objects by sha256. Trouble with it is a warning, never a failure.

    Entries name each output of a step with the digest of its files; objects are those files, read-only
    and never linked into a project, so that no edit reaches them.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self.hits = self.misses = 0
        self._warned = False

    def _entry(self, key: str) -> Path:
        return self.place / "steps" / key[:2] / f"{key[2:]}.json"

    def _object(self, digest: str) -> Path:
        return self.place / "objects" / digest[:2] / digest[2:]

    def has(self, key: str) -> bool:
        """Tell whether there is an entry for the key."""
        return self._entry(key).exists()

    def digests(self, key: str) -> dict[str, str] | None:
        """Return the digest of each output that the entry would restore; None without an entry."""
        try:
            outputs = json.loads(self._entry(key).read_text(encoding="utf-8"))["outputs"]
            return {path: digest_of(files) for path, files in outputs.items()}
        except (OSError, ValueError, KeyError, AttributeError):
            return None

    def forget(self, key: str) -> None:
        """Drop the entry, so that the step runs when it is needed again."""
        with contextlib.suppress(OSError):
            self._entry(key).unlink(missing_ok=True)

    def restore(self, key: str, outputs: list[str], folder: Path) -> bool:
        """Copy the outputs of the step with this key into the folder; tell whether all were whole."""
        try:
            entry = json.loads(self._entry(key).read_text(encoding="utf-8"))
            if list(entry["outputs"]) != outputs:
                raise ValueError("another set of outputs")
            for path, files in entry["outputs"].items():
                self._restore_output(folder / path, files)
        except FileNotFoundError:
            self.misses += 1
            return False
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            self._drop(key, error)
            self.misses += 1
            return False
        self.hits += 1
        return True

    def _restore_output(self, target: Path, files: dict[str, str]) -> None:
        if list(files) != [""]:
            target.mkdir(parents=True, exist_ok=True)
        for name, digest in files.items():
            place = target / name if name else target
            place.parent.mkdir(parents=True, exist_ok=True)
            if copy(self._object(digest), place) != digest:
                self._object(digest).unlink(missing_ok=True)
                raise ValueError(f"object {digest[:12]} is damaged")
        with contextlib.suppress(OSError):
            os.utime(self._object(next(iter(files.values()), "")))

    def store(self, key: str, outputs: list[str], seconds: float) -> None:
        """Keep the outputs of a step; they are complete and in their final places."""
        try:
            kept = {path: self._store_output(Path(path)) for path in outputs}
            text = json.dumps({"outputs": kept, "seconds": round(seconds, 3)})
            self._write(self._entry(key), text.encode())
        except OSError as error:
            self._warn(f"results are not kept in the cache: {_reason(error)}")

    def _store_output(self, path: Path) -> dict[str, str]:
        names = listing(str(path)) if path.is_dir() else [""]
        return {name: self._store_file(path / name if name else path) for name in names}

    def _store_file(self, source: Path) -> str:
        """Copy a file into the store under its digest; return the digest."""
        (self.place / "objects").mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.place / "objects", prefix="new-")
        os.close(handle)
        try:
            digest = copy(source, Path(name))
            target = self._object(digest)
            if not target.exists():
                target.parent.mkdir(exist_ok=True)
                os.chmod(name, 0o444)
                os.replace(name, target)
        finally:
            Path(name).unlink(missing_ok=True)
        return digest

    def _write(self, target: Path, data: bytes) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix="new-", delete=False) as file:
            file.write(data)
        os.replace(file.name, target)

    def _drop(self, key: str, error: Exception) -> None:
        self._warn(f"a damaged entry of the cache was dropped and is computed again: {error}")
        self._warned = False
        with contextlib.suppress(OSError):
            self._entry(key).unlink(missing_ok=True)

    def _warn(self, text: str) -> None:
        if not self._warned:
            print(f"warning: {text}\n  cache: {self.place}", file=sys.stderr)
        self._warned = True


def digest_of(files: dict[str, str]) -> str:
    """Return the digest of an output as `Contents.digest` gives it, from those of its files."""
    if list(files) == [""]:
        return files[""]
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(files.items()))
    return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()


def copy(source: Path, target: Path) -> str:
    """Copy a file, sharing its blocks where the file system can, and return its sha256."""
    digest = hashlib.sha256()
    with open(source, "rb", buffering=0) as reader, open(target, "wb", buffering=0) as writer:
        try:
            fcntl.ioctl(writer.fileno(), _FICLONE, reader.fileno())
            shared = True
        except OSError:
            shared = False
        while block := reader.read(1 << 20):
            digest.update(block)
            if not shared:
                writer.write(block)
    return digest.hexdigest()


def _reason(error: OSError) -> str:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "it is full" if full else (error.strerror or str(error)).lower()


def default() -> Path:
    """Return the folder of the cache: `CACHE`, else one in the user's cache folder."""
    chosen = os.environ.get("CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(chosen).expanduser().resolve() if chosen else Path(base) / "labflake" / "steps"
