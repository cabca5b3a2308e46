"""What every kind of source offers, and what it is given when it has to fetch."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from labflake.project.experiments import Experiment


@dataclass(frozen=True)
class Job:
    """One fetch: the data called `name` (below assets/data) has to be written to `target`.

    `target` is a temporary file or folder that does not exist yet. `scratch` is a folder that
    outlives a broken run, for partial downloads.
    """

    experiment: Experiment
    name: str
    target: Path
    scratch: Path


def identity_of(source: "Source") -> str:
    """Return the digest of what decides which data a source gives."""
    kind = type(source)
    own = kind.__module__.startswith("labflake.")
    name = kind.__name__ if own else f"{kind.__module__}.{kind.__name__}"
    text = json.dumps([name, source.identity()], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


class Source(Protocol):
    """A declaration in `config.yaml`; its fields are the keys that are allowed."""

    @property
    def keep(self) -> bool | None:
        """Return whether its versions are kept for later; None: unless they are too large."""

    def described(self) -> str:
        """Return in a few words where the data comes from, without any secret."""

    def identity(self) -> dict[str, Any]:
        """Return what decides which data comes: another identity means to fetch again."""

    def problem(self, name: str) -> str | None:
        """Return what is wrong with the declaration of the data called `name`, or None."""

    def fetch(self, job: Job) -> None:
        """Write the data to `job.target`."""
