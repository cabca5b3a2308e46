"""End the processes of a build: those that run too long, and those that it leaves behind.

Started as a program it waits beside a build, and is quick to start: what kills is imported late.
"""

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = "LAB_BUILD"  # in the environment of all that a build starts: the notes folder
lock_of_build: int | None = None  # the open lock of the experiment, for the keeper to hold, too


def marked() -> dict[str, str]:
    """Return the variable that marks what this build starts; nothing outside a build."""
    return {MARK: os.environ[MARK]} if MARK in os.environ else {}


def sessions() -> dict[int, list[int]]:
    """Return the processes of every session."""
    found: dict[int, list[int]] = {}
    for process in _processes():
        try:
            found.setdefault(os.getsid(process), []).append(process)
        except OSError:  # it is gone, or not ours to see
            continue
    return found


def _processes() -> list[int]:
    """Return the number of every process; macOS has no /proc."""
    if found := [int(name) for name in _names("/proc") if name.isdigit()]:
        return found
    import subprocess

    try:
        done = subprocess.run(["ps", "-A", "-o", "pid="], capture_output=True)
    except OSError:
        return []
    return [int(number) for number in done.stdout.split()]


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def end_session(session: int) -> None:
    """Kill every process of a session, also those with a process group of their own."""
    end_group(session)
    for process in sessions().get(session, []):
        _kill(process)


def end_group(group: int) -> None:
    """Kill every process of a group."""
    _kill(-group)


def end_marked(state: str) -> None:
    """Kill every process that was started for the experiment with this notes folder.

    Again until there is none: one that is found may just have started another.
    """
    while _end_marked_once(state):
        time.sleep(0.005)


def _end_marked_once(state: str) -> bool:
    """Kill the marked processes that there are; tell whether there was one."""
    found = False
    mark = os.fsencode(f"{MARK}={state}")
    for process in _processes():
        if process != os.getpid() and mark in _variables(process):
            found = _kill(process) or found
    return found


def _variables(process: int) -> list[bytes]:
    try:
        with open(f"/proc/{process}/environ", "rb", buffering=0) as file:
            return file.readall().split(b"\0")
    except OSError:  # it is gone, or not ours to see
        return []


def _kill(target: int) -> bool:
    """Kill a process, or a group by its negative number; tell whether there was one to kill."""
    import signal

    try:
        os.kill(target, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def message(key: str, *started: object) -> bytes:
    """Return a line that tells the keeper what started, or by the key alone that it ended."""
    return "\t".join(_escaped(str(part)) for part in (key, *started)).encode("ascii") + b"\n"


def _escaped(text: str) -> str:
    return text.encode("unicode_escape").decode("ascii")


def _messages() -> "Iterator[list[str]]":
    """Give what the build tells, until it is gone; it may be killed within a line."""
    for line in sys.stdin.buffer:
        if line.endswith(b"\n"):
            yield [part.decode("unicode_escape") for part in line[:-1].split(b"\t")]


def main(state: str) -> None:
    """Wait until the build that started this is gone, then end what it had running.

    It tells on standard input what starts: a key, a session of processes, or 0, and a command that
    ends what runs elsewhere (a container, jobs); and what ended: its key. Its lock on the
    experiment is inherited, and held until all is over.
    """
    running: dict[str, tuple[int, str]] = {}
    for key, *started in _messages():
        running.pop(key, None)
        if started:
            running[key] = (int(started[0]), started[1])
    for session, command in running.values():
        end(session, command)
    end_marked(state)


def end(session: int, command: str) -> None:
    """End the processes of a step, then with a shell command what they have running elsewhere."""
    if session:
        end_session(session)
    if command:
        import subprocess

        null = subprocess.DEVNULL
        try:
            subprocess.run(["sh", "-c", command], timeout=60, stdin=null, stdout=null, stderr=null)
        except (OSError, subprocess.TimeoutExpired):
            return


if __name__ == "__main__":
    main(sys.argv[1])
    os._exit(0)
