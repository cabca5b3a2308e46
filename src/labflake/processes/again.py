"""Start a build again when something changed that it had read: nothing made from it is kept."""

import json
import os
import sys
from typing import NoReturn

from labflake import environment as packages
from labflake.errors import LabError
from labflake.project.experiments import STARTED_IN, root

MOST = 2  # times that a build starts again for the same reason
_COUNTS = "LAB_STARTED_AGAIN"


class ChangedError(LabError):
    """Something changed while something was made from it: the message says what, and when."""


def environment() -> dict[str, str]:
    """Return the variables of this build, and take what only `start` needs out of them."""
    given = dict(os.environ)
    os.environ.pop(_COUNTS, None)
    return given


def mend_packages(given: dict[str, str]) -> None:
    """Make `.venv` again if somebody edited its packages, and start again with what it has then.

    Every command asks whether its packages are there; this looks at each file, so it is for what
    runs a step or a document.

    Raises:
        PreparationError: it could not be made.
    """
    if packages.is_whole(root()):
        return
    packages.make(root())
    start("packages of .venv were changed", given)


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
