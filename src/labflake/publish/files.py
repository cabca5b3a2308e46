"""The files that go with a comment; a name has the hash of what it holds, so it says which one."""

import hashlib
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class File:
    """A file to publish: the artifact it shows, its name there, and what it holds."""

    artifact: str
    name: str
    content: bytes

    @property
    def kind(self) -> str:
        """Return its type, as servers call it."""
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"


def file(artifact: str, content: bytes, suffix: str) -> File:
    """Return a file named for an artifact and for its own content, in letters that all take."""
    stem = re.sub(r"[^A-Za-z0-9.-]+", "-", Path(artifact).stem).strip("-.")[:60] or "file"
    digest = hashlib.sha256(content).hexdigest()[:12]
    return File(artifact, f"{stem}-{digest}{suffix}", content)
