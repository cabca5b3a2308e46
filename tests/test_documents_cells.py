"""Cells as Jupyter, R Markdown, Quarto and MyST write them: they run, or stop the build."""

import json
import re
import sys
from pathlib import Path

import bs4
import pypdf
import pytest
import writing

from labflake.documents import kernels
from labflake.documents.checks import check
from labflake.documents.source import read
from labflake.errors import LabError
from labflake.project.experiments import Experiment

QUARTO = """
---
title: Quarto
---

See @fig-scores, [-@fig-scores], [Fig. @fig-scores], [see @tbl-rows, left] and @sec-end; `@fig-no`.

```{python}
#| label: fig-scores
#| fig-cap: "Scores: a *line*, `{python} 40 + 2`."
#| fig-alt: A line
#| echo: true
import matplotlib.pyplot as plt  # quarto

plt.figure(figsize=(2, 1))
plt.plot([1, 2])
```

```{python}
#| label: load-data
seen = 6 * 7
```

```{python rows, tab.cap="Rows of all"}
import pandas as pd

pd.DataFrame({"a": [1, seen]})
```

```{code-cell} ipython3
print("myst", seen)
```

````
```{python}
print("only shown")
```
````

```{python}
plt.plot([2, 1])
plt.legend(["only a figure"])
```

<!--
```{python}
raise ValueError("commented out")
```
-->

$$ x = 1 $$ {#eq-one}

@eq-one.

# The end {#sec-end}
"""


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("\u00a0", " "))


@pytest.fixture(scope="module")
def quarto(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Build a report in Quarto's spelling; return the texts of page and PDF."""
    project = writing.project(tmp_path_factory.mktemp("quarto") / "p")
    (answer,) = writing.build(project, writing.write(project, writing.ODD, QUARTO))
    assert answer["error"] is None
    folder = writing.outputs(project, writing.ODD)
    page = bs4.BeautifulSoup((folder / "report.html").read_text(encoding="utf-8"), "html.parser")
    pdf = pypdf.PdfReader(folder / "report.pdf")
    return _plain(page.get_text()), _plain(" ".join(p.extract_text() for p in pdf.pages))


@pytest.mark.parametrize(
    "words",
    [
        "See Figure 1, 1, Fig. 1, see 1, left and Section 1; @fig-no.",
        "Figure 1. Scores: a line, 42.",
        "import matplotlib.pyplot as plt",
        "Table 1. Rows of all",
        "myst 42",
        "```{python}",
        "Equation 1.",
    ],
)
def test_the_spelling_of_quarto_and_r_markdown_is_understood(
    words: str, quarto: tuple[str, str]
) -> None:
    """Cells in braces run; labels, captions, references and `echo` mean what they mean there."""
    page, pdf = quarto
    assert words in page
    assert words in pdf


def test_what_drawing_returns_is_not_printed_beside_the_figure(quarto: tuple[str, str]) -> None:
    """`<Axes: …>`, lines and legends of a figure that is shown are left out."""
    assert [text for text in quarto if "<matplotlib" in text or "Legend" in text] == []


REFUSED = {
    "```{cobol}\nSTOP\n```\n": (5, "no Jupyter kernel"),
    "```{figure} a.svg\nText.\n```\n": (5, "![Caption]"),
    "Text.\n\n:::{margin}\nText.\n:::\n": (7, "{margin}"),
    "````{note}\n\n```{math}\nx\n```\n````\n": (7, "$$"),
    "(fig-a)=\n![A](a.svg)\n": (5, "names a heading"),
    "Text {{< pagebreak >}}\n": (5, "short code"),
    "```{python}\n#| eval: false\nx\n```\n": (6, "```{.python}"),
    "```{python}\n#| fig-width: 3\nx\n```\n": (6, "figsize"),
    "```{python}\n#| fig-subcap: [a, b]\nx\n```\n": (6, "layout-ncol"),
    "```{code-cell} forth\n1 .\n```\n": (5, "no Jupyter kernel"),
    "- item\n\n  ```{python}\n  x\n  ```\n": (7, "left margin"),
    "- ```python\n  x\n  ```\n": (5, "left margin"),
    "> ```{python}\n> x\n> ```\n": (5, "left margin"),
    "    ```{python}\n    x\n    ```\n": (5, "left margin"),
    "```python .noeval\nx\n```\n": (5, "```{.python}"),
    "```{code-cell}\n:tags: [hide]\nx\n```\n": (6, "#| label"),
    "```{python, fig.height=3}\nx\n```\n": (5, "fig.height"),
    "```{python}\n#| echo: maybe\nx\n```\n": (6, "maybe"),
    "Text.\n\n```{python}\nx = 1\n": (7, "never closed"),
    "~~~{python}\n(\n~~~\n": (6, "SyntaxError"),
    "```{python}\nx\n#| echo: true\n```\n": (7, "above its code"),
    "```{python}\n#| width: wide\nx\n```\n": (6, "60%"),
    "```{python}\n#| layout-ncol: two\nx\n```\n": (6, "a number"),
    "It is `{python} print(x)`.\n": (5, "gives no value"),
    "It is `{r} nrow(x)` rows.\n": (5, "{r}"),
    "It is `r nrow(x)` rows.\n": (5, "`r nrow(x)`"),
    "It is {eval}`x` rows.\n": (5, "{eval}"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_looks_like_a_cell_and_cannot_run_is_refused(
    text: str, tmp_path: Path, in_the_template: None
) -> None:
    """The line is named: nothing that a reader takes for a cell is printed as text."""
    source = tmp_path / "report.md"
    source.write_text(f"---\ntitle: T\n---\n\n{text}")
    line, word = REFUSED[text]
    with pytest.raises(LabError) as refused:
        check(read(source), Experiment("2026-01-01-None"))
    assert f"report.md:{line}: " in str(refused.value)
    assert word in str(refused.value)


@pytest.mark.parametrize("text", ["```{.python}\nx\n```", "```r\nx\n```", "`r`", "`r = 1`"])
def test_a_listing_is_no_cell(text: str, tmp_path: Path, in_the_template: None) -> None:
    """Code with a class, of another language, or in a span is shown as it is."""
    source = tmp_path / "report.md"
    source.write_text(f"---\ntitle: T\n---\n\n{text}\n")
    found = read(source)
    check(found, Experiment("2026-01-01-None"))
    assert [cell.kind for cell in found.cells] == ["markdown"]


def test_options_may_follow_blank_lines(tmp_path: Path, in_the_template: None) -> None:
    """They are the first lines that are not blank; errors have the line where they stand."""
    source = tmp_path / "report.md"
    source.write_text("---\ntitle: T\n---\n\n```{python}\n\n#| echo: true\nx\n```\n")
    (cell,) = read(source).cells
    assert (cell.line, cell.options["show"], cell.code) == (7, "all", "x")


@pytest.mark.skipif(bool(kernels.find("r")), reason="R has a kernel here")
def test_a_cell_of_r_without_a_kernel_says_what_to_install(
    tmp_path: Path, in_the_template: None
) -> None:
    """The line of the cell, the missing kernel, and the two ways out."""
    source = tmp_path / "report.md"
    source.write_text("---\ntitle: T\n---\n\n```{r scores}\nnrow(x)\n```\n")
    with pytest.raises(LabError, match=r"report.md:5: .*\{r\}(.|\n)*IRkernel(.|\n)*```{\.r}"):
        check(read(source), Experiment("2026-01-01-None"))


BASH = """
import subprocess
from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel


class Bash(Kernel):
    implementation = implementation_version = language = banner = "bash"
    language_info = {"name": "bash", "mimetype": "text/x-sh", "file_extension": ".sh"}

    async def do_execute(self, code, *args, **options):
        done = subprocess.run(["bash", "-c", code], capture_output=True, text=True)
        self.send_response(self.iopub_socket, "stream", {"name": "stdout", "text": done.stdout})
        answer = {"execution_count": self.execution_count}
        if not done.returncode:
            return {"status": "ok", "payload": [], "user_expressions": {}, **answer}
        error = {"ename": "Failed", "evalue": done.stderr, "traceback": [done.stderr]}
        self.send_response(self.iopub_socket, "error", error)
        return {"status": "error", **error, **answer}


IPKernelApp.launch_instance(kernel_class=Bash)
"""


@pytest.mark.long
def test_a_cell_of_another_language_runs_in_its_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cells run in the order of the text, each in its kernel; an error has the line of its cell."""
    folder = tmp_path / "jupyter/kernels/bash"
    folder.mkdir(parents=True)
    (folder / "kernel.py").write_text(BASH)
    argv = [sys.executable, str(folder / "kernel.py"), "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Bash", "language": "bash"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    project = writing.project(tmp_path / "p")
    text = (
        "---\ntitle: T\n---\n\n```python\nfile = open('../../a', 'w').write('from python')\n```\n\n"
    )
    text += "```{bash}\n#| echo: true\ncat ../../a; echo ' to bash'\n```\n\n"
    good = writing.write(project, writing.ODD, text)
    bad = writing.write(project, "2026-12-02-Bad", text + "```{bash}\ncat none.txt\n```\n")
    answers = writing.build(project, good, bad)
    assert answers[0]["error"] is None
    page = (writing.outputs(project, writing.ODD) / "report.html").read_text(encoding="utf-8")
    assert "from python to bash" in page
    assert 'class="sourceCode bash"' in page
    assert "report.md:15: Failed: cat: none.txt" in answers[1]["error"]


THREADS = """
---
title: Threads
---

```{python}
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

pool, processes = ThreadPoolExecutor(2), ProcessPoolExecutor(1)
pool.submit(print, "first").result()
print(processes.submit(abs, -7).result())
own = threading.Thread(target=print, args=["second"])
own.start()
own.join()
threading.Thread(target=threading.Event().wait, daemon=True).start()
```

```{python}
pool.submit(print, "third").result()
```
"""


def test_idle_pools_may_outlive_their_cell(tmp_path: Path) -> None:
    """What threads print while a cell runs is shown; idle pools and daemons stop no build."""
    project = writing.project(tmp_path)
    (answer,) = writing.build(project, writing.write(project, "2026-01-01-Threads", THREADS))
    assert not answer["error"]
    page = writing.outputs(project, "2026-01-01-Threads") / "report.html"
    said = bs4.BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").get_text()
    assert all(word in said for word in ("first", "7", "second", "third"))
