"""Start a build again when something changed that it had read: nothing made from it is kept."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading

from labflake import environment as packages
from labflake.errors import LabError
from labflake.project.experiments import STARTED_IN, root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

MOST = 2  # times that a build starts again for the same reason
EDITED = "packages of .venv were changed"
_COUNTS = "LAB_STARTED_AGAIN"


class ChangedError(LabError):
    """Something changed while something was made from it: the message says what, and when."""


def environment() -> dict[str, str]:
    """Return the variables of this build, and take what only `start` needs out of them."""
    given = dict(os.environ)
    os.environ.pop(_COUNTS, None)
    return given


class Look:
    """A look at every file of the packages of `.venv`, in a process beside the build.

    Every command asks whether its packages are there; this finds out whether somebody edited them.
    It takes longer than a step may, so steps run meanwhile, and wait for it before they give a
    result. What comes first is labflake itself: of a step that no package decides, no more counts.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._edited: bool | None = None
        self._own_edited: bool | None = None
        self._answer, answer = os.pipe()
        self._process = os.fork()
        if not self._process:
            code = 2
            try:
                os.write(answer, b"1" if packages.is_itself(root()) else b"0")
                code = 0 if packages.is_whole(root()) else 1
            finally:
                os._exit(code)
        os.close(answer)

    def finds_own_edits(self) -> bool:
        """Wait for the look at labflake alone; tell whether it is not as it was installed."""
        with self._lock:
            if self._own_edited is None:
                self._own_edited = os.read(self._answer, 1) != b"1"
        return self._own_edited and self.finds_edits()

    def finds_edits(self) -> bool:
        """Wait for the look; tell whether a package is not as it was installed."""
        with self._lock:
            if self._edited is None:
                _, status = os.waitpid(self._process, 0)
                code = os.waitstatus_to_exitcode(status)
                self._edited = bool(code) if code in (0, 1) else not packages.is_whole(root())
            return self._edited

    def confirm(self) -> None:
        """Refuse to go on with packages that somebody edited.

        Raises:
            ChangedError: there are some.
        """
        if self.finds_edits():
            raise ChangedError(EDITED)

    def end(self) -> None:
        """End it, if nobody waited for it."""
        with self._lock:
            if self._edited is None:
                os.kill(self._process, signal.SIGKILL)
                os.waitpid(self._process, 0)
                self._edited = False


def mend_packages(given: dict[str, str]) -> None:
    """Make `.venv` again if somebody edited its packages, and start again with what it has then.

    Raises:
        PreparationError: it could not be made.
    """
    if not packages.is_whole(root()):
        make_packages_and_start(given)


def make_packages_and_start(given: dict[str, str]) -> NoReturn:
    """Make `.venv` again, and start this program again with what it has then.

    Raises:
        PreparationError: it could not be made.
    """
    packages.make(root())
    start(EDITED, given)


def start(why: str, given: dict[str, str]) -> NoReturn:
    """Start this program again, so that nothing is left of what it had read.

    Args:
        why: what changed.
        given: the variables with which this program was started.

    Raises:
        LabError: that was the reason several times already.
    """
    counts = json.loads(given.get(_COUNTS, "{}"))
    counts[why] = counts.get(why, 0) + 1
    if counts[why] > MOST:
        raise LabError(
            f"{why}, {counts[why]} times: nothing made from it is kept\n"
            "  a step must not write to what it reads; if another program does, wait for it\n"
            "  then: make"
        )
    print(f"  {why}: nothing made from it is kept, the build starts again")
    sys.stdout.flush()
    os.chdir(given.get(STARTED_IN, root()))
    command = [sys.executable, *sys.orig_argv[1:]]
    os.execve(command[0], command, given | {_COUNTS: json.dumps(counts)})
