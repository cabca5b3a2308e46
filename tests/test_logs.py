"""What steps print: shown while they run, kept, counted; and one step alone in a terminal."""

import os
import pty
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import random_steps
from random_steps import GENERATED, SCRIPTS

from labflake import errors

SNAKEFILE = f"""
rule all:
  input: "assets/data/fit.txt"

rule fit:
  input: "../../{SCRIPTS}/in1.txt"
  output: "assets/data/fit.txt"
  shell: "python ../../{SCRIPTS}/fit.py {{input}} {{output}}"
"""
FIT = """
    import sys, time, warnings
    print("a line of fit", flush=True)
    warnings.warn("the matrix is nearly singular")
    warnings.warn("few values")
    text = open(sys.argv[1]).read()
    time.sleep(float(text))
    with open(sys.argv[2], "w") as file:
        file.write(text)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Write an experiment with one step, which prints a line and warns twice."""
    drawn = random_steps.Drawn(SNAKEFILE, ["assets/data/fit.txt"], ["in1.txt"], [])
    project = random_steps.write(tmp_path / "project", drawn)
    (project / SCRIPTS / "fit.py").write_text(textwrap.dedent(FIT))
    (project / SCRIPTS / "in1.txt").write_text("0\n")
    return project


def labflake(folder: Path, *words: str, **options) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder of the project, as a person does; nothing comes from a cache."""
    return subprocess.run(
        [sys.executable, "-m", "labflake", *words],
        cwd=folder,
        env=os.environ | {"LABFLAKE_CACHE": "off"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )


def on_a_terminal(folder: Path, *words: str, typed: str = "", until: str = "", go: str = "") -> str:
    """Run a command on a terminal of its own; return all that it showed, and its code.

    When it has shown what matches `until`, the file `go` is made.
    """
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "labflake", *words]
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    env = os.environ | {"LABFLAKE_CACHE": "off", "TERM": "xterm"}
    with subprocess.Popen(
        command, cwd=folder, env=env, start_new_session=True, **streams
    ) as process:
        os.close(theirs)
        os.write(ours, typed.encode())
        shown = b""
        while True:
            try:
                shown += os.read(ours, 10_000)
            except OSError:  # the other side is closed
                break
            if until and re.search(until, shown.decode(errors="replace")):
                Path(go).touch()
    os.close(ours)
    return f"{shown.decode()}\nexit code {process.returncode}"


@pytest.mark.long
def test_a_log_is_shown_and_its_warnings_are_counted(project: Path) -> None:
    """A step that warns is named when it is done, with the command that shows what it printed."""
    built = labflake(project, "build").stdout
    assert "  2 warnings: make log STEP=fit\n" in built
    shown = labflake(project / SCRIPTS, "log", "fit").stdout
    assert "a line of fit\n" in shown
    assert "UserWarning: few values" in shown
    assert "fit" in labflake(project / "src", "log").stdout


def test_everything_is_shown_as_it_comes(project: Path) -> None:
    """With VERBOSE=1 the lines of a step stand there, after its name, before it is done."""
    lines = labflake(project, "build", "--verbose").stdout.splitlines()
    line = lines.index("  fit │ a line of fit")
    assert line < next(n for n, text in enumerate(lines) if text.startswith("  [1/1] fit"))


@pytest.mark.long
def test_a_running_step_shows_its_clock_and_its_last_line(project: Path) -> None:
    """On a terminal the step that runs is shown with the time that it took and its last line."""
    go, clock = f"{project}/go", r"fit (?!0:00)\d+:\d\d │ a line of fit"
    program = 'import os, sys, time\nprint("a line of fit", flush=True)\n'
    program += f"while not os.path.exists({go!r}):\n    time.sleep(0.02)\nopen(sys.argv[2], 'w')\n"
    (project / SCRIPTS / "fit.py").write_text(program)
    assert re.search(clock, on_a_terminal(project, "build", until=clock, go=go))


def test_a_failed_step_is_debugged_by_the_line_that_is_shown(project: Path) -> None:
    """After a failure there is a line to paste, which runs the step where breakpoint() works."""
    program = project / SCRIPTS / "fit.py"
    program.write_text("import sys\nnumber = 41\n1 / 0\n")
    failed = labflake(project, "build")
    assert "  to look into it: make debug STEP=fit\n" in failed.stdout
    program.write_text("import sys\nnumber = 41\nbreakpoint()\nopen(sys.argv[2], 'w')\n")
    shown = on_a_terminal(project, "debug", "fit", typed="p number + 1\nc\n")
    assert "\n42" in shown.replace("\r", "")
    assert "it ended well; nothing was stored" in shown


def test_debugging_leaves_results_as_they_are(project: Path) -> None:
    """What a step writes while somebody debugs it is gone, and the result is there as before."""
    labflake(project, "build")
    (project / SCRIPTS / "fit.py").write_text("import sys\nopen(sys.argv[2], 'w').write('no')\n")
    assert labflake(project / SCRIPTS, "debug", "fit").returncode == 0
    assert (project / GENERATED / "assets/data/fit.txt").read_text() == "0\n"
    assert not [*(project / GENERATED / ".labflake").glob("running/*")]


def test_a_shell_has_the_environment_of_steps(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the shell, programs stand where those of steps stand, and see the same variables."""
    monkeypatch.setenv("OF_A_PERSON", "x")
    said = labflake(project, "shell", input="echo $PWD $TZ $OF_A_PERSON; which python\n").stdout
    lines = said.splitlines()
    assert f"{project / GENERATED} UTC" in lines
    assert str(project / ".venv/bin/python") in lines


def test_a_shell_ends_well_whatever_was_tried_in_it(project: Path) -> None:
    """A command that failed in the shell is no error of `make shell`."""
    assert on_a_terminal(project, "shell", typed="false\nexit\n").endswith("\nexit code 0")


@pytest.mark.parametrize(
    "call", ["formats.of(path)", "with contextlib.ExitStack() as s: s.callback(formats.of, path)"]
)
def test_an_error_names_the_line_of_the_program_that_made_it(tmp_path: Path, call: str) -> None:
    """An error that a person can act on is shown with their own line, not with one of a library."""
    program = tmp_path / "scripts" / "fit.py"
    program.parent.mkdir()
    program.write_text(
        "import contextlib, pathlib\nfrom labflake.io import formats\n"
        f"path = pathlib.Path('t.xyz')\n{call}\n"
    )
    audit = Path(errors.__file__).parent / "processes" / "audit"
    given = {"LAB_STEP": str(tmp_path), "LABFLAKE_PROJECT": str(tmp_path), "PYTHONPATH": str(audit)}
    done = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, env=os.environ | given
    )
    assert done.stderr.startswith("scripts/fit.py:4: error: t.xyz: ")
