"""Processes that are lent by one that has imported everything are as if they had been started."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import until

from labflake.processes import lent

PROGRAM = """
import json, os, sys, time

def main(words):
    if words[0] == "wait":
        print(os.getpid(), flush=True)
        time.sleep(600)
    said = [words, os.getcwd(), os.environ.get("GIVEN"), os.environ.get("HELD"), sys.argv[1:]]
    print(json.dumps([*said, os.getsid(0) == os.getpid(), sys.orig_argv[1:3]]))
    return 7
"""


@pytest.fixture
def folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_the_template: None
) -> Iterator[Path]:
    """Have a lender that has imported a module `lendable` of this folder."""
    (tmp_path / "lendable.py").write_text(PROGRAM)
    monkeypatch.setenv("HELD", "by the lender only")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    monkeypatch.setattr(lent.determinism, "environment", lambda: os.environ | {"PYTHONPATH": path})
    with lent.lender_of("lendable"):
        until(lambda: os.path.exists(os.environ[lent.PLACE]))
        yield tmp_path


def borrow(folder: Path, *words: str) -> lent.Lent | None:
    """Have `lendable` run with words; what it says goes to a file."""
    with open(os.devnull) as nothing, open(folder / "said", "w") as said:
        streams = [nothing.fileno(), said.fileno(), said.fileno()]
        variables = {"GIVEN": "yes", "PATH": os.environ["PATH"]}
        rest = {"variables": variables, "folder": str(folder), "path": None, "session": True}
        return lent.borrow(["lendable", *words], streams, **rest)


def test_a_lent_process_has_what_was_asked_for(folder: Path) -> None:
    """Words, folder, variables, streams and session are those of the request; so is the end."""
    process = borrow(folder, "a b", "ü" * 200_000)
    assert process is not None
    assert process.wait() == 7
    words, place, given, held, argv, own, started = json.loads((folder / "said").read_text())
    assert words == argv == ["a b", "ü" * 200_000]
    assert (place, given, held) == (str(folder), "yes", None)
    assert (own, started) == (True, ["-m", "lendable"])


def test_what_nobody_waits_for_ends(folder: Path) -> None:
    """Who gives up waiting, or is gone, leaves no process; a killed one is told as killed."""
    for end in (lambda p: p.give_up(), lambda p: os.kill(p.pid, signal.SIGKILL)):
        process = borrow(folder, "wait")
        assert process is not None
        until((folder / "said").read_text)
        end(process)
        if process.returncode is None:
            assert process.wait() == -signal.SIGKILL
        until(lambda pid=process.pid: not os.path.exists(f"/proc/{pid}"))


def test_nothing_is_lent_after_a_module_changed(folder: Path) -> None:
    """Where a file of a module is not what it was, the program has to be started."""
    (folder / "lendable.py").write_text(PROGRAM + "\n")
    assert borrow(folder, "a") is None
