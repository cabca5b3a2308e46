"""Wait until something holds, however slow the machine is."""

import subprocess
import time
from collections.abc import Callable

PATIENCE = 300  # s; what works needs a fraction of it, and what does not work fails all the same


def until(
    holds: Callable[[], object],
    process: subprocess.Popen | None = None,
    said: Callable[[], str] = lambda: "it did not happen",
) -> None:
    """Wait until something holds, which needs a process that runs, if one is given."""
    end = time.monotonic() + PATIENCE
    while not holds():
        ended = process is not None and process.poll() is not None
        assert not ended or holds(), said()
        assert time.monotonic() < end, said()
        time.sleep(0.02)
