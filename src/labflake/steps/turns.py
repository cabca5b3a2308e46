"""Steps take turns: as many run at once as the limits allow, the highest priority first."""

import threading
from collections import deque
from functools import partial

from labflake.records import Frozen
from labflake.steps.limits import Limits


class Asked(Frozen):
    """What a step asks for: processors, megabytes, GPUs; and its priority."""

    threads: int = 1
    memory: int = 0
    gpus: int = 0
    priority: int = 0


class Turns:
    """Lets each of many calls run, in a thread of its own, as soon as there is room for it.

    Who asks for more than there is gets all there is, so that it can say so itself.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._free = [limits.jobs, limits.memory, limits.gpus]
        self._waiting: dict[Asked, deque[partial]] = {}
        self._order: list[Asked] = []
        self._threads = 0
        self._lock = threading.Condition()

    def submit(self, asked: Asked, call: partial) -> None:
        """Let a call run when it is its turn; it may not raise."""
        with self._lock:
            if asked not in self._waiting:
                self._waiting[asked] = deque()
                order = sorted(self._waiting, key=_size)
                self._order = sorted(order, key=lambda each: each.priority, reverse=True)
            self._waiting[asked].append(call)
        self._start()

    def drop(self) -> list[partial]:
        """Return the calls that wait: they do not run any more."""
        with self._lock:
            dropped = [call for calls in self._waiting.values() for call in calls]
            self._waiting, self._order = {}, []
            return dropped

    def wait(self) -> None:
        """Wait until nothing runs."""
        with self._lock:
            self._lock.wait_for(lambda: not self._threads)

    def _start(self) -> None:
        """Start what there is room for."""
        for needs, call in self._chosen():
            self._begin(needs, call)

    def _begin(self, needs: list[int], call: partial) -> None:
        """Run a call in a thread of its own."""
        with self._lock:
            self._threads += 1
        threading.Thread(target=self._run, args=(needs, call)).start()

    def _chosen(self) -> list[tuple[list[int], partial]]:
        """Take what there is room for from what waits."""
        chosen = []
        with self._lock:
            for asked in self._order:
                needs, calls = self._needs(asked), self._waiting[asked]
                while calls and self._is_free(needs):
                    self._take(needs)
                    chosen.append((needs, calls.popleft()))
        return chosen

    def _run(self, needs: list[int], call: partial) -> None:
        """Run a call, then what there is room for, until nothing is; this thread ends then."""
        try:
            self._run_all(needs, call)
        finally:
            with self._lock:
                self._threads -= 1
                self._lock.notify_all()

    def _run_all(self, needs: list[int], call: partial) -> None:
        """Run a call, then what there is room for: one of these here, so threads stay few."""
        more = [(needs, call)]
        while more:
            (needs, call), *others = more
            for each in others:
                self._begin(*each)
            try:
                call()
            finally:
                with self._lock:
                    self._take([-need for need in needs])
                more = self._chosen()

    def _needs(self, asked: Asked) -> list[int]:
        """Return what a call takes of jobs, memory and GPUs; on a cluster a job is one."""
        threads = 1 if self._limits.cluster else max(asked.threads, 1)
        most = (self._limits.jobs, self._limits.memory, self._limits.gpus)
        needs = (threads, asked.memory, asked.gpus)
        return [need if m is None else min(need, m) for need, m in zip(needs, most, strict=True)]

    def _is_free(self, needs: list[int]) -> bool:
        return all(f is None or need <= f for need, f in zip(needs, self._free, strict=True))

    def _take(self, needs: list[int]) -> None:
        self._free = [
            None if f is None else f - need for need, f in zip(needs, self._free, strict=True)
        ]


def _size(asked: Asked) -> tuple[int, ...]:
    """Sort the large before the small, which find room beside them."""
    return (-asked.gpus, -asked.memory, -asked.threads)
