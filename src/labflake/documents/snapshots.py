"""Kernels that are kept as they were after each cell, while a document is watched.

The name of a snapshot is all that decided it: the environment, the cells and expressions up to
here, and what of the experiment they could read unseen. What they were seen to read is beside it.
"""

import contextlib
import hashlib
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from labflake.content import temporary
from labflake.content.folders import names as names_in
from labflake.documents import looks
from labflake.documents.kernel_resumed import END, LIFE
from labflake.documents.source import Cell
from labflake.environment import untouched
from labflake.processes import determinism, lender
from labflake.project.experiments import root

PLACE = "LAB_SNAPSHOTS"  # in the environment of a build that is watched: the folder of all
_MOST = 30  # of one document


@contextmanager
def kept_here() -> Iterator[None]:
    """Let documents keep snapshots while the block lasts; they end with it. Only Linux has them."""
    if sys.platform != "linux":
        yield
        return
    with temporary.folder("snapshots", "/tmp") as folder, socket.socket(socket.AF_UNIX) as life:
        life.bind(str(folder / LIFE))
        life.listen(1000)
        os.environ[PLACE] = str(folder)
        try:
            yield
        finally:
            del os.environ[PLACE]


def folder_of(document: Path) -> Path | None:
    """Return the folder for the snapshots of a document; nothing if nobody keeps any."""
    if PLACE not in os.environ:
        return None
    name = hashlib.sha256(str(document).encode()).hexdigest()[:8]
    return Path(os.environ[PLACE], name)


def packages() -> str:
    """Return what tells that `.venv` has the same packages."""
    seal = root() / ".venv" / untouched.SEAL
    return seal.read_text(encoding="utf-8") if seal.exists() else ""


@dataclass
class Snapshot:
    """What the cells up to a snapshot gave."""

    outputs: list[list[dict]]  # of all these cells
    values: list[list[str]]
    notes: dict
    modules: dict[str, list]  # files of the modules that were imported


class Snapshots:
    """The snapshots of one document."""

    def __init__(self, folder: Path, cells: list[Cell], decides: list) -> None:
        """Name the snapshot after each cell.

        Args:
            folder: where they are.
            cells: those of the document.
            decides: all else that decides what cells give, but for what they are seen to read.
        """
        self.folder, self.names = folder, []
        folder.mkdir(exist_ok=True)
        name = repr([determinism.conditions_of_documents(), *decides])
        for cell in cells:
            code = cell.code if cell.kind == "code" else ""
            parts = [name, cell.kind, cell.language, code, cell.expressions]
            name = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
            self.names.append(name)

    def latest(self) -> tuple[int, Snapshot | None]:
        """Return how many cells need not run, and what they gave."""
        for number in range(len(self.names), 0, -1):
            found = self._read(self.names[number - 1])
            if found and _holds(found) and self._send(self.names[number - 1], b""):
                return number, found
        return 0, None

    def place(self, number: int) -> str:
        """Return the socket of the snapshot after a cell."""
        return str(self.folder / self.names[number])

    def keep(self, number: int, snapshot: Snapshot) -> None:
        """Note what the cells up to a snapshot gave."""
        path = self.folder / f"{self.names[number]}.json"
        path.write_text(json.dumps(asdict(snapshot)), encoding="utf-8")

    def is_full(self) -> bool:
        """Tell whether there are as many as a machine can bear."""
        return len([*self.folder.glob("*.json")]) >= _MOST

    def end_others(self) -> None:
        """End the snapshots that the cells as they are now do not lead to."""
        for name in {path.name.partition(".")[0] for path in self.folder.iterdir()}:
            if name not in self.names:
                self.end(name)

    def end(self, name: str) -> None:
        """End a snapshot, if there is one."""
        self._send(name, END)
        for path in (self.folder / name, self.folder / f"{name}.json"):
            path.unlink(missing_ok=True)

    def _read(self, name: str) -> Snapshot | None:
        try:
            return Snapshot(**json.loads((self.folder / f"{name}.json").read_bytes()))
        except OSError:
            return None

    def _send(self, name: str, message: bytes) -> bool:
        """Send something to a snapshot; tell whether it is there."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as asked:
            asked.connect(str(self.folder / name))
            asked.sendall(message)
            return True
        return False


def _holds(found: Snapshot) -> bool:
    """Tell whether all is what it was when the cells read, listed or imported it."""
    read, listed = found.notes["read"], found.notes["listed"]
    return (
        all(looks.look(path) == seen for path, seen in read.items())
        and all(names_in(folder) == names for folder, names in listed.items())
        and all([*lender.seen(path)] == seen for path, seen in found.modules.items())
    )
