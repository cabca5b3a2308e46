"""Show how far long work on bytes is: a moving line on a terminal, elsewhere one now and then."""

from __future__ import annotations

import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

FIRST = 1.0  # work shorter than this many seconds says nothing
TERMINAL, LOG = 0.2, 10.0  # seconds between two lines


class Meter:
    """Count bytes, and say amount, speed and remaining time on standard error."""

    def __init__(
        self, label: str, total: int | None, start: int = 0, stream: TextIO | None = None
    ) -> None:
        self.label, self.total = label, total
        self.count = self.start = start
        self.stream = stream or sys.stderr
        self.live = self.stream.isatty()
        self.begin = time.monotonic()
        self.next = self.begin + FIRST
        self.shown = False

    def add(self, amount: int) -> None:
        """Count `amount` more, and show the state if the last line is old enough."""
        self.count += amount
        now = time.monotonic()
        if now >= self.next:
            self._show(now)
            self.next = now + (TERMINAL if self.live else LOG)

    def back_to(self, count: int) -> None:
        """Count from `count` again: what came before was of no use."""
        self.count = self.start = count
        self.begin = time.monotonic()

    def end(self) -> None:
        """Clear the moving line."""
        if self.live and self.shown:
            moving_line("", self.stream)

    def _show(self, now: float) -> None:
        speed = (self.count - self.start) / max(now - self.begin, 1e-9)
        parts = [self.label, self._amount(), f"{size(int(speed))}/s"]
        if self.total and speed:
            parts.append(f"{duration((self.total - self.count) / speed)} left")
        text = "  ".join(parts)
        if self.live:
            moving_line(text, self.stream)
        else:
            print(text, file=self.stream, flush=True)
        self.shown = True

    def _amount(self) -> str:
        if not self.total:
            return size(self.count)
        return f"{size(self.count)} of {size(self.total)} ({self.count * 100 // self.total} %)"

    def __enter__(self) -> Meter:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()


def moving_line(text: str, stream: TextIO) -> None:
    """Put a text, as much as fits, in the place of the last line of a terminal; "" clears it."""
    import shutil

    width = max(20, shutil.get_terminal_size().columns - 1)
    stream.write(f"\r\x1b[K{text if len(text) <= width else text[: width - 1] + '…'}")
    stream.flush()


def size(count: int) -> str:
    """Return a number of bytes as people say it: `119 kB`, `1.2 GB`."""
    if count < 1000:
        return f"{count} bytes"
    value = float(count)
    for unit in ("kB", "MB", "GB", "TB", "PB"):
        value /= 1000
        if value < 999.5 or unit == "PB":
            break
    return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"


def duration(seconds: float) -> str:
    """Return a time as people say it: `4 s`, `3 min`, `1 h 20 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
