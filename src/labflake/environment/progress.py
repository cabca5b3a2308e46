"""Show how an installation goes on: one line that changes on a terminal, else a few lines."""

import re
import subprocess
import sys
from pathlib import Path

from labflake.content.meter import moving_line

from . import programs

_STEP = 50e6  # without a terminal: a line after so many bytes
_UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_FETCHING = re.compile(r"Downloading (\S+) \(([\d.]+)(\w+)\)")
_BUILDING = re.compile(r"\s+Building (\S+)")


class Meter:
    """Counts packages, large files and their bytes in what uv prints."""

    def __init__(self, place: str) -> None:
        self._place = place
        self.sizes: dict[str, float] = {}
        self.fetched: list[str] = []
        self._shown = 0.0
        self._terminal = sys.stderr.isatty()

    def read(self, line: str) -> None:
        """Take a line of uv, and show what it changes."""
        if found := re.match(r"Resolved (\d+) packages?", line):
            programs.say(f"installing {found[1]} packages into {self._place}")
        elif found := _FETCHING.match(line):
            self.sizes[found[1]] = float(found[2]) * _UNITS.get(found[3], 1)
        elif (words := line.split())[:1] == ["Downloaded"]:
            self.fetched.append(words[-1])
            self._show()
        elif found := _BUILDING.match(line):
            self._show(f", building {found[1]}")

    def close(self) -> None:
        """Say what was fetched in all, and leave no unfinished line."""
        if self._terminal and self.sizes:
            moving_line("", sys.stderr)
        if self.fetched and (self._terminal or self._shown < self._bytes()):
            programs.say(f"  {self._state()}")

    def _show(self, more: str = "") -> None:
        if self._terminal:
            moving_line(f"  {self._state()}{more}", sys.stderr)
        elif self._bytes() - self._shown >= _STEP:
            self._shown = self._bytes()
            programs.say(f"  {self._state()}")

    def _state(self) -> str:
        done, total = self._bytes() / 1e6, sum(self.sizes.values()) / 1e6
        files = f"{len(self.fetched)} of {len(self.sizes)} large files"
        return f"{files} fetched, {done:.0f} of {total:.0f} MB"

    def _bytes(self) -> float:
        return sum(self.sizes.get(name, 0) for name in self.fetched)


def run(command: list[str], env: dict[str, str], cwd: Path, place: str) -> tuple[int, str]:
    """Run uv and show how it fills a place; return its exit code and all that it printed."""
    meter, printed = Meter(place), []
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=env | {"NO_COLOR": "1"},
        cwd=cwd,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            printed.append(line)
            meter.read(line)
    meter.close()
    return process.returncode, "".join(printed)
