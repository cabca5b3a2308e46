"""Extract members of archives (zip, tar, 7z) without trusting the archive."""

import fnmatch
import os
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from labflake.content.meter import size
from labflake.errors import LabError, nearest

BUFFER = 1 << 20
MOST = 1_000_000  # files
FINDERS = "__MACOSX/"  # where macOS puts what its Finder knows of each file: `__MACOSX/._raw.csv`


class AbsentError(LabError):
    """The archive is good, and has no such member."""


class Target:
    """Where members go: only to safe names below one folder, only so many bytes."""

    def __init__(
        self, path: Path, member: str, patterns: list[str], limit: int, label: str
    ) -> None:
        self.path, self.member, self.patterns = path, member, patterns
        self.limit, self.label = limit, label
        self.written = 0
        self.files = 0
        self.seen: list[str] = []

    def wants(self, name: str) -> bool:
        """Return whether this member is asked for."""
        plain = name.removeprefix("./")
        self.seen += [plain] if len(self.seen) < MOST else []
        if self.member:
            return plain == self.member.removeprefix("./")
        if plain.startswith(FINDERS):
            return False
        return any(fnmatch.fnmatchcase(plain, pattern) for pattern in self.patterns)

    def open(self, name: str) -> IO[bytes]:
        """Create the file of a member.

        Raises:
            LabError: Its name leads out of the folder, is taken, or there are too many files.
        """
        self.files += 1
        if self.files > MOST:
            raise LabError(f"{self.label} holds more than {MOST} files")
        path = self.path if self.member else self.path / _safe(name, self.label)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return open(path, "xb")
        except (FileExistsError, IsADirectoryError, NotADirectoryError):
            raise LabError(f"{self.label} holds {name!r} twice") from None

    def count(self, amount: int) -> None:
        """Count bytes that were extracted.

        Raises:
            LabError: They are more than the limit.
        """
        self.written += amount
        if self.written > self.limit:
            raise LabError(
                f"{self.label} holds more than {size(self.limit)}: is it a bomb?\n"
                "  if it is not, raise the limit in config.yaml: limit: 500 GB"
            )

    def copy(self, source: IO[bytes], name: str) -> None:
        """Copy one member."""
        with self.open(name) as out:
            while block := source.read(BUFFER):
                self.count(len(block))
                out.write(block)

    def refuse(self, name: str, what: str) -> LabError:
        """Return the error about a member that is no plain file."""
        return LabError(f"{self.label}: {name!r} is {what}, which is not extracted")

    def check_found(self) -> None:
        """Complain if nothing was extracted, with the names that are there."""
        if self.files:
            return
        wanted = self.member or ", ".join(self.patterns)
        like = nearest(wanted, self.seen, most=5, cutoff=0.3) or self.seen[:5]
        raise AbsentError(f"{self.label} has no {wanted}\n  it has: {', '.join(like) or 'nothing'}")


def extract(archive: Path, target: Target) -> None:
    """Extract what `target` wants.

    Raises:
        LabError: The archive is damaged or hostile, or has no such member.
    """
    import lzma

    try:
        _opened(archive, target.label)(archive, target)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError) as error:
        raise LabError(f"{target.label} is damaged: {error}") from None
    except RuntimeError as error:  # zipfile says so of a member that needs a password
        raise LabError(f"{target.label} cannot be extracted: {error}") from None
    target.check_found()


def _opened(archive: Path, label: str) -> Callable[[Path, Target], None]:
    """Return what extracts this kind of archive; the content tells which it is."""
    with open(archive, "rb") as handle:
        magic = handle.read(6)
    if magic == b"7z\xbc\xaf\x27\x1c":
        return _extract_7z
    if magic[:4] == b"\x28\xb5\x2f\xfd":
        return _extract_zstandard
    if magic[:2] == b"PK":
        return _extract_zip
    if tarfile.is_tarfile(archive):
        return _extract_tar
    raise LabError(f"{label} is neither zip nor tar nor 7z")


def _extract_zip(archive: Path, target: Target) -> None:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            if info.is_dir() or not target.wants(info.filename):
                continue
            if (info.external_attr >> 28) not in (0, 0o10):
                raise target.refuse(info.filename, "a link or a device")
            with opened.open(info) as source:
                target.copy(source, info.filename)


def _extract_tar(archive: Path, target: Target) -> None:
    with tarfile.open(archive) as opened:
        _from_tar(opened, target)


def _extract_zstandard(archive: Path, target: Target) -> None:
    zstd = _zstandard(target.label)
    with zstd.open(archive) as plain, tarfile.open(fileobj=plain) as opened:
        _from_tar(opened, target)


def _zstandard(label: str) -> Any:
    """Return the module for zstd: in the standard library from Python 3.14 on."""
    import importlib

    for name in ("compression.zstd", "backports.zstd"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise LabError(f"{label} is a tar.zst, which needs backports.zstd\n  make env WITH=archives")


def _from_tar(opened: tarfile.TarFile, target: Target) -> None:
    for info in opened:
        if info.isdir() or not target.wants(info.name):
            continue
        if info.islnk() or info.issym():
            _safe(_pointed(info), target.label)
        elif not info.isreg():
            raise target.refuse(info.name, "a device or a pipe")
        try:
            source = opened.extractfile(info)
        except KeyError:
            source = None
        if source is None:
            raise target.refuse(info.name, "a link to no file of the archive")
        with source:
            target.copy(source, info.name)


def _pointed(info: tarfile.TarInfo) -> str:
    """Return the name to which a link points, from the top of the archive."""
    if info.islnk() or info.linkname.startswith("/"):
        return info.linkname
    return os.path.normpath(os.path.join(os.path.dirname(info.name), info.linkname))


def _extract_7z(archive: Path, target: Target) -> None:
    try:
        import py7zr
    except ImportError:
        raise LabError(
            f"{target.label} is 7z, which needs py7zr\n  make env WITH=archives"
        ) from None

    try:
        with py7zr.SevenZipFile(archive) as opened:
            wanted = list(_wanted_of_7z(opened, target))
            if wanted:
                opened.extract(targets=wanted, factory=_writers_of_7z(target))
    except (py7zr.exceptions.ArchiveError, py7zr.exceptions.PasswordRequired) as error:
        raise LabError(f"{target.label} cannot be extracted: {error or 'it is damaged'}") from None


def _wanted_of_7z(opened: Any, target: Target) -> Iterator[str]:
    for info in opened.list():
        if info.is_directory or not target.wants(info.filename):
            continue
        if not info.is_file:
            raise target.refuse(info.filename, "a link or a device")
        _safe(info.filename, target.label)
        yield info.filename


def _writers_of_7z(target: Target) -> Any:
    """Return what py7zr asks for a file for each member that it decompresses."""
    from py7zr.io import Py7zIO, WriterFactory

    class Writer(Py7zIO):
        def __init__(self, name: str) -> None:
            self.out = target.open(name)

        def write(self, s: bytes | bytearray) -> int:
            target.count(len(s))
            return self.out.write(s)

        def read(self, size: int | None = None) -> bytes:
            return b""

        def seek(self, offset: int, whence: int = 0) -> int:
            return self.out.seek(offset, whence)

        def flush(self) -> None:
            self.out.flush()

        def size(self) -> int:
            return self.out.tell()

        def close(self) -> None:
            self.out.close()

    class Writers(WriterFactory):
        def create(self, filename: str) -> Py7zIO:
            return Writer(filename)

    return Writers()


def _safe(name: str, label: str) -> str:
    """Return the name of a member if it stays in its folder.

    Raises:
        LabError: It is absolute, goes up, or would mean something else on another system.
    """
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or re.search(r"\\|^[A-Za-z]:|\0", name):
        raise LabError(f"{label} is hostile or damaged: {name!r} leads out of its folder")
    return name.removeprefix("./")
