"""One step, as the cache, its runner, its container and its cluster see it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from labflake.programs.pins import Asked
from labflake.records import Record, field, replaced
from labflake.steps.seen import Seen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Known(Protocol):
        """The contents of files by their paths, as they are, were or will be."""

        generated: str

        def digest(self, path: str) -> str:
            """Return the digest of a file or folder; "" where there is nothing."""


def scratch_of(outputs: list[str]) -> Path:
    """Return the folder in which the step with these outputs makes them."""
    short = hashlib.sha256("\0".join(outputs).encode()).hexdigest()[:16]
    return Path(".labflake") / "running" / short


class Step(Record):
    """One job of a rule. Paths are relative to the generated folder."""

    name: str
    command: str
    inputs: list[str]
    outputs: list[str]
    container: str = ""
    threads: int = 1
    memory: int = 0
    gpus: int = 0
    attempt: int = 1
    rule: str = ""
    marks: list[dict] = field(default_factory=list)  # of each output, as `touch()`
    deciding: dict[str, str] = field(default_factory=dict)  # environment variables
    passed: list[str] = field(default_factory=list)
    declared: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # logs and benchmark of its rule
    logs: list[str] = field(default_factory=list)  # those that no step reads; they decide nothing
    programs: dict[str, str] = field(default_factory=dict)  # of the machine, by name
    asked: Asked = field(default_factory=Asked)  # of the packages
    pins: dict[str, str] = field(default_factory=dict)  # of these
    found: list[str] = field(default_factory=list)  # what it reads and does not declare
    seen: Seen = field(default_factory=Seen)
    used: dict[str, str] = field(default_factory=dict)  # digests of what it reads
    before: dict[str, list | None] = field(default_factory=dict)  # size, date, inode
    moved: str = ""  # the command, its outputs in `scratch`
    attempts: int = 1  # at most
    wanted: dict[str, int] = field(default_factory=dict)  # of the rule, where there is less, too
    minutes: int = 0  # that it may take on a cluster; 0 says nothing
    files: dict[str, str] = field(default_factory=dict)  # texts in `scratch`, by name
    sources: dict = field(default_factory=dict)  # what of files decides the command
    benchmark: str = ""  # where it is written how long it took, and what it used
    message: str = ""  # to be shown when it starts
    priority: int = 0  # who has more goes first
    is_local: bool = False  # runs here, also where others run on a cluster
    is_checkpoint: bool = False
    containers: dict = field(default_factory=dict)  # settings of their engine

    def as_told(self) -> Step:
        """Return the step as its rule describes it, to be performed: that leaves notes in it."""
        own: dict = {"found": [], "used": {}, "before": {}, "programs": {}, "seen": Seen()}
        return replaced(self, inputs=[*self.inputs], **own)

    def digest(self, path: str, contents: Known) -> str:
        """Return the digest of a file as it was when this step was first asked about it."""
        if path not in self.used:
            self.used[path] = contents.digest(path)
        return self.used[path]

    def kept(self) -> list[str]:
        """Return what the cache has of it: its results, and the logs of its rule."""
        return [*self.outputs, *self.logs]

    def rules_inputs(self) -> list[str]:
        """Return the inputs that the rule declares, without those that the command names."""
        declared = {*self.declared}
        return [path for path in dict.fromkeys(self.inputs) if path in declared]

    @property
    def scratch(self) -> Path:
        """Return the folder in which its outputs are made, the same in every build."""
        return scratch_of(self.outputs)
