"""Run `make` in a copy of the project."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from labflake.command_line import table as commands
from labflake.content.meter import moving_line
from labflake.content.printed import last_lines, tamed
from labflake.errors import LabError
from labflake.processes import orphans, processes
from labflake.project.experiments import COPY, relative
from labflake.verify import copies

_END = 25  # lines of a log to show


def run(
    project: Path,
    experiment: str,
    called: str,
    log: Path,
    *,
    options: dict[str, str],
    environment: dict[str, str] | None = None,
    command: list[str] | None = None,
    begin: Callable[[], None] | None = None,
) -> float:
    """Build an experiment in a copy; return how many seconds it took.

    Args:
        project: the project's folder in the copy.
        experiment: its name.
        called: how the copy is called in messages.
        log: where to keep all that the build prints.
        options: those of the build, by name.
        environment: what of the environment shall be another.
        command: what to run instead of `make`.
        begin: is called in the child process.

    Raises:
        LabError: the build failed; the message has the end of its log.
    """
    options = options | {"EXPERIMENT": experiment, "KEEP": "off"}
    started = time.perf_counter()
    log.parent.mkdir(parents=True, exist_ok=True)
    (project / COPY).parent.mkdir(exist_ok=True)
    (project / COPY).touch()  # it hands nothing over to others
    with processes.kept(log.parent):  # the copy ends with us, however we end
        process = subprocess.Popen(
            [*(command or ["make"]), *commands.as_make_words(options)],
            cwd=project,
            env=copies.clean_environment() | (environment or {}) | orphans.marked(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=begin,  # no thread holds a lock: one at most runs, and waits
            start_new_session=True,
        )
        try:
            with log.open("wb") as sink:
                for line in process.stdout or ():
                    sink.write(line)
                    _show(tamed(line.decode(errors="replace")).rstrip())
            process.wait()
        finally:
            _end(process)
    _show("")
    if process.returncode:
        raise LabError(_failure(called, log))
    return time.perf_counter() - started


def _end(process: subprocess.Popen) -> None:
    """End what still runs when the build is given up, the kernels of documents included."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        orphans.end_session(process.pid)


def _show(line: str) -> None:
    """Show the line last printed, on a terminal only."""
    if sys.stdout.isatty():
        moving_line(line, sys.stdout)


def _failure(called: str, log: Path) -> str:
    end = "".join(f"\n    {line}" for line in last_lines(log, _END))
    return f"the build in {called} failed{end}\n  its whole log: {relative(log)}"
