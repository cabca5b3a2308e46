"""Run steps as jobs of a cluster: hand them in, see them end, say why one failed.

A job that ends writes its exit code to the shared folder, which is looked at often. The queue is
asked rarely, one time for all jobs: it knows of those that end without a word.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from labflake.processes.determinism import environment, pinned
from labflake.processes.processes import Command, Running
from labflake.steps import jobs
from labflake.steps.profiles import Profile
from labflake.steps.queues import Job, QueueError

if TYPE_CHECKING:
    from labflake.steps.progress import Progress
    from labflake.steps.step import Step

_LOOK = 0.3  # s between two looks at the shared folder
_HANDS = 4  # jobs that are handed in at the same time
_PATIENCE = 600  # s in which a job is handed in again to a queue that does not answer
_SLOW = 10  # s until the queue knows that a job ended which wrote an exit code
_LATE = 60  # s until an exit code is seen here that was written there


class Cluster:
    """The queue, as the steps of one build use it; each waits in a thread of its own."""

    def __init__(
        self, profile: Profile, state: Path, running: Running, progress: "Progress"
    ) -> None:
        self.profile, self.running, self.progress = profile, running, progress
        self.queue = jobs.queue_of(profile)
        self.folder = state / "jobs"
        self._hands = threading.Semaphore(_HANDS)
        self._opening = threading.Lock()
        self._open = self._silent = False
        self._files = _Shared(self._list)
        self._states = _Shared(self._ask)

    def run(self, step: "Step", command: Command, own: dict[str, str], log: Path) -> str | None:
        """Run the step as a job; return why it failed, or None.

        Args:
            step: the step.
            command: what runs it.
            own: variables of its own.
            log: what it says, and what the cluster says about it.
        """
        job = Job(
            step,
            path=self.folder / os.urandom(8).hex(),
            log=log.resolve(),
            memory=step.memory or self.profile.of(step.name, "memory"),
            minutes=step.minutes or self.profile.of(step.name, "time"),
            environment=environment() | own,
        )
        jobs.prepare(job, command, pinned() | own)
        try:
            self._submit(job)
        except QueueError as error:
            jobs.remove(job)
            settings = f"profiles/{self.profile.name}/config.yaml"
            return f"the cluster did not take it: {error}\n  its settings are in {settings}"
        while not self._is_over(job):
            time.sleep(_LOOK)
        jobs.remove(job)
        return self._why(job, command)

    def _submit(self, job: Job) -> None:
        """Hand the job in; ask again for a while where the queue does not answer."""
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                self._introduce()
                with self._hands:
                    job.id = self.queue.submit(job)
                job.since = time.monotonic()
                return
            except QueueError as error:
                if not error.passing or time.monotonic() > end or self.running.stopped:
                    raise
                self._say_silent(error)
                time.sleep(self.profile.poll)

    def _introduce(self) -> None:
        """Before the first job: try the queue, and note how jobs are cancelled, for our keeper."""
        with self._opening:
            if not self._open:
                self.queue.states()
                self.running.entrust("cluster", jobs.open_folder(self.folder, self.queue))
                self._open = True

    def _is_over(self, job: Job) -> bool:
        """Tell whether the job ended: it wrote exit code 0, or its queue has it no more."""
        if job.code is None:
            self._read_exit_code(job)
        if job.code == 0:
            return True
        now = time.monotonic()
        age = self.profile.poll if job.code is None else _LOOK
        states = self._states.since(max(job.since, now - age))
        if states is not None:
            self._adopt(job)
            job.state = states.get(job.id, "")
        runs = states is None or self.queue.runs(job.state)
        if runs and job.code is None:
            job.ended = 0
            self._say_trouble(job)
            return False
        job.ended = job.ended or now
        known = job.code is not None or self.queue.describe(job)
        return now - job.ended >= (_SLOW if runs else 0 if known else _LATE)

    def _read_exit_code(self, job: Job) -> None:
        now = time.monotonic()
        if job.file("exit").name in (self._files.since(now - _LOOK) or ()):
            with contextlib.suppress(OSError, ValueError):
                job.code = int(job.file("exit").read_text())
                job.since = now

    def _adopt(self, job: Job) -> None:
        """Follow the job that runs, where one that seemed not to be taken was taken after all."""
        with contextlib.suppress(OSError):
            job.id = job.file("started").read_text().strip() or job.id

    def _why(self, job: Job, command: Command) -> str | None:
        """Return why a job that is over failed, or None."""
        if job.code == 0:
            return None
        if why := self.queue.describe(job):
            return why
        if job.code is not None:
            return command.explain(job.code)
        state = job.state.split(" ")[0].lower() or "not in the queue any more"
        return f"its job {job.id} left no exit code ({state}): does its node see this folder?"

    def _list(self) -> set[str] | None:
        """Return the names of all files; opening the folder makes a network drive look again."""
        try:
            return set(os.listdir(self.folder))
        except OSError:
            return None

    def _ask(self) -> dict[str, str] | None:
        """Ask the queue about all jobs."""
        try:
            states = self.queue.states()
        except QueueError as error:
            self._say_silent(error)
            return None
        self._silent = False
        return states

    def _say_trouble(self, job: Job) -> None:
        """Say once why a job waits, where it is not just its turn."""
        trouble = self.queue.trouble(job.state)
        if trouble and not job.told:
            job.told = True
            self.progress.say(f"  {job.step.name} waits in the queue: {trouble}")

    def _say_silent(self, error: QueueError) -> None:
        """Say once that the queue does not answer."""
        if not self._silent:
            self._silent = True
            self.progress.say(f"  the queue does not answer, it is asked again: {error}")


class _Shared:
    """What many threads want to know; one of them asks for all."""

    def __init__(self, ask: Callable) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._last = (0.0, None)

    def since(self, moment: float):
        """Return an answer to a question after this moment, or None while there is none."""
        if self._last[0] <= moment and self._lock.acquire(blocking=False):
            try:
                asked = time.monotonic()
                self._last = (asked, self._ask())
            finally:
                self._lock.release()
        asked, answer = self._last
        return answer if asked > moment else None
