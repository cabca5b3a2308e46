"""Run steps, each after those that it needs, as many at once as the limits allow."""

import copy
import queue
import threading
from collections import deque
from collections.abc import Callable

from labflake.steps.limits import Limits
from labflake.steps.step import Step


class Ordered:
    """Steps that wait, run, or are done, each known by its first output."""

    def __init__(self, steps: dict[str, Step], needs: dict[str, set[str]], limits: Limits) -> None:
        self.steps, self.limits = steps, limits
        self.missing = {first: set(needs[first]) for first in steps}
        self.users: dict[str, list[str]] = {first: [] for first in steps}
        for first, makers in needs.items():
            for maker in makers:
                self.users[maker].append(first)
        self.ready = deque(first for first in steps if not needs[first])
        self.running: dict[str, Step] = {}
        self._ended: queue.SimpleQueue[tuple[str, BaseException | None]] = queue.SimpleQueue()

    def run(self, perform: Callable[[Step], None], keep_going: bool) -> list[BaseException]:
        """Run all of them; return the errors of those that failed.

        Args:
            perform: does what a step has to do; an error is one of this step.
            keep_going: after an error, run what does not need that step.
        """
        errors: list[BaseException] = []
        while True:
            if keep_going or not errors:
                self._start(perform)
            if not self.running:
                return errors
            first, error = self._ended.get()
            step = self.running.pop(first)
            if error is None:
                self._done(first)
            elif step.attempt < step.attempts:
                step.attempt += 1
                self.ready.append(first)
            else:
                errors.append(error)

    def _start(self, perform: Callable[[Step], None]) -> None:
        """Start what is ready and for what there is room."""
        waiting = []
        while self.ready and len(self.running) < self.limits.jobs:
            first = self.ready.popleft()
            if not self._has_room(self.steps[first]):
                waiting.append(first)
                continue
            self.running[first] = self.steps[first]
            work = (first, perform)
            threading.Thread(target=self._perform, args=work, daemon=True).start()
        self.ready.extendleft(reversed(waiting))

    def _has_room(self, step: Step) -> bool:
        """Tell whether the limits allow a step beside those that run."""
        every = [*self.running.values(), step]
        threads = 0 if self.limits.cluster else sum(each.threads for each in every)
        most = {"mem_mb": self.limits.memory, "gpu": self.limits.gpus}
        return threads <= self.limits.jobs and all(
            limit is None or sum(each.wanted.get(name, 0) for each in every) <= limit
            for name, limit in most.items()
        )

    def _perform(self, first: str, perform: Callable[[Step], None]) -> None:
        try:
            perform(copy.deepcopy(self.steps[first]))  # an attempt leaves notes in it
        except BaseException as error:  # of whatever kind: it is told where the build ends
            self._ended.put((first, error))
        else:
            self._ended.put((first, None))

    def _done(self, first: str) -> None:
        for user in self.users[first]:
            self.missing[user].discard(first)
            if not self.missing[user]:
                self.ready.append(user)
