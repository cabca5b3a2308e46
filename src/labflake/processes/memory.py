"""Memory: how much there is, how much a step uses, and the end of one that uses too much."""

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from labflake.processes import orphans

_OFTEN = 0.1  # s between two looks
_SHARE = 0.05  # of one processor at most, for looking
_PAGE = os.sysconf("SC_PAGE_SIZE")
_SHOWS_PARTS = os.path.exists("/proc/self/smaps_rollup")


def installed() -> int:
    """Return the memory that this process may use, in megabytes: the machine's, or its group's."""
    most = _PAGE * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, kind, place = line.split(":", 2)
            if kind in ("", "memory"):
                most = min(most, _group_limit(kind, place) or most)
    return most // 1_000_000


def _group_limit(kind: str, place: str) -> int | None:
    """Return the smallest limit of a control group and those around it, in bytes."""
    base = Path("/sys/fs/cgroup", kind)
    file = "memory.limit_in_bytes" if kind else "memory.max"
    group = base / place.lstrip("/")
    found = []
    for folder in [group, *group.parents]:
        with contextlib.suppress(OSError, ValueError):
            found.append(int((folder / file).read_text()))
        if folder == base:
            break
    return min(found, default=None)


class Watch:
    """The memory of one step: its limit, and what it used when it went beyond, in bytes."""

    def __init__(self, session: int, limit: int) -> None:
        self.session = session
        self.limit = limit
        self.used = 0


class Watcher:
    """One thread that looks at all steps which declared their memory.

    What counts is a step's own memory: pages that its processes share count once, and files that
    they only map do not count, so that a fork or a large mapped file is no reason to stop.
    """

    def __init__(self) -> None:
        self._watches: set[Watch] = set()
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def watching(self, session: int, megabytes: int) -> Iterator[Watch]:
        """End the session if its processes use more than that; 0 is no limit."""
        watch = Watch(session, megabytes * 1_000_000)
        if not megabytes:
            yield watch
            return
        with self._wake:
            self._watches.add(watch)
            self._start()
            self._wake.notify()
        try:
            yield watch
        finally:
            with self._wake:
                self._watches.discard(watch)

    def _start(self) -> None:
        if not self._thread:
            self._thread = threading.Thread(target=self._look, daemon=True, name="memory")
            self._thread.start()

    def _look(self) -> None:
        while True:
            with self._wake:
                while not self._watches:
                    self._wake.wait()
                watches = list(self._watches)
            began = time.thread_time()
            processes = orphans.sessions()
            for watch in watches:
                self._judge(watch, processes.get(watch.session, []))
            time.sleep(max(_OFTEN, (time.thread_time() - began) / _SHARE))

    def _judge(self, watch: Watch, processes: list[int]) -> None:
        if sum(map(_resident, processes)) <= watch.limit:
            return
        used = sum(map(_own, processes))
        with self._wake:
            if used > watch.limit and watch in self._watches and not watch.used:
                watch.used = used
                orphans.end_session(watch.session)


def _resident(process: int) -> int:
    """Return the memory of a process in bytes, with all that it shares: quick to ask."""
    import psutil

    try:
        return psutil.Process(process).memory_info().rss
    except psutil.Error:
        return 0


def _own(process: int) -> int:
    """Return the memory of a process in bytes: its part of what is shared, without mapped files."""
    import psutil

    try:
        if _SHOWS_PARTS:
            return _parts(process)
        return psutil.Process(process).memory_full_info().uss
    except (PermissionError, psutil.AccessDenied):
        return _resident(process)
    except (OSError, KeyError, psutil.Error):
        return 0


def _parts(process: int) -> int:
    """Return the same of Linux, which tells mapped files apart; psutil counts them."""
    with open(f"/proc/{process}/smaps_rollup", "rb") as file:
        lines = (line.split() for line in file)
        found = {words[0]: int(words[1]) for words in lines if words[0].startswith(b"Pss")}
    return (found[b"Pss_Anon:"] + found[b"Pss_Shmem:"]) * 1024
