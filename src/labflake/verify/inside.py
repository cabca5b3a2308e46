"""What is inside a file: members of archives, streams of PDFs, pictures in pages."""

import base64
import gzip
import re
import zipfile
import zlib
from pathlib import Path

CONTAINERS = ("order and times of its members", "its container", "time in the gzip header")
EMBEDDED = "embedded file"
LARGE = 200_000_000  # bytes; a larger file is compared as it is
_EMBEDDED = re.compile(rb"data:[\w/+.-]+;base64,([A-Za-z0-9+/]+={0,2})")
_STREAM = re.compile(rb"(stream\r?\n)(.*?)(\r?\nendstream)", re.S)


def parts(path: Path) -> list[tuple[str, bytes]]:
    """Return the named parts of a file; most files have one, without a name."""
    data = path.read_bytes()
    if len(data) < LARGE and zipfile.is_zipfile(path):
        return _members(path, data)
    if data.startswith(b"%PDF-"):
        return _streams(data)
    if data[:15].lower() == b"<!doctype html>":
        return _embedded(data)
    if data.startswith(b"\x1f\x8b"):
        return _unpacked(data)
    return [("", data)]


def is_text(data: bytes) -> bool:
    """Tell whether the bytes are UTF-8 text."""
    if b"\0" in data:
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _members(path: Path, data: bytes) -> list[tuple[str, bytes]]:
    """Return the members by name, then what is left: their order, times and permissions."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(set(archive.namelist()))
            found = [(name, archive.read(name)) for name in names if not name.endswith("/")]
            infos = [f"{i.filename}: {i.date_time}" for i in archive.infolist()]
    except (zipfile.BadZipFile, RuntimeError, zlib.error):
        return [("", data)]
    return [*found, (CONTAINERS[0], "\n".join(infos).encode()), (CONTAINERS[1], data)]


def _streams(data: bytes) -> list[tuple[str, bytes]]:
    """Return what stands between the streams of a PDF, then each stream, unpacked."""
    frame = _STREAM.sub(rb"\1\3", data)
    found = [("", frame)]
    for number, match in enumerate(_STREAM.finditer(data), 1):
        try:
            content = zlib.decompressobj().decompress(match[2])
        except zlib.error:
            content = match[2]
        found.append((f"stream {number}", content))
    return [*found[1:], found[0]]


def _embedded(data: bytes) -> list[tuple[str, bytes]]:
    """Return a page without the files that are embedded in it, then each of these."""
    found = [("", _EMBEDDED.sub(b"data:", data))]
    for number, match in enumerate(_EMBEDDED.finditer(data), 1):
        whole = len(match[1]) % 4 == 0
        found.append((f"{EMBEDDED} {number}", base64.b64decode(match[1]) if whole else match[1]))
    return found


def _unpacked(data: bytes) -> list[tuple[str, bytes]]:
    try:
        return [("", gzip.decompress(data)), (CONTAINERS[2], data[4:8]), (CONTAINERS[1], data)]
    except (OSError, EOFError, zlib.error):
        return [("", data)]
