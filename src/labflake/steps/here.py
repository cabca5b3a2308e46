"""Run the command of a step on this machine, behind a fence if that is asked, with its GPUs."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from labflake.processes import memory, processes
from labflake.processes.determinism import environment, of_step
from labflake.programs import commands
from labflake.project.experiments import root
from labflake.project.options import flag
from labflake.steps import gpus, variables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labflake.steps.session import Session
    from labflake.steps.step import Step

_FENCED = "STRICT=1: of the project it reads only what its rule declares or its command names"
_watcher = memory.Watcher()


def run(
    step: "Step",
    command: processes.Command,
    own: dict[str, str],
    scratch: Path,
    log: Path,
    session: "Session",
) -> str | None:
    """Run the command on this machine; return why it failed, or None.

    Args:
        step: the step.
        command: what runs it.
        own: the variables that tell it, and others about it, where its experiment is.
        scratch: the folder into which it writes.
        log: where goes what it prints.
        session: what the steps of this build share.
    """
    with _gpus(step, session) as (ids, handles), log.open("wb") as sink:
        # The engine of a container is a program of this machine; what gets in is its argument.
        given = environment() if step.container else of_step(step.passed)
        env = given | own | {"CUDA_VISIBLE_DEVICES": ",".join(ids)}
        options = {
            "stdin": subprocess.DEVNULL,
            "stdout": sink,
            "stderr": sink,
            "env": env,
            "cwd": command.folder,
            "pass_fds": handles,
            **_fence(step, scratch),
        }
        with (
            session.running.start(scratch.name, command.argv, command.undo, **options) as process,
            _watcher.watching(process.pid, command.memory) as watch,
            _measured(step, process.pid),
        ):
            code = processes.wait(process)
    if watch.used:
        used = -(-watch.used // 1_000_000)
        return f"it used {used} MB of memory and declared {step.memory} MB (mem_mb)"
    wanted = variables.missing(log) if code else None
    fenced = _FENCED if code and "start" in options and "ermission denied" in _said(log) else None
    return "\n  ".join(filter(None, [command.explain(code), wanted, fenced])) if code else None


def _said(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")


def _fence(step: "Step", scratch: Path) -> dict:
    """Return how a step is started that can read of the project only what its rule declares.

    With `STRICT=1`, and where it runs a program in a language of which nothing is seen.
    """
    if not flag("STRICT") or step.container or not commands.unseen(step.command, os.getcwd()):
        return {}
    from labflake.processes import fences

    if not fences.is_possible():
        return {}
    readable = [*step.inputs, *step.outputs, *step.logs, str(scratch), str(root() / ".venv")]
    return {"start": fences.Fence(root(), readable).start}


@contextlib.contextmanager
def _measured(step: "Step", process: int) -> Iterator[None]:
    """Note what a process uses where the rule has a `benchmark:`."""
    if not step.benchmark:
        yield
        return
    from labflake.steps.snakemake import benchmarks

    with benchmarks.measured(process, step.benchmark):
        yield


@contextlib.contextmanager
def _gpus(step: "Step", session: "Session") -> Iterator[tuple[list[str], list[int]]]:
    def waiting() -> None:
        session.progress.say(f"  {step.name} waits for a GPU: others on this machine use them")

    with gpus.lease(step.gpus, session.limits.gpus or 0, waiting) as lease:
        yield lease
