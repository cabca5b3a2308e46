"""The bytes of documents have a number: with another one, all documents are made again."""

import hashlib
from pathlib import Path

import bs4
import pypdf
import pytest
import writing

import labflake.documents
from labflake.processes import determinism

EXPERIMENT = "2026-01-01-Format"
SOURCE = """
---
title: Format
---

# First

A sentence with *words*, $x^2$ and `code`; see @tbl:one.

```python
#| label: tbl:one
#| caption: One.
import pandas as pd

pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
```

- one
- two

The sum is `{python} 1 + 1`.
"""
# If only a newer pandoc, Typst or pandas changed one of them, or a filter says the same in other
# words, write down what is now; if labflake changes it, `DOCUMENT_FORMAT` has to be another number.
PAGE = "6eb1d09f4f818a58"
PDF = "076d80efaa5210e0"


@pytest.mark.long
def test_a_document_has_the_bytes_of_its_format(tmp_path: Path) -> None:
    """A report has known bytes; if it has others, `DOCUMENT_FORMAT` is another number."""
    project = writing.project(tmp_path / "p")
    source = writing.write(project, EXPERIMENT, SOURCE)
    (answer,) = writing.build(project, source)
    assert answer["error"] is None
    folder = writing.outputs(project, EXPERIMENT)
    html = (folder / "report.html").read_text(encoding="utf-8")
    page = bs4.BeautifulSoup(html, "html.parser")
    page.select_one(".provenance").decompose()  # has the versions of packages
    assert _digest(str(page)) == PAGE
    text = pypdf.PdfReader(folder / "report.pdf").pages[0].extract_text().split("Provenance")[0]
    assert _digest(text + _typst()) == PDF
    assert determinism.DOCUMENT_FORMAT == 8


def _typst() -> str:
    """Return what decides how the PDF looks: templates and filters."""
    files = sorted(Path(labflake.documents.__file__).parent.rglob("*.*"))
    kinds = (".typ", ".lua", ".jinja", ".j2")
    return "".join(p.read_text(encoding="utf-8") for p in files if p.suffix in kinds)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
