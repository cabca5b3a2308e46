"""`make watch`: a build after every save, errors in place, until it is interrupted."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import building
import pytest
from building import TINY
from waiting import PATIENCE, until

SNAKEFILE = """
    from labflake import code, step

    rule all:
        input: code=code("write.py"),
        output: "assets/data/word.txt",
        shell: step("python {input.code[0]} {output}")
"""


class Watch:
    """A running `make watch`, with what it printed so far in a file."""

    def __init__(self, project: Path, log: Path, experiment: str = TINY) -> None:
        self.log = log
        options = {"EXPERIMENT": experiment, "CACHE": str(log.with_name("cache"))}
        environment = building.variables(**options)
        self.process = subprocess.Popen(
            ["make", "watch"],
            cwd=project,
            env=environment,
            stdout=log.open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def printed(self) -> str:
        """Return all that was printed."""
        return self.log.read_text(encoding="utf-8")

    def builds(self, word: str) -> int:
        """Return how many builds ended in this way: `ready` or `failed`."""
        return self.printed.count(f"  {word} after ")

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds."""
        until(condition, self.process, lambda: self.printed)

    def end(self) -> None:
        """Interrupt it as Ctrl-C does."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(PATIENCE)


@pytest.fixture(scope="module")
def tiny(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the project with a small experiment in it."""
    project = building.copy(built, tmp_path_factory.mktemp("watch") / "p", generated=False)
    building.experiment(project, TINY, Snakefile=SNAKEFILE, hashes_txt="", write_py="")
    return project


@pytest.fixture
def watch(tiny: Path, tmp_path: Path) -> Iterator[Watch]:
    """Watch the experiment, built once."""
    write(tiny, "first")
    watch = Watch(tiny, tmp_path / "log")
    watch.until(lambda: watch.builds("ready") == 1)
    yield watch
    watch.end()


def write(project: Path, word: str) -> None:
    """Save a program that writes a word."""
    program = f"import sys\nfrom pathlib import Path\nPath(sys.argv[1]).write_text({word!r})\n"
    save(project / "scripts" / TINY / "write.py", program)


def save(path: Path, text: str) -> None:
    """Save a file as editors do, so that nobody sees half of it."""
    half = path.with_name(f".{path.name}")
    half.parent.mkdir(parents=True, exist_ok=True)
    half.write_text(text, encoding="utf-8")
    half.replace(path)


def text(path: Path) -> str:
    """Read a file that may not be there yet."""
    return path.read_text(encoding="utf-8") if path.exists() else ""


def word(project: Path) -> str:
    """Read what the step wrote."""
    return (project / "generated" / TINY / "assets" / "data" / "word.txt").read_text()


def test_a_save_builds(tiny: Path, watch: Watch) -> None:
    """It says what changed, and how long the build took."""
    write(tiny, "second")
    watch.until(lambda: watch.builds("ready") == 2)
    assert f"scripts/{TINY}/write.py changed" in watch.printed
    assert word(tiny) == "second"


@pytest.mark.long
def test_an_error_is_shown_and_the_next_save_mends_it(tiny: Path, watch: Watch) -> None:
    """A failing build does not end the watch, and is not tried again before something changes."""
    program = tiny / "scripts" / TINY / "write.py"
    save(program, "raise SystemExit('the reason')\n")
    watch.until(lambda: watch.builds("failed") == 1)
    assert "the reason" in watch.printed
    time.sleep(1.5)
    assert watch.builds("failed") == 1
    write(tiny, "mended")
    watch.until(lambda: watch.builds("ready") == 2)
    assert word(tiny) == "mended"


def test_nothing_happens_without_a_change(tiny: Path, watch: Watch) -> None:
    """A touch is no change, nor is what editors leave beside a file."""
    (tiny / "scripts" / TINY / "write.py").touch()
    (tiny / "scripts" / TINY / ".write.py.swp").touch()
    (tiny / "scripts" / TINY / "write.py~").touch()
    time.sleep(1.5)
    assert watch.builds("ready") == 1


def test_interrupt_ends_it(watch: Watch) -> None:
    """Ctrl-C ends it without a traceback."""
    watch.end()
    assert watch.process.returncode
    assert "Traceback" not in watch.printed


NO_STEPS = "rule all:\n    input: []\n"
REPORT = """
---
title: T
---

```python
#| show: none
import os
import time

open({started!r}, "w").close()
while not os.path.exists({go!r}):
    time.sleep(0.05)
```

XX{word}XX
"""


@pytest.mark.long
def test_a_save_while_it_builds_is_shown(tiny: Path, tmp_path: Path) -> None:
    """Of two saves, the second while the first is being built, the last text is what is shown."""
    name, started, go = "2024-03-03-Saved", tmp_path / "started", tmp_path / "go"
    page = tiny / "generated" / name / "outputs" / "report.html"

    def write(word: str) -> None:
        report = REPORT.lstrip().format(started=str(started), go=str(go), word=word)
        save(tiny / "scripts" / name / "report.md", report)

    building.experiment(tiny, name, Snakefile=NO_STEPS, hashes_txt="")
    write("first")
    watch = Watch(tiny, tmp_path / "log", name)
    watch.until(started.exists)
    write("second")
    go.touch()
    watch.until(lambda: watch.builds("ready") > 0 and "XXsecondXX" in text(page))
    watch.end()


PARTS = [
    "Some words, {n} of them, and a number `{{python}} x + {n}`.",
    "$$ x_{{{n}}} = \\frac{{a}}{{{n}}} $$ {{#eq:e}}",
    "| a | b |\n|---|---|\n| {n} | 2 |\n\n: Numbers {{#tbl:t}}",
    "# Heading {n}",
    "```python\n#| caption: Drawn {n}.\n#| label: fig:drawn\nimport matplotlib.pyplot as plt\n"
    "plt.plot([x, {n}])\nplt.show()\n```\n\nSee @fig:drawn.",
    "- one\n- {n}",
]


@pytest.mark.long
def test_what_is_watched_has_the_bytes_of_a_plain_make(tiny: Path, tmp_path: Path) -> None:
    """Whatever is edited, cells or text: page and PDF are those of a build from nothing."""
    name, seed = "2024-03-04-Edited", int(os.environ["EXACTNESS_SEED"])
    chance = random.Random(seed)
    outputs = tiny / "generated" / name / "outputs"
    parts = [part.format(n=2) for part in PARTS]

    def write() -> str:
        text = "\n\n".join(["---\ntitle: T\n---", "```python\nx = 1\n```", *parts]) + "\n"
        save(tiny / "scripts" / name / "report.md", text)
        return text

    def made() -> list[bytes]:
        return [(outputs / f"report.{ending}").read_bytes() for ending in ("html", "pdf")]

    building.experiment(tiny, name, Snakefile=NO_STEPS, hashes_txt="")
    text = write()
    watch = Watch(tiny, tmp_path / "log", name)
    watched = []
    for turn in range(3):
        watch.until(lambda turn=turn: watch.builds("ready") == turn + 1)
        watched.append((text, made()))
        at = chance.randrange(len(parts))
        parts[at] = PARTS[at].format(n=chance.randint(3, 99) + 100 * turn)
        text = write()
    watch.end()
    for text, found in watched:
        shutil.rmtree(tiny / "generated" / name)
        (tiny / "scripts" / name / "report.md").write_text(text, encoding="utf-8")
        building.made(tiny, EXPERIMENT=name, CACHE=str(tmp_path / "other"))
        assert made() == found, (seed, text)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pseudo-terminal")
def test_each_build_has_the_screen_for_itself(tiny: Path, tmp_path: Path) -> None:
    """On a terminal the screen is cleared before each build, so that its errors stand alone."""
    import pty

    write(tiny, "on a terminal")
    main, terminal = pty.openpty()
    environment = building.variables(EXPERIMENT=TINY, CACHE=str(tmp_path / "cache"))
    process = subprocess.Popen(
        ["make", "watch"],
        cwd=tiny,
        env=environment,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    printed = b""
    while b" ready after " not in printed:
        printed += os.read(main, 10_000)
    os.killpg(process.pid, signal.SIGINT)
    process.wait(PATIENCE)
    assert printed.startswith(b"\x1b[2J")
    assert b" ready after " in printed


def test_the_authors_are_watched_where_a_document_names_them(built: Path) -> None:
    """Of `pyproject.toml`, documents have the authors: they are made again when it is saved."""
    code = (
        "from labflake.commands.watch import look; from labflake.project.experiments import current"
        "; print([p for p in look(current()) if p.endswith('pyproject.toml')])"
    )
    assert str(built / "pyproject.toml") in building.run_python(built, code, built)
