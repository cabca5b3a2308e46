"""The queue of a cluster, as the pipeline sees it; this one is told by commands in a profile."""

import re
import shlex
import subprocess
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labflake.errors import LabError
from labflake.steps import names

if TYPE_CHECKING:
    from labflake.steps.profiles import Profile
    from labflake.steps.step import Step

_PATIENCE = 60  # s for an answer of the queue
# What queues say when they cannot answer at this moment, and when they hold all they may hold.
_PASSING = re.compile(
    "unable to contact|timed out|timeout|temporar|connection refused|connect failure|standby|"
    "zero bytes|not connected|try again|"
    "submit limit|submitjob|maxsubmit|too many",
    re.IGNORECASE,
)


class QueueError(LabError):
    """The queue refused, or did not answer; `passing` if it is worth asking again."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.passing = bool(_PASSING.search(text))


@dataclass
class Job:
    """A step that runs elsewhere: what it may use, and how far it is."""

    step: "Step"
    path: Path  # of its files, without the ending
    log: Path
    memory: int  # MB
    minutes: int
    environment: dict[str, str]
    id: str = ""
    code: int | None = None  # its exit code, when it wrote it
    state: str = ""  # in the words of the queue
    since: float = 0  # older answers of the queue do not count
    ended: float = 0  # when that was seen
    told: bool = False  # why it waits

    def file(self, kind: str) -> Path:
        """Return the path of one of its files."""
        return self.path.with_suffix(f".{kind}")


class Queue:
    """What every queue can do: hand in, list, cancel. This one asks the commands of the profile."""

    def __init__(self, profile: "Profile") -> None:
        self.profile = profile

    @property
    def cancel(self) -> str:
        """Return the command that ends the jobs whose ids follow it."""
        return self.profile.cancel

    def submit(self, job: Job) -> str:
        """Hand a job in; return its id. What the queue says goes to its file, whatever happens."""
        values = {
            "name": re.sub(r"[^\w.-]", "-", names.file(job.step.name)),
            "key": job.path.name,
            "threads": job.step.threads,
            "memory": job.memory,
            "minutes": job.minutes,
            "log": shlex.quote(str(job.log)),
            "script": shlex.quote(str(job.file("script"))),
            "gpus": job.step.gpus,
        }
        gpu = _fill(self.profile.of(job.step.name, "gpu"), values) if job.step.gpus else ""
        line = _fill(self.profile.of(job.step.name, "submit"), values | {"gpu": gpu})
        words = ["bash", "-o", "pipefail", "-c", line]
        return first_word(self.ask(words, job.file("id"), job.environment))

    def states(self) -> dict[str, str]:
        """Return the jobs that wait or run, by id; the word is of no meaning here."""
        text = self.ask(["bash", "-o", "pipefail", "-c", self.profile.running])
        return {first_word(line): "runs" for line in text.splitlines() if line.strip()}

    def runs(self, state: str) -> bool:
        """Tell whether a job in this state is still waiting or running."""
        return bool(state)

    def trouble(self, state: str) -> str | None:
        """Say why a job waits, where something else than its turn is the reason."""
        return None

    def describe(self, job: Job) -> str | None:
        """Say why a job ended, where the queue is the one that ended it."""
        return None

    def ask(
        self, command: list[str], answer: Path | None = None, env: dict[str, str] | None = None
    ) -> str:
        """Run a command of the queue; return what it printed, and write it to a file, too.

        Raises:
            QueueError: it failed, did not answer, or is not on this machine.
        """
        try:
            with answer.open("wb") if answer else nullcontext(subprocess.PIPE) as sink:
                # In a session of its own: Ctrl-C shall not end it half way.
                done = subprocess.run(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=subprocess.PIPE,
                    env=env,
                    timeout=_PATIENCE,
                    start_new_session=True,
                )
        except FileNotFoundError:
            raise QueueError(f"{command[0]} is not on this machine") from None
        except subprocess.TimeoutExpired:
            raise QueueError(f"{command[0]} timed out after {_PATIENCE} s") from None
        said = done.stderr.decode(errors="replace").strip()
        text = (answer.read_bytes() if answer else done.stdout).decode(errors="replace")
        if done.returncode:
            raise QueueError(said or f"exit code {done.returncode}: {command[-1]}")
        if answer and not first_word(text):
            raise QueueError(f"it gave no job id: {said or command[-1]}")
        return text


def first_word(text: str) -> str:
    """Return the id at the start of what a queue says: `12`, or with a cluster `12;north`."""
    return (re.split(r"[\s;]+", text.strip()) or [""])[0]


def _fill(text: str, values: dict) -> str:
    """Put values into their places, such as `{memory}`; `${HOME}` and `{{…}}` stay."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise QueueError(f"there is no {match[0]} for it; there are {', '.join(values)}")
        return str(values[match[1]])

    return re.sub(r"(?<![${])\{(\w+)\}", value, text)
