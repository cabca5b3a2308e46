r"""The record of data, `hashes.txt`: lines as `sha256sum` writes them, comments above them.

A name with a line break or a backslash is escaped as `sha256sum` does it: the line starts
with a backslash, and the name has `\n`, `\r` and `\\`. All that reads such lines
reads them here, and `src/check-hash.sh` by the same rules: what one refuses the other refuses.
"""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from labflake.content.atomic import replacing
from labflake.data_files.gate.wording import shown
from labflake.errors import LabError
from labflake.project.experiments import relative

_LINE = re.compile(r"(\\?)([0-9a-fA-F]{64}) [ *](.+)", re.DOTALL)
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}
_PLAIN = {escape: character for character, escape in _ESCAPES.items()}
_MARKS = ("<<<<<<< ", "=======", ">>>>>>> ", "||||||| ")


@dataclass
class Record:
    """What is recorded: a digest for each name, and the comments above its line."""

    path: Path
    digests: dict[str, str] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    tail: list[str] = field(default_factory=list)

    def set(self, name: str, digest: str, note: str = "") -> None:
        """Record `digest` for `name`, with `note` as a further comment above the line."""
        self.digests[name] = digest
        if note:
            self.notes.setdefault(name, []).append(_comment(note))

    def remove(self, name: str, note: str) -> None:
        """Take `name` out; its comments and `note` stay at the end of the file."""
        del self.digests[name]
        self.tail += [*self.notes.pop(name, []), _comment(note)]

    def below(self, name: str) -> dict[str, str]:
        """Return the digests of `name`: of that file, or of all files in that folder."""
        inside = f"{name}/"
        return {
            each: digest
            for each, digest in self.digests.items()
            if each == name or each.startswith(inside)
        }

    def write(self) -> None:
        """Write the file, sorted by name, in one move."""
        lines = []
        for name in sorted(self.digests, key=os.fsencode):
            lines += [*self.notes.get(name, []), line(name, self.digests[name])]
        text = "".join(f"{each}\n" for each in [*lines, *self.tail])
        with replacing(self.path, durable=True) as part:
            part.write_bytes(os.fsencode(text))


def read(path: Path) -> Record:
    """Read `path`; a file that does not exist is an empty record.

    Raises:
        LabError: A line is neither a record nor a comment, or a name comes twice.
    """
    record = Record(path)
    text = os.fsdecode(path.read_bytes()) if path.exists() else ""
    comments: list[str] = []
    for number, content in enumerate(text.split("\n"), 1):
        content = content.removesuffix("\r")
        if not content.strip(" \t"):
            continue
        if content.startswith("#"):
            comments.append(content)
            continue
        name, digest, problem = parsed(content)
        if problem or name in record.digests:
            problem = problem or f"{shown(name)} is recorded twice"
            raise LabError(f"{relative(path)}, line {number}: {problem}")
        record.digests[name] = digest
        if comments:
            record.notes[name], comments = comments, []
    record.tail = comments
    return record


def line(name: str, digest: str) -> str:
    """Return the line of `sha256sum` for one file."""
    safe = escaped(name)
    return f"{'' if safe == name else chr(92)}{digest}  {safe}"


def escaped(name: str) -> str:
    """Return `name` on one line, as `sha256sum` writes it."""
    return "".join(_ESCAPES.get(character, character) for character in name)


def parsed(content: str) -> tuple[str, str, str]:
    """Return the name and the digest in a line of `sha256sum`, or what is wrong with it."""
    match = _LINE.fullmatch(content)
    if not match or "\0" in content:
        return "", "", _no_record(content)
    mark, digest, name = match.groups()
    if mark:
        parts = re.findall(r"\\.|\\$|[^\\]+", name)
        if any(part[0] == "\\" and part not in _PLAIN for part in parts):
            return "", "", _no_record(content)
        name = "".join(_PLAIN.get(part, part) for part in parts)
    return name, digest.lower(), _problem(name)


def _no_record(content: str) -> str:
    text = shown(content[:100])
    if content.startswith(_MARKS):
        return f"this is no record, but a conflict of a merge: {text}\n  keep one side, then make"
    if content.startswith("\ufeff"):
        return "this is no record: a byte order mark stands before it\n  save it without one"
    return f"this is no record of sha256sum\n  {text}"


def _problem(name: str) -> str:
    """Return what is wrong with a recorded name: each file has one, and lies in generated/."""
    parts = name.split("/")
    if name.startswith("/") or ".." in parts:
        return f"{shown(name)} leads out of generated/"
    if "" in parts or "." in parts:
        return f"{shown(name)} has another spelling: leave out `./` and double `/`"
    return ""


def _comment(text: str) -> str:
    return "# " + " ".join(text.split())
