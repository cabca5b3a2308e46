"""Whatever ends a build, the next `make` needs no help and gives the same artifacts."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import building
import faults
import pytest
from waiting import PATIENCE, until

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def slow(built: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict, float]:
    """Build the experiment of slow writers once, undisturbed."""
    project = building.copy(built, tmp_path_factory.mktemp("faults") / "a pröject", generated=False)
    return project, *faults.prepare(project)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="victims are found in /proc")
@pytest.mark.parametrize("number", range(12))
def test_disturbed_build_is_healed_by_one_make(slow: tuple[Path, dict, float], number: int) -> None:
    """Kill, Ctrl-C, TERM, hang-up: of the engine, of one step, of everything, at some moment."""
    project, expected, seconds = slow
    moment = seconds * (0.15 + 0.8 * (number * 5 % 12) / 12)
    how = faults.HOW[number % len(faults.HOW)]
    faults.Trial(project, how, moment, cold=number % 3 > 0).run(expected)


LONG, WAITING = "2024-03-02-Long-Cell", "2024-03-03-Waiting-Step"
REPORT = """
---
title: T
---

```python
#| show: none
import os
import time

open({note!r}, "w").close()
time.sleep({seconds})
```

XX{word}XX
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="victims are found in /proc")
@pytest.mark.parametrize("how", [how for how in faults.HOW if how != "kill step"])
def test_a_document_ends_with_its_build(slow: tuple[Path, dict, float], how: str) -> None:
    """However a build ends while a cell runs, nothing of it is alive when the next one begins."""
    project, _, _ = slow
    note, page = project / "cell-runs", project / "generated" / LONG / "outputs" / "report.html"
    note.unlink(missing_ok=True)
    _write_report(project, note=str(note), seconds=300, word="old")
    first, second = (f"{faults.MARK}={os.urandom(8).hex()}" for _ in range(2))
    process = faults.start(project, first, LONG)
    until(note.exists, process)
    faults.disturb(process, first, how)
    _write_report(project, note=str(note), seconds=0, word=f"after {how}")
    printed = project / "printed"
    with printed.open("w") as output:
        again = faults.start(project, second, LONG, output)
        until(lambda: LONG in printed.read_text().splitlines(), again, printed.read_text)
        assert list(faults.marked(first.encode())) == []
        assert again.wait(PATIENCE) == 0, printed.read_text()
    assert re.findall("XX(.*)XX", page.read_text(encoding="utf-8")) == [f"after {how}"]
    until(lambda: not any(faults.marked(faults.MARK.encode() + b"=")))
    process.wait(PATIENCE)


def _write_report(project: Path, **values: object) -> None:
    report = REPORT.format(**values)
    files = {"Snakefile": "rule all:\n    input: []\n", "hashes_txt": "", "report_md": report}
    building.experiment(project, LONG, **files)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="processes are found in /proc")
def test_the_builds_of_twice_end_with_it(slow: tuple[Path, dict, float]) -> None:
    """When `make twice` is killed, the build in its copy ends, and the step that runs there."""
    project, _, _ = slow
    note = project / "step-runs"
    rule = f"""
    rule all:
        output: "assets/data/a.txt"
        shell: "echo $$ > '{note}'; sleep 300"
    """
    building.experiment(project, LONG, Snakefile=rule, hashes_txt="")
    (project / "scripts" / LONG / "report.md").unlink(missing_ok=True)
    options = building.variables(**faults.options(project, LONG))
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(["make", "twice"], cwd=project, env=options, **quiet)
    until(lambda: note.exists() and note.read_text().endswith("\n"), process)
    number = note.read_text().strip()
    process.kill()
    process.wait()
    until(lambda: not Path("/proc", number).exists())


def test_second_make_waits_and_says_so(slow: tuple[Path, dict, float], tmp_path: Path) -> None:
    """Two builds of one experiment follow each other; the second has nothing left to do."""
    project, _, _ = slow
    begun, go, printed = (tmp_path / name for name in ("begun", "go", "printed"))
    rule = f"""
    rule all:
        output: "assets/data/a.txt"
        shell: "touch '{begun}'; until [ -e '{go}' ]; do sleep 0.02; done; echo done > {{output}}"
    """
    building.experiment(project, WAITING, Snakefile=rule, hashes_txt="")
    first = faults.start(project, f"{faults.MARK}=two", WAITING)
    until(begun.exists, first)
    with printed.open("w") as output:
        second = faults.start(project, f"{faults.MARK}=two", WAITING, output)
    until(lambda: "another make is building" in printed.read_text(), second, printed.read_text)
    go.touch()
    assert [each.wait(PATIENCE) for each in (first, second)] == [0, 0]
    assert building.ran(printed.read_text()) == []
    made = project / "generated" / WAITING / "assets" / "data" / "a.txt"
    assert made.read_text() == "done\n"


def test_two_experiments_build_at_the_same_time(slow: tuple[Path, dict, float]) -> None:
    """Builds of different experiments do not wait for each other."""
    project, expected, _ = slow
    other = "2024-03-01-Other-Writers"
    building.experiment(project, other, Snakefile=faults.SNAKEFILE, slow_py=faults.SLOW)
    (project / "scripts" / other / "hashes.txt").touch()
    faults.touch_up(project)
    first = faults.start(project, f"{faults.MARK}=two")
    options = faults.options(project) | {"EXPERIMENT": other}
    second = building.make(project, **options)
    assert (second.returncode, "waiting" in second.stdout) == (0, False)
    assert first.wait(PATIENCE) == 0
    assert faults.artifacts(project) == expected
    assert faults.artifacts(project, other) == expected


def test_interrupt_says_that_what_is_complete_is_kept(slow: tuple[Path, dict, float]) -> None:
    """After Ctrl-C a person knows that make goes on from there, and it does."""
    project, expected, _ = slow
    faults.touch_up(project)
    process = subprocess.Popen(
        ["make"],
        cwd=project,
        env=building.variables(**faults.options(project)),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    running = project / "generated" / faults.NAME / ".labflake" / "running"
    until(lambda: [*running.glob("*")], process)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    assert "what is complete is kept, make goes on from there" in said
    assert "Traceback" not in said
    assert faults.make(project).returncode == 0
    assert faults.artifacts(project) == expected


# What the campaign found


def test_what_a_checkpoint_made_stays(slow: tuple[Path, dict, float]) -> None:
    """When the steps that it decides on are known, the checkpoint's own output is no leftover."""
    project, _, _ = slow
    faults.touch_up(project)
    assert faults.make(project).returncode == 0
    words = project / "generated" / faults.NAME / "assets" / "data" / "words.txt"
    assert words.read_text() == "one\ntwo\nthree\n"


def test_folder_has_only_what_the_step_wrote(slow: tuple[Path, dict, float]) -> None:
    """The equipment leaves no files of its own among the artifacts."""
    project, _, _ = slow
    folder = project / "generated" / faults.NAME / "assets" / "data" / "folder"
    assert sorted(os.listdir(folder)) == ["1.txt", "2.txt", "3.txt", "4.txt", "first"]


def test_input_from_the_future_is_no_error(slow: tuple[Path, dict, float]) -> None:
    """Times decide nothing: a file dated tomorrow is an input like any other."""
    project, expected, _ = slow
    faults.touch_up(project)
    tomorrow = time.time() + 86400
    os.utime(project / "scripts" / faults.NAME / "slow.py", (tomorrow, tomorrow))
    assert faults.make(project).returncode == 0
    assert faults.artifacts(project) == expected
    assert faults.make(project).stdout.splitlines()[-1] == "up to date"


def test_empty_settings_are_no_error(slow: tuple[Path, dict, float]) -> None:
    """A config.yaml without a line in it, or none at all, is fine."""
    project, expected, _ = slow
    settings = project / "scripts" / faults.NAME / "config.yaml"
    for text in ("", "# nothing yet\n"):
        settings.write_text(text)
        assert faults.make(project).returncode == 0
    settings.unlink()
    assert faults.make(project).returncode == 0
    assert faults.artifacts(project) == expected
