"""What an entry of the cache says: the outputs of a step, file by file, and how long it took."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath


class DamagedError(Exception):
    """Something in the cache is not what it was when it was written."""


@dataclass
class Output:
    """One output. Names are relative to it; the name of an output that is a single file is ""."""

    digest: str
    files: dict[str, str] = field(default_factory=dict)
    programs: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)

    def names(self) -> list[str]:
        """Return every name in the output, and what its links lead to."""
        ends = [os.path.join(os.path.dirname(n), end) for n, end in self.links.items()]
        return [*self.files, *self.folders, *self.links, *ends]


@dataclass
class Entry:
    """The result of a step: its outputs by path, and the seconds that it took."""

    key: str
    step: str
    seconds: float
    outputs: dict[str, Output]

    def data(self) -> bytes:
        """Return the entry as it is written: its own sha256 in the first line."""
        line = json.dumps(asdict(self), separators=(",", ":")).encode() + b"\n"
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
    entry = Entry(**json.loads(line))
    entry.outputs = {path: Output(**output) for path, output in entry.outputs.items()}
    names = [name for output in entry.outputs.values() for name in output.names()]
    if entry.key != key or not all(map(inside, names)):
        raise DamagedError("an entry is of another step")
    return entry


def inside(name: str) -> bool:
    """Tell whether a name stays inside the output that it is relative to."""
    return not os.path.isabs(name) and ".." not in PurePosixPath(os.path.normpath(name)).parts
