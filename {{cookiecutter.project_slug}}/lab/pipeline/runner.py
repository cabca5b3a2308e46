"""Run the command of a step: its environment, its log, its limits, and what to say when it fails."""

import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from lab.determinism import environment
from lab.errors import LabError
from lab.experiments import relative

if TYPE_CHECKING:
    from lab.pipeline.steps import Session, Step

_END = 20  # lines of a log to show


class StepFailed(LabError):
    """The command of a step ended with an error, or did not write its outputs."""

    def __init__(self, step: "Step", why: str, log: Path | None = None) -> None:
        lines = [f"error: step {step.name} failed: {why}", f"  {_one_line(step.command)}"]
        if log and log.exists():
            end = log.read_text(encoding="utf-8", errors="replace").rstrip().splitlines()
            lines += [f"    {line}" for line in end[-_END:]]
            lines += [f"  its whole log: {relative(log)}"]
        super().__init__("\n".join(lines))


class Running:
    """The process groups that run now, so that none is left behind."""

    def __init__(self) -> None:
        self._groups: set[int] = set()
        self._lock = threading.Lock()
        self.stopped = False

    def add(self, group: int) -> None:
        """Remember a process group."""
        with self._lock:
            self._groups.add(group)

    def remove(self, group: int) -> None:
        """Forget a process group that ended."""
        with self._lock:
            self._groups.discard(group)

    def stop(self) -> None:
        """Kill all of them."""
        with self._lock:
            self.stopped = True
            for group in self._groups:
                try:
                    os.killpg(group, signal.SIGKILL)
                except ProcessLookupError:
                    pass


def run(step: "Step", scratch: Path, session: "Session") -> None:
    """Run the command with its outputs under the scratch folder; stdout and stderr go to the log.

    Raises:
        StepFailed: it ended with another exit code than 0.
    """
    for path in step.outputs:
        (scratch / path).parent.mkdir(parents=True, exist_ok=True)
    log = Path(".lab") / "logs" / f"{step.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = ["bash", "-euo", "pipefail", "-c", step.command_into(str(scratch))]
    env = environment() | {"MPLCONFIGDIR": str(Path(".lab", "matplotlib").resolve())}
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            env=env,
            start_new_session=True,
        )
        session.running.add(process.pid)
        code = process.wait()
        session.running.remove(process.pid)
    if code and not session.running.stopped:
        failure = StepFailed(step, _why(code), log.resolve())
        session.progress.failed(step.name, str(failure))
        raise failure
    if code:
        raise KeyboardInterrupt


def _why(code: int) -> str:
    if code < 0:
        return f"it was ended by {signal.Signals(-code).name}"
    return f"exit code {code}"


def _one_line(command: str) -> str:
    line = " ".join(command.split())
    return line if len(line) < 200 else line[:197] + "…"
