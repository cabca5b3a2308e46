"""What a step used, in the table that Snakemake documents for `benchmark:`."""

import contextlib
import datetime
import json
import os
import threading
import time
from collections.abc import Iterator

import psutil

_MOST = ("max_rss", "max_vms", "max_uss", "max_pss")  # MB
_SUMS = ("io_in", "io_out")  # MB
_COLUMNS = ("s", "h:m:s", *_MOST, *_SUMS, "mean_load", "cpu_time")
_MB = 1024 * 1024
_SOON, _LATER, _MANY = 0.5, 30, 30  # s between looks, s after that many of them


@contextlib.contextmanager
def measured(process: int, path: str) -> Iterator[None]:
    """Measure a process, and all that it starts, while the block runs; write it to a file."""
    used, done, began = _Used(process), threading.Event(), time.monotonic()
    looking = threading.Thread(target=_look, args=(used, done), daemon=True)
    looking.start()
    try:
        yield
    finally:
        seconds = time.monotonic() - began
        done.set()
        looking.join()
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(_table(used.row(seconds), path.endswith(".jsonl")))


def _look(used: "_Used", done: threading.Event) -> None:
    looks = 0
    while used.look() and not done.wait(_SOON if looks < _MANY else _LATER):
        looks += 1


class _Used:
    """What a process and all below it used, as far as it was seen."""

    def __init__(self, process: int) -> None:
        self._process = process
        self._most: dict[str, float] = {}
        self._sums: dict[str, float] = {}
        self._seconds: dict[int, float] = {}  # of processors, by process: also of ended ones

    def look(self) -> bool:
        """Note what they use now; tell whether the first of them still runs."""
        try:
            main = psutil.Process(self._process)
            seen = [v for p in (main, *main.children(recursive=True)) if (v := self._values(p))]
        except (OSError, psutil.Error):
            return False
        for name in _MOST if seen else ():
            now = sum(each[name] for each in seen)
            self._most[name] = max(self._most.get(name, 0), now)
        if seen:
            self._sums = {name: sum(each[name] for each in seen) for name in _SUMS}
        return True

    def _values(self, process: psutil.Process) -> dict[str, float]:
        """Return what one process uses; nothing if it has ended, or is not ours to look at."""
        try:
            with process.oneshot():
                memory, times = process.memory_full_info(), process.cpu_times()
                files = process.io_counters() if hasattr(process, "io_counters") else None
        except (OSError, psutil.Error):
            return {}
        self._seconds[process.pid] = times.user + times.system
        most = {name: getattr(memory, name[4:], 0) / _MB for name in _MOST}
        moved = (files.read_bytes, files.write_bytes) if files else (0, 0)
        return most | {name: each / _MB for name, each in zip(_SUMS, moved, strict=True)}

    def row(self, seconds: float) -> dict[str, object]:
        """Return the row of the table; what was too short to be seen is NA."""
        clock = str(datetime.timedelta(seconds=int(seconds)))
        row: dict[str, object] = {"s": round(seconds, 4), "h:m:s": clock}
        if not self._most:
            return row | dict.fromkeys(_COLUMNS[2:], "NA")
        worked = sum(self._seconds.values())
        load = {"mean_load": 100 * worked / seconds, "cpu_time": worked}
        return row | self._most | self._sums | load


def _table(row: dict[str, object], is_json: bool) -> str:
    if is_json:
        return json.dumps(row, sort_keys=True) + "\n"
    values = [f"{v:.2f}" if isinstance(v, float) else str(v) for v in row.values()]
    return "\t".join(_COLUMNS) + "\n" + "\t".join(values) + "\n"
