"""Slurm: hand a job in, ask for all at once, say how one ended; its accounting is not needed."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from labflake.steps import names
from labflake.steps.queues import Queue, first_word

if TYPE_CHECKING:
    from labflake.steps.queues import Job

_RUNS: tuple[str, ...] = (
    "PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "REQUEUED",
    "RESIZING", "SIGNALING", "STAGE_OUT", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD",
)  # fmt: skip
_TURN = ("", "None", "Priority", "Resources", "BeginTime", "Cleaning")  # just its turn
_ENDS = {
    "NODE_FAIL": "its node failed",
    "BOOT_FAIL": "its node did not start",
    "PREEMPTED": "a job of higher priority took its place",
    "CANCELLED": "it was cancelled",
    "DEADLINE": "it could not be finished before its deadline",
}
_TOO_MUCH_MEMORY = re.compile(rb"exceeded (job |step )?memory limit|oom[-_ ]kill", re.IGNORECASE)


class Slurm(Queue):
    """The queue of a Slurm cluster."""

    cancel = "scancel"

    def submit(self, job: "Job") -> str:
        """Hand a job in; return its id."""
        return first_word(
            self.ask(self._command(job), job.file("id"), _environment(job.environment))
        )

    def _command(self, job: "Job") -> list[str]:
        """Return the sbatch command of a job."""
        step, setting = job.step, lambda name: self.profile.of(job.step.name, name)
        options = {
            "job-name": names.file(step.name),
            "output": str(job.log).replace("%", "%%"),
            "chdir": os.getcwd(),
            "export": "ALL",
            "open-mode": "truncate",
            "nodes": 1,
            "ntasks": 1,
            "cpus-per-task": step.threads,
            "mem": f"{job.memory}M",
            "time": job.minutes,
            "gres": f"{setting('gpu')}:{step.gpus}" if step.gpus else "",
            "partition": setting("partition"),
            "account": setting("account"),
        }
        chosen = [f"--{name}={value}" for name, value in options.items() if value]
        words = ["sbatch", "--parsable", "--no-requeue", *chosen, *setting("extra")]
        return [*words, str(job.file("script"))]

    def states(self) -> dict[str, str]:
        """Return the state of every job of this user, with the reason where it waits."""
        form = "--format=%i %T %r"
        text = self.ask(["squeue", "--me", "--states=all", "--noheader", form])
        lines = (line.split(maxsplit=1) for line in text.splitlines())
        return {words[0]: words[1] for words in lines if len(words) > 1}

    def runs(self, state: str) -> bool:
        """Tell whether a job in this state is still waiting or running."""
        return state.startswith(_RUNS)

    def trouble(self, state: str) -> str | None:
        """Say why a job waits, where something else than its turn is the reason."""
        word, _, reason = state.partition(" ")
        return None if word != "PENDING" or reason in _TURN else reason

    def describe(self, job: "Job") -> str | None:
        """Say why a job ended, where Slurm is the one that ended it."""
        word = job.state.split(" ")[0]
        if word == "OUT_OF_MEMORY" or _TOO_MUCH_MEMORY.search(_end(job.log)):
            return f"it used more memory than the {job.memory} MB that it may"
        if word == "TIMEOUT":
            return f"it took longer than the {job.minutes} minutes that it may"
        return _ENDS.get(word)


def _environment(env: dict[str, str]) -> dict[str, str]:
    """Leave out what a surrounding job or other settings of sbatch would change."""
    kept = {"SLURM_CONF", "SLURM_CONF_SERVER"}
    return {k: v for k, v in env.items() if k in kept or not k.startswith(("SLURM_", "SBATCH_"))}


def _end(log: Path) -> bytes:
    """Return the last part of a log."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, os.path.getsize(log) - 4096))
            return file.read()
    except OSError:
        return b""
