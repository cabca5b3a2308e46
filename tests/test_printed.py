"""What programs print, of any size and any bytes, reaches terminal and documents as text."""

import re
from pathlib import Path

import bs4
import pypdf
import pytest
import writing

from labflake.content import printed

TAMED = {
    "colours": ("\x1b[1;31mred\x1b[0m and \x9b32mgreen", "red and green"),
    "links and titles": ("\x1b]8;;https://x\x07link\x1b]8;;\x1b\\ \x1b]0;title\x07end", "link end"),
    "moves": ("a\x1b[2K\x1b[1Ab\x1b7c\x1b(Bd", "abcd"),
    "a progress bar": ("\r  0%\r 50%\r100%\ndone", "100%\ndone"),
    "shorter over longer": ("abcdef\rxy", "xycdef"),
    "lines of Windows": ("a\r\nb\r\r\nc", "a\nb\nc"),
    "backspaces": ("N\bNA\bAM\bME\bE \b\b\b\b\b\b\bx", "x"),
    "bells and zeros": ("a\x07\x00b\x7f\x85c\x0cd", "ab\nc\nd"),
    "no characters": ("a\ud800b\uffff", "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}"),
    "other text": ("tab\there, ü 漢 🙂 \u200f", "tab\there, ü 漢 🙂 \u200f"),
}


@pytest.mark.parametrize("name", TAMED)
def test_text_is_tamed(name: str) -> None:
    """What a terminal would show at the end is left, and nothing that moves or hides it."""
    text, expected = TAMED[name]
    assert printed.tamed(text) == expected


def test_the_end_of_a_log_of_any_size_is_shown(tmp_path: Path) -> None:
    """A log is not read whole, its lines are cut, and bytes that are no text are marked."""
    log = tmp_path / "step.log"
    with log.open("wb") as file:
        file.seek(1 << 33)  # a hole: 8 GB
        file.write(b"\nfirst\n\x1b[31m\xff last\x1b[0m\n" + b"x" * 5000 + b"\n")
    *_, first, last, cut = printed.last_lines(log, 3)
    assert (first, last) == ("first", "\N{REPLACEMENT CHARACTER} last")
    assert cut == "x" * 1000 + " …"


SOURCE = """\
---
title: Printed
---

# One

```python
import os, sys
print("\\x1b[31mred\\x1b[0m \\x07\\x00 sur \\ud800 gate")
print("```````\\n# no heading\\n````````\\n\\x01cell-0")
for n in range(5):
    print(f"\\r{n * 25}%", end="", file=sys.stderr)
```

```python
os.write(1, b"\\xff raw\\n")
print("between")
```

```python
for n in range(3000):
    print("line", n, "x" * 40)
print("y" * 200_000)
print("end of it")
```
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[bs4.BeautifulSoup, str]:
    """Build a report whose cells print a lot; return its page, and the text of its PDF."""
    project = tmp_path_factory.mktemp("printed") / "p"
    writing.experiment(writing.project(project), writing.ODD)
    source = writing.write(project, writing.ODD, SOURCE)
    (answer,) = writing.build(project, source)
    assert answer["error"] is None
    folder = writing.outputs(project, writing.ODD)
    page = bs4.BeautifulSoup((folder / "report.html").read_text("utf-8"), "html.parser")
    pages = pypdf.PdfReader(folder / "report.pdf").pages
    return page, " ".join(each.extract_text() for each in pages)


@pytest.mark.long
def test_cells_print_anything(built: tuple[bs4.BeautifulSoup, str]) -> None:
    """Sequences, zeros, fences, bytes and halves of characters become text, and nothing is lost."""
    page, text = built
    outputs = [each.get_text() for each in page.select("pre.output")]
    assert (
        outputs[0]
        == "red  sur \N{REPLACEMENT CHARACTER} gate\n```````\n# no heading\n````````\ncell-0"
    )
    assert outputs[1] == "100%"
    assert outputs[2].splitlines() == ["\N{REPLACEMENT CHARACTER} raw", "between"]
    assert [h.get_text() for h in page.select("main h2")][:1] == ["1 One"]
    assert "# no heading" in text


@pytest.mark.long
def test_cells_print_a_lot(built: tuple[bs4.BeautifulSoup, str]) -> None:
    """Thousands of lines with long words, and a word of 200,000 letters, are all there."""
    page, text = built
    shown = page.select("pre.output")[-1].get_text()
    assert shown.startswith("line 0 ")
    assert shown.endswith("\nend of it")
    numbers = [int(n) for n in re.findall(r"line (\d+) ", text)]
    assert numbers == [*range(3000)]
    assert "end of it" in text
    assert len(re.findall("y", text)) >= 200_000
