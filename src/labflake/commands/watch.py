"""Build the experiment whenever a file that it is made from is saved (`make watch`).

Twenty times a second the stats of those files are compared: cheaper than it sounds, and there is
no package to install. Whether a change means anything is for the build to say, by content.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from labflake.command_line import table as commands
from labflake.content.contents import Contents
from labflake.content.digests import mark, sha256
from labflake.documents import kept, preview, snapshots
from labflake.processes import lent
from labflake.processes.processes import end_with_parent
from labflake.project.experiments import RECORD, Experiment, current, head_commit, relative, root
from labflake.steps.changed import examine

PAUSE = 0.05  # s between two looks
SETTLED = 0.03  # s without a further change: editors write in several strokes
COMMIT = "the commit"
_CLEAR = "\x1b[2J\x1b[3J\x1b[H"
_SMALL = 10_000_000  # bytes; larger files are compared by their stat alone
Look = dict[str, tuple]
# What a build needs to make documents; the last ones take a second to import.
_NEEDED = (
    *("labflake.__main__", "labflake.commands.build", "labflake.documents.making"),
    *("labflake.documents.building", "labflake.documents.exporting", "labflake.documents.evidence"),
    *("labflake.steps.run_steps", "labflake.steps.gated", "labflake.documents.run_documents"),
    *("labflake.documents.numbers", "labflake.documents.cells", "labflake.documents.notebook"),
    *("labflake.programs.clashes", "labflake.programs.compiled", "docutils.utils.smartquotes"),
    *("typst", "yaml"),
)
_read: dict[str, tuple[tuple, str]] = {}


def main(argv: list[str]) -> None:
    """Build, wait for a change, and so on, until Ctrl-C."""
    experiment = current()
    end_with_parent()
    outputs = experiment.generated / "outputs"
    with (
        snapshots.kept_here(),
        kept.kept_here(),
        lent.lender_of(*_NEEDED),
        preview.served(outputs) as (address, builds),
    ):
        try:
            _watch(experiment, address, builds)
        except KeyboardInterrupt:
            print()


def _watch(experiment: Experiment, address: str, builds: preview.Builds) -> None:
    before: Look = {}
    while True:
        changed = _wait(experiment, before) if before else []
        before = look(experiment)
        _announce(experiment, changed, address)
        if _build(experiment, builds) and (saved := _saved_meanwhile(experiment)):
            _announce(experiment, saved, address)
            _build(experiment, builds)
        if getattr(sys.stdout, "left", False):
            return
        before = _forgive(before, look(experiment), experiment)


def _saved_meanwhile(experiment: Experiment) -> list[str]:
    """Return what was saved after the build had read it."""
    change = examine(experiment, Contents(str(experiment.generated)))
    return [os.path.normpath(experiment.generated / path) for path in change.files]


def look(experiment: Experiment) -> Look:
    """Return what tells whether a file changed that the experiment is made from, or the commit."""
    sources = [p for folder in (experiment.scripts, root() / "src") for p in _files(str(folder))]
    contents = Contents(str(experiment.generated))
    made = {p for step in contents.steps.values() for p in contents.files(list(step["outputs"]))}
    made |= {p for document in contents.documents.values() for p in document["outputs"]}
    known = (p for p in contents.files(contents.paths()) if p not in made)
    about = {p for document in contents.documents.values() for p in document.get("about", ())}
    generated = str(experiment.generated)
    paths = {*sources, *(os.path.normpath(os.path.join(generated, p)) for p in (*known, *about))}
    paths.discard(str(experiment.scripts / RECORD))
    return {path: _state(path) for path in paths} | {COMMIT: (head_commit(),)}


def _files(folder: str) -> list[str]:
    """Return the files below a folder, without what editors and Python leave there."""
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = [f for f in folders if f[0] != "." and f != "__pycache__"]
        kept = [n for n in names if n[0] not in ".#" and n[-1] != "~" and n != "4913"]
        found += [os.path.join(place, name) for name in kept]
    return found


def _state(path: str) -> tuple:
    """Return the content of a small file, which a build may touch, else the stat; () if missing."""
    try:
        stat = os.stat(path)
        seen = tuple(mark(stat))
        if stat.st_size > _SMALL:
            return seen
        if _read.get(path, ((), ""))[0] != seen:
            _read[path] = seen, sha256(path)
    except OSError:
        return ()
    return (_read[path][1],)


def _wait(experiment: Experiment, before: Look) -> list[str]:
    """Wait until something differs and nothing changes any more; return what differs."""
    while (now := look(experiment)) == before:
        time.sleep(PAUSE)
    while True:
        time.sleep(SETTLED)
        last, now = now, look(experiment)
        if last == now:
            return _differences(before, now)


def _differences(before: Look, now: Look) -> list[str]:
    return sorted(p for p in {*before, *now} if before.get(p, ()) != now.get(p, ()))


def _forgive(before: Look, now: Look, experiment: Experiment) -> Look:
    """Return what to compare with from now on: changes made while the build ran still count.

    What it reads for the first time, and the record that it writes itself, are no changes.
    """
    own = str(experiment.scripts / "hashes.txt")
    return {p: s if p == own else before.get(p, s) for p, s in now.items()}


def _announce(experiment: Experiment, changed: list[str], address: str) -> None:
    """Begin a screen of its own on a terminal; say what changed."""
    if sys.stdout.isatty():
        sys.stdout.write(_CLEAR)
    print(f"watching {experiment.name}; Ctrl-C ends")
    for document in experiment.documents():
        print(f"  {address}{document.stem}.html  loads again by itself")
    for path in changed[:5]:
        print(f"{_now()}  {path if path == COMMIT else relative(Path(path))} changed")
    if len(changed) > 5:
        print(f"{_now()}  and {len(changed) - 5} more")
    sys.stdout.flush()


def _build(experiment: Experiment, builds: preview.Builds) -> bool:
    """Build in a process of its own; its output appears as it is. Tell whether it went well."""
    given = commands.given("watch") | {"EXPERIMENT": experiment.name}
    words = ["labflake", "build", *commands.as_words(given)]
    started = time.perf_counter()
    code = _run(words)
    seconds = time.perf_counter() - started
    if code == 0:
        builds.tell()
        print(f"{_now()}  ready after {seconds:.1f} s", flush=True)
    else:
        print(f"{_now()}  failed after {seconds:.1f} s; waiting for a change", flush=True)
    return code == 0


def _run(words: list[str]) -> int:
    """Run a module in a process of its own, lent or new; return its exit code."""
    sys.stdout.flush()
    rest = {"variables": dict(os.environ), "folder": os.getcwd(), "path": sys.path}
    process = lent.borrow(words, [0, 1, 2], **rest, session=False)
    if not process:
        return subprocess.run([sys.executable, "-m", *words]).returncode
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.give_up()
        raise


def _now() -> str:
    return time.strftime("%H:%M:%S")
