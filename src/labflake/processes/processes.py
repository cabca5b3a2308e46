"""What a build starts: each step and document has a session of its own, none outlives the build."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from labflake.processes import orphans
from labflake.records import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labflake.processes.lent import Lent

    Process = subprocess.Popen | Lent

_LOOK = 0.2  # s between two looks whether make still runs


class Running:
    """What a build has running, here or elsewhere; a keeper beside the build ends it if it dies."""

    def __init__(self, state: str) -> None:
        self.stopped = False
        self._state = state  # the notes folder of the experiment
        self._started: dict[str, tuple[int, str]] = {}
        self._lock = threading.RLock()  # a signal may come while this thread has it
        self._keeper: subprocess.Popen | None = None

    @contextlib.contextmanager
    def start(self, key: str, command: list[str], undo: str, **options) -> "Iterator[Process]":
        """Start a command in a session of its own; when the block ends, so does all that is in it.

        Args:
            key: names the step or the document.
            command: what to start.
            undo: a shell command that ends what runs elsewhere on its behalf; may be empty.
            options: of `subprocess.Popen`; `start` is what does the same, behind a fence.

        Raises:
            KeyboardInterrupt: the build is being stopped.
        """
        with self._lock:
            if self.stopped:
                raise KeyboardInterrupt
            start = options.pop("start", subprocess.Popen)
            process = _lent(command, options) or start(command, start_new_session=True, **options)
            self._started[key] = (process.pid, undo)
            self._tell(key, process.pid, undo)
        _offer_to_the_oom_killer(process.pid)
        try:
            yield process
        finally:
            with self._lock:
                orphans.end_group(process.pid)
                process.wait()
                self._started.pop(key, None)
                self._tell(key)

    def entrust(self, key: str, undo: str) -> None:
        """Note what runs elsewhere until the build ends, and the shell command that ends it.

        Raises:
            KeyboardInterrupt: the build is being stopped.
        """
        with self._lock:
            if self.stopped:
                raise KeyboardInterrupt
            self._started[key] = (0, undo)
            self._tell(key, 0, undo)

    def stop(self) -> None:
        """End all that runs; nothing else starts."""
        with self._lock:
            self.stopped = True
            for session, undo in self._started.values():
                orphans.end(session, undo)

    def stop_on_signals(self) -> None:
        """Let Ctrl-C, TERM and the end of the terminal end the build with all that it started."""
        for each in _ENDS:
            signal.signal(each, self._stop_and_exit)

    def _stop_and_exit(self, number: int, frame: object) -> None:
        for each in _ENDS:
            signal.signal(each, signal.SIG_IGN)  # make passes on what the terminal sent already
        self.stop()
        with contextlib.suppress(OSError):  # the terminal may be gone
            print(f"\n{_STOPPED}", file=sys.stderr, flush=True)
        self._dismiss_keeper()
        os._exit(128 + number)

    def _call_keeper(self) -> None:
        """Start the keeper: it holds the lock with us, and waits for our end or for our word."""
        inherited = (orphans.lock_of_build,) if orphans.lock_of_build else ()
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", orphans.__file__, self._state],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if name != orphans.MARK},
            start_new_session=True,
            pass_fds=inherited,
        )

    def _tell(self, key: str, *started: object) -> None:
        """Tell the keeper what runs; without it, the build works all the same."""
        if self._keeper and self._keeper.stdin:
            with contextlib.suppress(OSError):
                os.write(self._keeper.stdin.fileno(), orphans.message(key, *started))

    def _dismiss_keeper(self) -> None:
        """Wait until the keeper ended all that is left: the lock is free only then."""
        keeper, self._keeper = self._keeper, None
        if keeper and keeper.stdin:
            with contextlib.suppress(OSError):
                keeper.stdin.close()
            keeper.wait()


_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STOPPED = "stopped; what is complete is kept, make goes on from there"


@contextlib.contextmanager
def kept(state: Path) -> Iterator[Running]:
    """Keep together all that a build starts: none of it is left when the build ends, however.

    The build holds the lock of the experiment. What an earlier one left, because its keeper was
    killed, too, is ended first. The mark reaches every process that is started from here on.
    """
    orphans.end_marked(str(state))
    running = Running(str(state))
    running._call_keeper()
    end_with_parent()
    os.environ[orphans.MARK] = str(state)
    try:
        yield running
    finally:
        del os.environ[orphans.MARK]
        running._dismiss_keeper()


def end_with_parent() -> None:
    """End this process when the make that started it is gone: a build must not outlive it."""
    if "MAKELEVEL" not in os.environ:
        return
    parent = os.getppid()

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=look, daemon=True).start()


def _lent(command: list[str], options: dict) -> "Lent | None":
    """Return what a lender gives for a module of Python, in a session of its own."""
    if command[:2] != [sys.executable, "-m"]:
        return None
    from labflake.processes import lent

    if not lent.is_offered():
        return None
    with open(os.devnull, "rb") as nothing:
        streams = [nothing.fileno(), options["stdout"].fileno(), options["stderr"].fileno()]
        rest = {"variables": options["env"], "folder": str(options["cwd"])}
        return lent.borrow(command[2:], streams, **rest, session=True, path=None)


def wait(process: "Process") -> int:
    """Wait for the first process of a step; return its exit code, negative for a signal.

    It stays known to the system, so that its number means nobody else until the session is ended.
    """
    if not isinstance(process, subprocess.Popen):
        return process.end()
    if not hasattr(os, "waitid"):
        return process.wait()
    result = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    if result is None:  # only where one does not wait
        return process.wait()
    exited = result.si_code == os.CLD_EXITED
    return result.si_status if exited else -result.si_status


class Command(Frozen):
    """What runs a step on some machine."""

    argv: list[str]
    memory: int = 0  # megabytes; to be watched from outside, 0 if nobody has to
    undo: str = ""  # shell command that ends what runs elsewhere on its behalf
    explain: Callable[[int], str] = lambda code: described(code)
    folder: str | None = None  # where it is started, if not in the generated folder


def described(code: int) -> str:
    """Say how a command ended."""
    number = -code if code < 0 else code - 128
    if code == 127:
        return "exit code 127: a program that it starts was not found"
    if number in signal.valid_signals():
        name = signal.Signals(number).name
        return f"it was ended by {name}" + _REASONS.get(name, "")
    return f"exit code {code}"


_REASONS = {
    "SIGKILL": ": by hand, or because the machine ran out of memory",
    "SIGSEGV": ": a fault in a program that it runs",
}


def _offer_to_the_oom_killer(process: int) -> None:
    """Where the machine runs out of memory, the step ends rather than the build."""
    with contextlib.suppress(OSError):
        file = os.open(f"/proc/{process}/oom_score_adj", os.O_WRONLY)
        try:
            os.write(file, b"500")
        finally:
            os.close(file)
