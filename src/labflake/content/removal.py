"""Remove folders beside everything else: some disks let who removes one wait for long."""

import contextlib
import os
import queue
import shutil
import threading
from pathlib import Path


class Removal:
    """A thread that removes folders, each of which has lost its name before."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Path | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def take(self, folder: Path) -> None:
        """Take a folder out of the way, if it is there; another one can have its name at once."""
        gone = folder.absolute().with_name(f".{os.urandom(8).hex()}")
        with contextlib.suppress(FileNotFoundError):
            os.rename(folder, gone)
            self._begin()
            self._waiting.put(gone)

    def _begin(self) -> None:
        with self._lock:
            if not self._thread:
                self._thread = threading.Thread(target=self._remove, daemon=True)
                self._thread.start()

    def _remove(self) -> None:
        while gone := self._waiting.get():
            shutil.rmtree(gone, ignore_errors=True)

    def wait(self) -> None:
        """Wait until all that was taken is gone."""
        if self._thread:
            self._waiting.put(None)
            self._thread.join()
            self._thread = None
