"""End the processes of a build: those that run too long, and those that it leaves behind.

Started as a program it waits beside a build: standard library only, and quick to start.
"""

import contextlib
import json
import os
import signal
import sys
import time

MARK = "LAB_BUILD"  # in the environment of all that a build starts: the notes folder
lock_of_build: int | None = None  # the open lock of the experiment, for the keeper to hold, too


def marked() -> dict[str, str]:
    """Return the variable that marks what this build starts; nothing outside a build."""
    return {MARK: os.environ[MARK]} if MARK in os.environ else {}


def sessions() -> dict[int, list[int]]:
    """Return the processes of every session."""
    found: dict[int, list[int]] = {}
    for process in _processes():
        with contextlib.suppress(OSError):  # it is gone, or not ours to see
            found.setdefault(os.getsid(process), []).append(process)
    return found


def _processes() -> list[int]:
    """Return the number of every process; macOS has no /proc."""
    with contextlib.suppress(OSError):
        if found := [int(name) for name in os.listdir("/proc") if name.isdigit()]:
            return found
    import subprocess

    with contextlib.suppress(OSError):
        done = subprocess.run(["ps", "-A", "-o", "pid="], capture_output=True)
        return [int(number) for number in done.stdout.split()]
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
        with contextlib.suppress(OSError), open(f"/proc/{process}/environ", "rb") as file:
            if process != os.getpid() and mark in file.read().split(b"\0"):
                found = _kill(process) or found
    return found


def _kill(target: int) -> bool:
    """Kill a process, or a group by its negative number; tell whether there was one to kill."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(target, signal.SIGKILL)
        return True
    return False


def main(state: str) -> None:
    """Wait until the build that started this is gone, then end what it had running.

    It tells on standard input what starts, as lines `[key, session, command]`: a session of
    processes, or 0, and a command that ends what runs elsewhere (a container, jobs); and what
    ended, as `[key]`. Its lock on the experiment is inherited, and held until all is over.
    """
    running: dict[str, tuple[int, str]] = {}
    for line in sys.stdin.buffer:
        with contextlib.suppress(ValueError):
            key, *started = json.loads(line)
            running.pop(key, None)
            if started:
                running[key] = (started[0], started[1])
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
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(["sh", "-c", command], timeout=60, stdin=null, stdout=null, stderr=null)


if __name__ == "__main__":
    main(sys.argv[1])
