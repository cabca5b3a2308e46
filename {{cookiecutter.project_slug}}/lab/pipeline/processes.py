"""The processes of steps: each step has a session of its own, and none outlives the build."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.pipeline import orphans


class Running:
    """The steps that run now, here or elsewhere; a keeper beside the build ends them if it dies."""

    def __init__(self) -> None:
        self.stopped = False
        self._steps: dict[str, tuple[int, str]] = {}
        self._lock = threading.RLock()  # a signal may come while this thread has it
        self._keeper: subprocess.Popen | None = None

    @contextlib.contextmanager
    def start(
        self, key: str, command: list[str], undo: str, **options
    ) -> Iterator[subprocess.Popen]:
        """Start a command in a session of its own; when the block ends, so does all that is in it.

        Args:
            key: names the step.
            command: what to start.
            undo: a shell command that ends what runs elsewhere on behalf of the step; may be empty.
            options: of `subprocess.Popen`.

        Raises:
            KeyboardInterrupt: the build is being stopped.
        """
        with self._lock:
            if self.stopped:
                raise KeyboardInterrupt
            process = subprocess.Popen(command, start_new_session=True, **options)
            self._steps[key] = (process.pid, undo)
            self._tell([key, process.pid, undo])
        _offer_to_the_oom_killer(process.pid)
        try:
            yield process
        finally:
            with self._lock:
                orphans.end_group(process.pid)
                process.wait()
                self._steps.pop(key, None)
                self._tell([key])

    def entrust(self, key: str, undo: str) -> None:
        """Note what runs elsewhere until the build ends, and the shell command that ends it.

        Raises:
            KeyboardInterrupt: the build is being stopped.
        """
        with self._lock:
            if self.stopped:
                raise KeyboardInterrupt
            self._steps[key] = (0, undo)
            self._tell([key, 0, undo])

    def stop(self) -> None:
        """End all steps; no other starts."""
        with self._lock:
            self.stopped = True
            for session, undo in self._steps.values():
                orphans.end(session, undo)

    def _tell(self, message: list) -> None:
        """Tell the keeper what runs; without it, the build works all the same."""
        if not self._keeper:
            inherited = (orphans.lock_of_build,) if orphans.lock_of_build else ()
            self._keeper = subprocess.Popen(
                [sys.executable, "-I", "-S", orphans.__file__, os.path.abspath(".lab")],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=inherited,
            )
        with contextlib.suppress(OSError):
            os.write(self._keeper.stdin.fileno(), json.dumps(message).encode() + b"\n")


def wait(process: subprocess.Popen) -> int:
    """Wait for the first process of a step; return its exit code, negative for a signal.

    It stays known to the system, so that its number means nobody else until the session is ended.
    """
    if not hasattr(os, "waitid"):
        return process.wait()
    result = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    exited = result.si_code == os.CLD_EXITED
    return result.si_status if exited else -result.si_status


@dataclass(frozen=True)
class Command:
    """What runs a step on some machine."""

    argv: list[str]
    memory: int = 0  # megabytes; to be watched from outside, 0 if nobody has to
    undo: str = ""  # shell command that ends what runs elsewhere on its behalf
    explain: Callable[[int], str] = lambda code: described(code)
    folder: str | None = None  # where it is started, if not in the generated folder


def described(code: int) -> str:
    """Say how a command ended."""
    number = -code if code < 0 else code - 128
    if code == 127:
        return "exit code 127: a program that it starts was not found"
    if number in signal.valid_signals():
        name = signal.Signals(number).name
        return f"it was ended by {name}" + _REASONS.get(name, "")
    return f"exit code {code}"


_REASONS = {
    "SIGKILL": ": by hand, or because the machine ran out of memory",
    "SIGSEGV": ": a fault in a program that it runs",
}


def _offer_to_the_oom_killer(process: int) -> None:
    """Where the machine runs out of memory, the step ends rather than the build."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{process}/oom_score_adj").write_text("500")
