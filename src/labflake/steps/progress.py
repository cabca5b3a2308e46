"""Show how far a build is: one line per finished step, and on a terminal what runs now."""

import sys
import threading
from collections.abc import Callable


class Progress:
    """Count the steps of a build and print them; safe to call from several threads."""

    def __init__(self) -> None:
        self.count: Callable[[], int] = lambda: 0  # of the steps, as far as they are known
        self.counts = {"ran": 0, "cached": 0, "unchanged": 0}
        self._running: dict[str, None] = {}
        self._lock = threading.Lock()
        self._terminal = sys.stdout.isatty()

    @property
    def done(self) -> int:
        """Return the number of steps that are complete."""
        return sum(self.counts.values())

    @property
    def total(self) -> int:
        """Return the number of steps, which grows when a step decides how many follow."""
        return max(self.count(), self.done)

    def started(self, name: str) -> None:
        """Note that a step runs."""
        with self._lock:
            self._running[name] = None
            self._show_running()

    def unchanged(self, name: str) -> None:
        """Note that a step had nothing to do."""
        with self._lock:
            self.counts["unchanged"] += 1

    def finished(self, name: str, how: str, seconds: float) -> None:
        """Note that a step ran or came from the cache, and print it."""
        with self._lock:
            self._running.pop(name, None)
            self.counts[how] += 1
            time = "from the cache" if how == "cached" else f"{seconds:.1f} s"
            width = len(str(self.total))
            self._line(f"  [{self.done:>{width}}/{self.total}] {name:<36} {time}")
            self._show_running()

    def ended(self, name: str) -> None:
        """Note that a step does not run any more, and that its build will say why."""
        with self._lock:
            self._running.pop(name, None)

    def failed(self, name: str, text: str) -> None:
        """Print why a step failed."""
        with self._lock:
            self._running.pop(name, None)
            self._line("")
            sys.stdout.flush()
            print(text, file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """Print a line of its own."""
        with self._lock:
            self._line(text)

    def _line(self, text: str) -> None:
        if self._terminal:
            sys.stdout.write("\r\033[K")
        if text:
            sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def _show_running(self) -> None:
        if self._terminal and self._running:
            names = ", ".join(self._running)
            sys.stdout.write(f"\r\033[K  [{self.done}/{self.total}] {names[:60]} …")
            sys.stdout.flush()
