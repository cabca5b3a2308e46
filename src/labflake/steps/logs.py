"""What steps print: the log of each, its last line while it runs, and the warnings in it."""

import os
import re
from pathlib import Path

from labflake.content.printed import tamed
from labflake.project.experiments import Experiment
from labflake.steps import names

_END = 4096  # bytes in which the last line is looked for
_WARNING = (
    r"\b[A-Z]\w*Warning: "  # Python
    r"|\bWARN(ING)?\b"  # what keeps a log
    r"|\b[Ww]arning( messages?)?( in [^:]*)?:"  # R, Julia, compilers
)


def of(experiment: Experiment, name: str) -> Path:
    """Return where the log of a step is."""
    return experiment.state / "logs" / f"{names.file(name)}.log"


def warnings(log: Path) -> int:
    """Return how many lines of a log are warnings."""
    try:
        if not os.stat(log).st_size:
            return 0
        with log.open(encoding="utf-8", errors="replace") as file:
            return sum(bool(re.search(_WARNING, line)) for line in file)
    except OSError:
        return 0


def hide(log: Path) -> None:
    """Take the secrets that are known here out of a log."""
    if log.is_file() and log.stat().st_size:
        from labflake.data_files.sources.secrecy import hide_in

        hide_in(log)


class Following:
    """A log that is written to, and how far it has been shown."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._shown = 0

    def last(self) -> str:
        """Return the last line that is not empty, "" if there is none."""
        text = self._read(max(0, self._size() - _END)).decode(errors="replace")
        lines = [line for line in re.split(r"[\r\n]", text) if line.strip()]
        return _plain(lines[-1]) if lines else ""

    def more(self, whole: bool = False) -> list[str]:
        """Return the lines that are new; `whole`: also one that has no end yet."""
        new = self._read(self._shown)
        end = len(new) if whole else new.rfind(b"\n") + 1
        self._shown += end
        return [_plain(line) for line in tamed(new[:end].decode(errors="replace")).splitlines()]

    def _size(self) -> int:
        return self.log.stat().st_size if self.log.exists() else 0

    def _read(self, start: int) -> bytes:
        try:
            with self.log.open("rb") as file:
                file.seek(start, os.SEEK_SET)
                return file.read()
        except OSError:
            return b""


def _plain(line: str) -> str:
    """Return a line without secrets, and without what would move the cursor of a terminal."""
    from labflake.data_files.sources.secrecy import hidden

    text = tamed(hidden(line))
    return "".join(c for c in text if c.isprintable() or c == "\t").replace("\t", "    ")
