"""What the steps of one build share, and how they notice that it has to start again."""

import threading
from pathlib import Path

from labflake.cache import Cache
from labflake.content.contents import Contents
from labflake.content.removal import Removal
from labflake.errors import LabError
from labflake.processes.again import EDITED, Look
from labflake.processes.processes import Running
from labflake.project.experiments import relative
from labflake.records import Record, field
from labflake.steps import changed
from labflake.steps.failures import StepError
from labflake.steps.limits import Limits
from labflake.steps.progress import Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labflake.steps.cluster import Cluster


class OutdatedError(StepError):
    """What a step was to be made from, or was made from, is not what it was: nothing is kept."""

    def __init__(self, what: str) -> None:
        LabError.__init__(self, what)


class Session(Record):
    """What the steps of one build share."""

    contents: Contents
    cache: Cache
    progress: Progress
    environment: str
    limits: Limits
    running: Running
    look: Look
    redo: frozenset[str] = frozenset()
    said: set[str] = field(default_factory=set)  # notes that are printed once
    logs: set[str] = field(default_factory=set)  # of rules, which steps write in their places
    graph: str = ""  # which reading of the Snakefile the steps belong to
    software: str = field(default_factory=changed.environment)  # what `.venv` is
    expected: dict[str, str] = field(default_factory=dict)  # what each file holds in this build
    told: dict[str, dict] = field(default_factory=dict)  # of steps that can run without Snakemake
    made: set[str] = field(default_factory=set)  # by the jobs of this build, done or not
    outdated: str = ""  # what changed meanwhile: the build starts again
    lock: threading.Lock = field(default_factory=threading.Lock)
    cluster: "Cluster | None" = None
    removal: Removal = field(default_factory=Removal)  # of folders in which steps ran

    def known(self, path: str) -> str:
        """Return the digest of a file as this build saw it."""
        return self.expected.get(path) or self.contents.digest(path)

    def changed(self, path: str, when: str) -> OutdatedError:
        """Note that the build has to start again, and why: the first reason is the one to say."""
        name = relative(Path(self.contents.generated, path))
        self.outdated = self.outdated or f"{name} changed {when}"
        return OutdatedError(self.outdated)

    def confirm_packages(self, all_count: bool) -> None:
        """Refuse what was made with packages that somebody edited.

        Args:
            all_count: not only labflake.

        Raises:
            OutdatedError: there are some.
        """
        if self.look.finds_edits() if all_count else self.look.finds_own_edits():
            self.outdated = self.outdated or EDITED
            raise OutdatedError(self.outdated)
