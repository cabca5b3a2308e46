"""Documents that are wrong in one way each: source, line to be named, word of the message."""

import textwrap
from typing import NamedTuple


class Broken(NamedTuple):
    """A document and what its author must be told."""

    text: str
    line: int
    word: str
    name: str = "report.md"


def _report(body: str, line: int, word: str, name: str = "report.md") -> Broken:
    """Put a header of three lines and a blank one above the body; lines count from its first."""
    text = "---\ntitle: Broken\n---\n\n" + textwrap.dedent(body).lstrip("\n")
    return Broken(text, line + 4, word, name)


def _header(header: str, line: int, word: str) -> Broken:
    """Put the header given above a line of text."""
    text = "---\n" + textwrap.dedent(header).lstrip("\n") + "---\n\nText.\n"
    return Broken(text, line + 1, word)


CODE = {
    "a cell raises": _report("Text.\n\n```python\nx = 1\n1 / 0\n```\n", 5, "ZeroDivisionError"),
    "a function of a cell raises": _report(
        "```python\ndef f():\n    raise ValueError('no')\n\n\nf()\n```\n", 6, "ValueError: no"
    ),
    "a cell ends": _report("```python\nraise SystemExit(3)\n```\n", 2, "SystemExit"),
    "the kernel dies": _report("```python\nimport os\n\nos._exit(3)\n```\n", 2, "died"),
    "an expression fails": _report("A\n\nIt is `{python} nope` now.\n", 3, "NameError"),
    "an expression of a table": _report(
        "| a |\n|---|\n| `{python} {}['k']` |\n", 3, "KeyError: 'k'"
    ),
    "an expression of a caption": _report(
        "```python\n#| label: tbl:a\n#| caption: Has `{python} nope` rows\nprint(1)\n```\n",
        3,
        "NameError",
    ),
    "an expression of the header": _header(
        "title: T\nabstract: |\n  It is\n  `{python} nope`.\n", 4, "NameError"
    ),
    "a label without output": _report(
        "```python\n#| label: fig:a\n#| caption: Nothing\nx = 1\n```\n", 2, "no output"
    ),
    "a caption on text": _report(
        "```python\n#| label: fig:a\n#| caption: Nothing\nprint(1)\n```\n", 2, "no table or figure"
    ),
    "an expression that gives an object": _report(
        "A\n\nIt is `{python} object()`.\n", 3, "is no text"
    ),
    "a cell that calls exit": _report("```python\nexit()\n```\n", 2, "SystemExit"),
    "a thread prints between cells": _report(
        """
        ```python
        x = 1
        ```

        ```python
        import threading

        ended = threading.Event()
        late = threading.Thread(target=lambda: (ended.wait(), print("late")))
        late.start()
        ```

        Now `{python} ended.set(), late.join()`.
        """,
        6,
        "printed after its cell",
    ),
    "a pool prints between cells": _report(
        """
        ```python
        from concurrent.futures import ThreadPoolExecutor

        pool = ThreadPoolExecutor()
        pool.submit(print, "early").result()
        ```

        Now `{python} pool.submit(print, "late").result()`.
        """,
        2,
        "printed after its cell",
    ),
    "a thread shows between cells": _report(
        """
        ```python
        import threading

        ended = threading.Event()
        late = threading.Thread(target=lambda: (ended.wait(), display("late")))
        late.start()
        ```

        Now `{python} ended.set(), late.join()`.
        """,
        2,
        "printed after its cell",
    ),
    "a task prints in a later cell": _report(
        """
        ```python
        import asyncio

        going = asyncio.Event()


        async def late():
            await going.wait()
            print("late")


        task = asyncio.create_task(late())
        ```

        ```python
        going.set()
        await task
        ```
        """,
        2,
        "printed after its cell",
    ),
    "a thread does not end": _report(
        """
        ```python
        import threading

        threading.Thread(target=threading.Event().wait).start()
        ```
        """,
        2,
        "still at work",
    ),
    "a thread prints after the last cell": _report(
        """
        ```python
        import threading
        import time

        threading.Thread(target=lambda: (time.sleep(0.5), print("late"))).start()
        ```
        """,
        2,
        "printed after its cell",
    ),
    "missing data": _report("```python\nopen('none.csv')\n```\n", 2, "FileNotFoundError"),
}
STATIC = {
    "code does not parse": _report("```python\nx = 1\ny = (\n```\n", 3, "SyntaxError"),
    "code is not indented": _report("```python\nif True:\nx = 1\n```\n", 3, "IndentationError"),
    "an expression does not parse": _report("It is `{python} 1 +` now.\n", 1, "SyntaxError"),
    "an unknown option": _report("```python\n#| captoin: c\nx = 1\n```\n", 2, "caption?"),
    "an unknown value of show": _report("```python\n#| show: hide\nx = 1\n```\n", 2, "hide"),
    "a missing figure": _report("A\n\n![Cap](none.svg)\n", 3, "none.svg"),
    "a figure from the web": _report(
        "![Cap](https://example.org/a.png)\n", 1, "must be a file of the project"
    ),
    "an unknown reference": _report("A\n\nSee @fig:none.\n", 3, "@fig:none"),
    "an unknown citation": _report("A\n\nSee [@none2020].\n", 3, "@none2020"),
    "a section label twice": _report("# A {#sec:a}\n\n# B {#sec:a}\n", 3, "twice"),
    "an equation label twice": _report("$$a$$ {#eq:a}\n\n$$b$$ {#eq:a}\n", 3, "twice"),
    "a label of the wrong kind": _report(": Cap {#fig:t}\n\n| a |\n|---|\n| b |\n", 1, "tbl:"),
    "a formula": _report("A\n\nIt is $\\frac{1}{$ here.\n", 3, "formula"),
    "an unknown command in a formula": _report("$$ a\n  \\nope{b} $$\n", 1, "formula"),
    "a character of no font": _report("A\n\nIt says 日 here.\n", 3, "U+65E5"),
    "a character of no font in the title": _header("title: 日\n", 1, "U+65E5"),
    "a formula that is too wide": _report("A\n\n$$ " + "a + " * 90 + "b $$\n", 3, "wider"),
    "a table that is too wide": _report(
        "A\n\n" + "| wordwordword " * 40 + "|\n" + "|--" * 40 + "|\n" + "| b " * 40 + "|\n",
        3, "too wide",
    ),
    "a footnote that is missing": _report("A.[^1]\n", 1, "footnote"),
    "a footnote that nobody needs": _report("A.\n\n[^1]: Note.\n", 3, "footnote"),
    "a link to nowhere": _report("A\n\n[Here](#nowhere).\n", 3, "nowhere"),
    "a division that does not end": _report('A\n\n<div class="columns">\n\nB\n', 3, "closed"),
    "HTML that a PDF cannot show": _report("A\n\n<video src='x'></video>\n", 3, "HTML"),
    "no header": Broken("Text.\n", 1, "no header"),
    "no title": _header("author: A\n", 0, "title"),
    "a header that is no YAML": _header("title: [A\n", 1, "YAML"),
    "a header that is a list": _header("- title\n", 1, "key: value"),
    "a misspelt key": _header("title: T\nbibliograpy: a.bib\n", 2, "bibliography?"),
    "a missing bibliography": _header("title: T\nbibliography: none.bib\n", 2, "none.bib"),
    "a bibliography that is none": _header(
        "title: T\nbibliography: broken.bib\n", 2, "broken.bib"
    ),
    "a missing style": _header("title: T\ncsl: none.csl\n", 2, "none.csl"),
    "an unknown language": _header("title: T\nlang: German\n", 2, "lang: German"),
    "a language that is false": _header("title: T\nlang: no\n", 2, "write nb"),
    "a date that is none": _header("title: T\ndate: yesterday\n", 2, "yesterday"),
    "a wrong ORCID iD": _header(
        "title: T\nauthor:\n  - name: A\n    orcid: 0000-0002-1825-0098\n", 4, "check digit"
    ),
    "an author without name": _header("title: T\nauthor:\n  - orcid: 1\n", 3, "name"),
    "an overfull slide": _report(
        "## Fine\n\nA\n\n## Too full\n\n" + "Word.\n\n" * 40, 5, "(Too full)", "2026-01-02-talk.md"
    ),
    "an overfull step": _report(
        "## A\n\n<div class='incremental'>\n\n" + "- item\n" * 30 + "\n</div>\n",
        1, "too full", "2026-01-02-talk.md",
    ),
    "no text": Broken("---\ntitle: T\n---\n", 3, "nothing follows"),
    "not UTF-8": Broken("", 2, "UTF-8"),
}  # fmt: skip
