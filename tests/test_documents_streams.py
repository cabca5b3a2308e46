"""What cells and their programs print stands in its order, in its cell, whatever the clock does."""

import json
import random
import sys
from pathlib import Path

import pytest
import writing

pytestmark = pytest.mark.long

NAME = "2026-01-01-Streams"
SEED = 2611
_BEGIN = """
import os, subprocess, sys, time
from IPython.display import display
"""
# how a cell writes TEXT, and to which of its streams
WAYS = {
    "print(TEXT)": "stdout",
    "print(TEXT, file=sys.stderr)": "stderr",
    "n = os.write(1, (TEXT + '\\n').encode())": "stdout",
    "n = os.write(2, (TEXT + '\\n').encode())": "stderr",
    "n = [os.write(1, bytes([b])) for b in (TEXT + '\\n').encode()]": "stdout",
    "print(TEXT, file=sys.__stdout__, flush=True)": "stdout",
    "assert not os.system('echo ' + TEXT)": "stdout",
    "assert not os.system('echo ' + TEXT + ' >&2')": "stderr",
    "assert not subprocess.call(['echo', TEXT], stdout=sys.stdout)": "stdout",
    "assert not subprocess.call(['echo', TEXT], stdout=sys.stderr)": "stderr",
    "display({'text/plain': TEXT}, raw=True)": "",
}


def _source(cells: list[str]) -> str:
    fences = "".join(f"\n```python\n{code}\n```\n" for code in cells)
    return f"---\ntitle: Streams\n---\n\n# One\n\n```python\n{_BEGIN}```\n{fences}"


def _outputs(project: Path, cells: list[str]) -> list[list[tuple[str, str]]]:
    """Build a report of cells; return what each shows: stream or nothing, and the text."""
    (answer,) = writing.build(project, writing.write(project, NAME, _source(cells)))
    assert not answer["error"], answer["error"]
    notebook = json.loads(
        (project / "generated" / NAME / "assets/report/report.ipynb").read_bytes()
    )
    found = [cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return [[_shown(output) for output in outputs] for outputs in found[1:]]


def _shown(output: dict) -> tuple[str, str]:
    if output["output_type"] == "stream":
        return output["name"], "".join(output["text"])
    return "", "".join(output["data"]["text/plain"])


def _expected(drawn: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return what a cell shows: between what it displays, one text of each stream."""
    shown: list[tuple[str, str]] = []
    texts = {"stdout": "", "stderr": ""}
    for stream, text in [*drawn, ("", "")]:
        if stream:
            texts[stream] += f"{text}\n"
            continue
        shown += [(name, text) for name, text in texts.items() if text]
        texts = {"stdout": "", "stderr": ""}
        shown += [("", text)] if text else []
    return shown


def test_all_that_writes_is_shown_in_order(tmp_path: Path) -> None:
    """Prints, descriptors, programs, pauses and displays at random: nothing is lost or swapped."""
    draw, cells, wanted = random.Random(SEED), [], []
    for cell in range(40):
        drawn = [(draw.choice([*WAYS]), f"{cell}-{n}-ü¼") for n in range(draw.randrange(1, 9))]
        lines = [way.replace("TEXT", repr(text)) for way, text in drawn]
        for _ in range(draw.randrange(2) if cell % 4 == 0 else 0):
            lines.insert(draw.randrange(len(lines) + 1), "time.sleep(0.25)")
        cells.append("\n".join(lines))
        wanted.append(_expected([(WAYS[way], text) for way, text in drawn]))
    assert _outputs(writing.project(tmp_path), cells) == wanted


def test_what_c_buffers_is_shown_by_its_cell(tmp_path: Path) -> None:
    """What a library in C or `sys.__stdout__` holds when a cell ends is shown by that cell."""
    held = [
        "import ctypes\nn = ctypes.CDLL(None).puts(b'of C')\nprint('after')",
        "n = sys.__stdout__.write('of Python')",
    ]
    shown = _outputs(writing.project(tmp_path), held)
    assert shown == [[("stdout", "of C\nafter\n")], [("stdout", "of Python")]]


def test_a_program_that_outlives_its_cell_may_be_silent_only(tmp_path: Path) -> None:
    """A program that prints when no cell runs stops the build; one that says nothing does not."""
    project = writing.project(tmp_path)
    started = "running = subprocess.Popen(['sh', '-c', 'sleep 0.1; {}'])"
    silent = [started.format("true"), "n = running.wait()"]
    assert _outputs(project, silent) == [[], []]
    source = _source([started.format("echo late")]) + "\n`{python} [running.wait(), 1][1]`\n"
    (answer,) = writing.build(project, writing.write(project, NAME, source))
    assert "a program was still at work when its cell ended" in answer["error"]


def test_what_a_pager_would_show_is_shown(tmp_path: Path) -> None:
    """Help of IPython, which a terminal would show page by page, is part of the document."""
    ((shown,),) = _outputs(
        writing.project(tmp_path), ["get_ipython().run_line_magic('pinfo', 'len')"]
    )
    assert "Return the number of items in a container." in shown[1]


@pytest.mark.skipif(sys.platform != "linux", reason="signals are told otherwise")
def test_the_last_words_of_a_kernel_are_told(tmp_path: Path) -> None:
    """What a library wrote to the standard error before it ended the kernel is in the error."""
    project = writing.project(tmp_path)
    source = _source(["n = os.write(2, b'terminate called: no memory\\n'); os.abort()"])
    (answer,) = writing.build(project, writing.write(project, NAME, source))
    assert "the kernel died in this cell" in answer["error"]
    assert "terminate called: no memory" in answer["error"]
