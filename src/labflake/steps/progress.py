"""Show how far a build is: one line per finished step, and on a terminal what runs now."""

import sys
import threading
import time

from labflake.content.meter import moving_line
from labflake.project.experiments import Experiment
from labflake.project.options import flag
from labflake.steps import logs, names

_LOOK = 0.2  # s between two looks at the logs of what runs


class Progress:
    """Count the steps of a build and print them; safe to call from several threads.

    With `VERBOSE=1` all that steps print is shown as it comes, after the name of the step.
    """

    def __init__(self, experiment: Experiment) -> None:
        self.count = 0  # of the steps, as far as they are known
        self.counts = {"ran": 0, "cached": 0, "unchanged": 0}
        self._experiment = experiment
        self._running: dict[str, float] = {}  # since when
        self._logs: dict[str, logs.Following] = {}
        self._warned: dict[str, list[int]] = {}  # by rule, of each step with warnings
        self._lock = threading.Lock()
        self._terminal = sys.stdout.isatty()
        self._verbose = flag("VERBOSE")
        self._watcher: threading.Thread | None = None

    @property
    def done(self) -> int:
        """Return the number of steps that are complete."""
        return sum(self.counts.values())

    @property
    def total(self) -> int:
        """Return the number of steps, which grows when a step decides how many follow."""
        return max(self.count, self.done)

    def started(self, name: str) -> None:
        """Note that a step runs."""
        with self._lock:
            self._running[name] = time.monotonic()
            self._logs[name] = logs.Following(logs.of(self._experiment, name))
            if not self._watcher and (self._terminal or self._verbose):
                self._watcher = threading.Thread(target=self._watch, daemon=True)
                self._watcher.start()
            self._show_running()

    def unchanged(self, name: str) -> None:
        """Note that a step had nothing to do."""
        with self._lock:
            self.counts["unchanged"] += 1

    def finished(self, name: str, how: str, seconds: float) -> None:
        """Note that a step ran or came from the cache, and print it."""
        with self._lock:
            self._leave(name)
            self.counts[how] += 1
            if how == "ran" and (count := logs.warnings(logs.of(self._experiment, name))):
                self._warned.setdefault(names.rule(name), []).append(count)
            time = "from the cache" if how == "cached" else f"{seconds:.1f} s"
            width = len(str(self.total))
            self._line(f"  [{self.done:>{width}}/{self.total}] {name:<36} {time}")
            self._show_running()

    def ended(self, name: str) -> None:
        """Note that a step does not run any more, and that its build will say why."""
        with self._lock:
            self._leave(name)

    def failed(self, name: str, text: str) -> None:
        """Print why a step failed."""
        with self._lock:
            self._leave(name)
            self._line("")
            sys.stdout.flush()
            print(text, file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """Print a line of its own."""
        with self._lock:
            self._line(text)

    def say_warnings(self) -> None:
        """Name the steps that went well and warned of something."""
        for rule, counts in self._warned.items():
            many, steps = sum(counts), f" in {len(counts)} steps" if len(counts) > 1 else ""
            self.say(f"  {many} warning{'s' * (many > 1)}{steps}: make log STEP={rule}")

    def _leave(self, name: str) -> None:
        self._running.pop(name, None)
        self._show_new(name, self._logs.pop(name, None), whole=True)

    def _line(self, text: str) -> None:
        if self._terminal:
            moving_line("", sys.stdout)
        if text:
            sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def _watch(self) -> None:
        """Show what steps print while they run."""
        while True:
            time.sleep(_LOOK)
            with self._lock:
                for name, log in self._logs.items():
                    self._show_new(name, log)
                self._show_running()

    def _show_new(self, name: str, log: logs.Following | None, whole: bool = False) -> None:
        for line in log.more(whole) if log and self._verbose else ():
            self._line(f"  {name} │ {line}")

    def _show_running(self) -> None:
        """Show on a terminal the step that runs longest, its clock, and what it printed last."""
        if not self._terminal or not self._running:
            return
        name, since = min(self._running.items(), key=lambda each: each[1])
        minutes, seconds = divmod(int(time.monotonic() - since), 60)
        others = f" and {len(self._running) - 1} more" if len(self._running) > 1 else ""
        said = "" if self._verbose else self._logs[name].last()
        text = f"  [{self.done}/{self.total}] {name}{others} {minutes}:{seconds:02}"
        text += f" │ {said}" if said else " …"
        moving_line(text, sys.stdout)
