"""Run steps, each after those that it needs, as many at once as the limits allow."""

import queue
from collections.abc import Callable
from functools import partial

from labflake.steps.limits import Limits
from labflake.steps.step import Step
from labflake.steps.turns import Asked, Turns


class Ordered:
    """Steps that wait for others, for their turn, or are done; each known by its first output."""

    def __init__(self, steps: dict[str, Step], needs: dict[str, set[str]], limits: Limits) -> None:
        self.steps = steps
        self._missing = {first: set(needs[first]) for first in steps}
        self._users: dict[str, list[str]] = {first: [] for first in steps}
        for first, makers in needs.items():
            for maker in makers:
                self._users[maker].append(first)
        self._turns = Turns(limits)
        self._handed = 0  # to their turn, and not back
        self._ended: queue.SimpleQueue[tuple[str, BaseException | None]] = queue.SimpleQueue()

    def run(self, perform: Callable[[Step], None], keep_going: bool) -> list[BaseException]:
        """Run all of them; return the errors of those that failed.

        Args:
            perform: does what a step has to do; an error is one of this step.
            keep_going: after an error, run what does not need that step.
        """
        errors: list[BaseException] = []
        for first in [first for first, missing in self._missing.items() if not missing]:
            self._hand_over(first, perform)
        while self._handed:
            first, error = self._ended.get()
            self._handed -= 1
            step = self.steps[first]
            stops = bool(errors) and not keep_going
            if error is None:
                ready = [] if stops else self._done(first)
            elif step.attempt < step.attempts and not stops:
                step.attempt += 1
                ready = [first]
            else:
                errors.append(error)
                ready = []
                self._handed -= 0 if keep_going else len(self._turns.drop())
            for each in ready:
                self._hand_over(each, perform)
        self._turns.wait()
        return errors

    def _hand_over(self, first: str, perform: Callable[[Step], None]) -> None:
        step = self.steps[first]
        self._handed += 1
        asked = Asked(step.threads, step.memory, step.gpus, step.priority)
        self._turns.submit(asked, partial(self._perform, first, perform))

    def _perform(self, first: str, perform: Callable[[Step], None]) -> None:
        try:
            perform(self.steps[first].as_told())  # an attempt leaves notes in it
        except BaseException as error:  # of whatever kind: it is told where the build ends
            self._ended.put((first, error))
        else:
            self._ended.put((first, None))

    def _done(self, first: str) -> list[str]:
        """Return the steps that waited for this one alone."""
        ready = []
        for user in self._users[first]:
            self._missing[user].discard(first)
            ready += [] if self._missing[user] else [user]
        return ready
