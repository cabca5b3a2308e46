"""What is inside a file: members of archives and streams of PDFs, each as plain bytes."""

import gzip
import re
import zipfile
import zlib
from pathlib import Path

LARGE = 200_000_000  # bytes; a larger file is compared as it is
_STREAM = re.compile(rb"(stream\r?\n)(.*?)(\r?\nendstream)", re.S)


def parts(path: Path) -> list[tuple[str, bytes]]:
    """Return the named parts of a file; most files have one, without a name."""
    data = path.read_bytes()
    if len(data) < LARGE and zipfile.is_zipfile(path):
        return _members(path, data)
    if data.startswith(b"%PDF-"):
        return _streams(data)
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
    times = "order and times of its members"
    return [*found, (times, "\n".join(infos).encode()), ("its container", data)]


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


def _unpacked(data: bytes) -> list[tuple[str, bytes]]:
    try:
        return [
            ("content", gzip.decompress(data)),
            ("time in the gzip header", data[4:8]),
            ("", data),
        ]
    except (OSError, EOFError, zlib.error):
        return [("", data)]
