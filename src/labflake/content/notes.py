"""The files in which an experiment's notes about contents are kept: manifest, journal, and jobs.

Each text begins with its own checksum. One that was cut, edited, or written by other equipment or
for an experiment of another name is as good as none: what it said is found out again. Standard
library only.
"""

import errno
import json
import os
import zlib

from labflake.errors import LabError

MANIFEST = ".labflake/manifest.json"
JOURNAL = ".labflake/journal.jsonl"
JOBS = ".labflake/jobs.json"
BUILDING = ".labflake/building"  # is there while a build is under way, or was killed
VERSION = 4  # of the form of both
_HEAD = 20  # characters of `{"check":"01234567",`


def read_manifest(generated: str) -> dict:
    """Return what the manifest says; nothing where there is none that this equipment wrote."""
    return _read(generated, MANIFEST)


def read_jobs(generated: str) -> dict:
    """Return what the Snakefile says of each step, as far as it is known."""
    return _read(generated, JOBS)


def state(generated: str) -> list[tuple[int, ...]]:
    """Return what shows that somebody built: wrote one of the notes, or was killed before."""
    return [_mark(os.path.join(generated, name)) for name in (MANIFEST, JOURNAL, BUILDING)]


def _mark(path: str) -> tuple[int, ...]:
    try:
        stat = os.stat(path)
    except OSError:
        return ()
    return (stat.st_size, stat.st_mtime_ns, stat.st_ino, stat.st_dev)


def _read(generated: str, name: str) -> dict:
    try:
        with open(os.path.join(generated, name), encoding="ascii") as file:
            return _opened(file.read(), generated) or {}
    except (OSError, ValueError):
        return {}


def read_journal(generated: str) -> list[dict]:
    """Return what finished steps noted since the manifest was written, without cut lines."""
    try:
        with open(os.path.join(generated, JOURNAL), encoding="ascii") as file:
            found = [_opened(line, generated) for line in file.read().split("\n")]
    except (OSError, ValueError):
        return []
    return [entry for entry in found if entry]


def write_manifest(generated: str, notes: dict) -> None:
    """Replace the manifest; the journal is in it then.

    Raises:
        LabError: it cannot be written; the old one is as it was.
    """
    _write(generated, MANIFEST, notes)
    journal = os.path.join(generated, JOURNAL)
    try:
        if os.path.exists(journal):
            os.unlink(journal)
    except OSError as error:
        raise _refusal(error, journal) from None


def write_jobs(generated: str, notes: dict) -> None:
    """Replace what the Snakefile says of each step.

    Raises:
        LabError: it cannot be written; the old one is as it was.
    """
    _write(generated, JOBS, notes)


def _write(generated: str, name: str, notes: dict) -> None:
    target = os.path.join(generated, name)
    new = target + ".new"
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(new, "w", encoding="ascii") as file:
            file.write(_sealed(notes, generated))
        os.replace(new, target)
    except OSError as error:
        raise _refusal(error, new) from None


def append_to_journal(generated: str, entry: dict) -> None:
    """Add a line at once: other threads append, too.

    Raises:
        LabError: it cannot be written.
    """
    path = os.path.join(generated, JOURNAL)
    line = f"\n{_sealed(entry, generated)}\n".encode(
        "ascii"
    )  # on its own, also after a line that was cut
    try:
        journal = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            written = os.write(journal, line)
        finally:
            os.close(journal)
        if written < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as error:
        raise _refusal(error, path) from None


def _sealed(notes: dict, generated: str) -> str:
    text = json.dumps({"version": VERSION} | notes, separators=(",", ":"))[1:]
    return f'{{"check":"{_checksum(text, generated)}",{text}'


def _opened(text: str, generated: str) -> dict | None:
    """Return the notes in a text that is whole and of this version, else None."""
    rest = text[_HEAD:].rstrip("\n")
    own = (_checksum(rest, generated), _checksum(rest, ""))  # without a name: of older equipment
    if text[:_HEAD] not in [f'{{"check":"{checksum}",' for checksum in own]:
        return None
    notes = json.loads("{" + rest)
    return notes if notes.pop("version") == VERSION else None


def _checksum(text: str, generated: str) -> str:
    """Return the checksum of notes about an experiment: those of its copy are none of its own."""
    name = os.fsencode(os.path.basename(os.path.normpath(generated))) if generated else b""
    return f"{zlib.crc32(text.encode(), zlib.crc32(name)):08x}"


def _refusal(error: OSError, path: str) -> LabError:
    return LabError(
        f"the notes about this build cannot be written: {(error.strerror or str(error)).lower()}\n"
        f"  {os.path.abspath(path)}\n  what is complete is kept; mend that, then make"
    )
