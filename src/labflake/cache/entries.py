"""What an entry of the cache says: the outputs of a step, file by file, and how long it took.

Whoever can write to a shared cache can write entries. So one is believed only if it names nothing
outside its outputs; `outputs` looks where its links lead when they are there.
"""

import hashlib
import json
import re

from labflake.records import Record, as_dict, field


class DamagedError(Exception):
    """Something in the cache is not what it was when it was written."""


class Output(Record):
    """One output. Names are relative to it; the name of an output that is a single file is ""."""

    digest: str
    files: dict[str, str] = field(default_factory=dict)
    programs: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)

    def is_sound(self) -> bool:
        """Tell whether all names are of this output, and all files are of a cache."""
        if list(self.files) == [""]:
            named = not (self.folders or self.links)
        else:
            names = [*self.files, *self.folders, *self.links]
            named = all(_is_name(n) and not self._is_behind_a_link(n) for n in names)
        digests = all(re.fullmatch("[0-9a-f]{64}", digest) for digest in self.files.values())
        texts = [self.digest, *self.programs, *self.links.values()]
        return named and digests and all(isinstance(t, str) and "\0" not in t for t in texts)

    def _is_behind_a_link(self, name: str) -> bool:
        return any(name[:i] in self.links for i, letter in enumerate(name) if letter == "/")


class Entry(Record):
    """The result of a step: its outputs by path, and the seconds that it took."""

    key: str
    step: str
    seconds: float
    outputs: dict[str, Output]

    def data(self) -> bytes:
        """Return the entry as it is written: its own sha256 in the first line."""
        line = json.dumps(as_dict(self), separators=(",", ":")).encode() + b"\n"
        return hashlib.sha256(line).hexdigest().encode() + b"\n" + line

    def digests(self) -> dict[str, str]:
        """Return the digest of each output by its path."""
        return {path: output.digest for path, output in self.outputs.items()}

    def files(self, places: dict[str, str]) -> dict[str, str]:
        """Return the sha256 of each file by its path, with the outputs in these places."""
        return {
            f"{places[path]}/{name}" if name else places[path]: digest
            for path, output in self.outputs.items()
            for name, digest in output.files.items()
        }


def parse(data: bytes, key: str) -> Entry:
    """Return the entry that was written.

    Raises:
        DamagedError: it is cut, altered or of another key, or it leads out of its outputs.
    """
    check, _, line = data.partition(b"\n")
    if hashlib.sha256(line).hexdigest().encode() != check:
        raise DamagedError("an entry is cut or altered")
    try:
        said = json.loads(line)
        made = {path: Output(**output) for path, output in said.pop("outputs").items()}
        entry = Entry(**said, outputs=made)
        entry.seconds = float(entry.seconds)
        sound = all(output.is_sound() for output in entry.outputs.values())
    except (AttributeError, KeyError, TypeError, ValueError):
        raise DamagedError("an entry has another form") from None
    if entry.key != key:
        raise DamagedError("an entry is of another step")
    if not sound:
        raise DamagedError("an entry leads out of its outputs")
    return entry


def _is_name(name: str) -> bool:
    """Tell whether this is the plain name of something below a folder."""
    return bool(name) and "\0" not in name and not {"", ".", ".."}.intersection(name.split("/"))
