"""The header of a document: shown as it is written; what others know is understood or told."""

from pathlib import Path

import pytest
import writing

from labflake.documents import header
from labflake.documents.source import Source, read
from labflake.errors import LabError

pytestmark = pytest.mark.usefixtures("in_the_template")


def _read(folder: Path, yaml: str, body: str = "Text.") -> Source:
    """Write a document whose header is a title in line 2 and the YAML given from line 3 on."""
    path = folder / "report.md"
    path.write_text(f"---\ntitle: T\n{yaml}\n---\n\n{body}\n")
    return read(path)


REFUSED = {
    "execute: {eval: false}": (3, "```{.python}"),
    "execute:\n  echo: true\n  error: true": (5, "catch"),
    "execute:\n  ecoh: true": (4, "echo?"),
    "execute: true": (3, "{echo: true}"),
    "echo: perhaps": (3, "neither true nor false"),
    "code-fold: true": (3, "echo"),
    "format:\n  html:\n    code-fold: show": (5, "echo"),
    "format:\n  html:\n    toc: true": (5, "left margin"),
    "format:\n  pdf:\n    echo: true": (5, "left margin"),
    "output:\n  pdf_document:\n    number_sections: no": (5, "{.unnumbered}"),
    "number-sections: false": (3, "{.unnumbered}"),
    "params:\n  alpha: 1": (3, "config.yaml"),
    "affiliation: Institute": (3, "author:"),
    "abstract-title: Summary": (3, "lang:"),
    "description: What it is": (3, "abstract:"),
    "header-includes: |\n  \\usepackage{x}": (3, "page and PDF"),
    "bibliograpy: a.bib": (3, "bibliography?"),
    "references:\n- id: a": (3, "references.bib"),
    "title: Other": (3, "twice"),
    "subtitle: {a: b}": (3, "quotes"),
    "subtitle: [a]": (3, "text"),
    "keywords: {a: b}": (3, "text"),
    "toc: perhaps": (3, "true or false"),
    "date: 2026-01-31 10:00:00": (3, "2026-01-31"),
    "author:\n- name: {given: Ada, family: Example}": (3, "name: Ada Example"),
    "author: [[Ada, Bo]]": (3, "is a text"),
    "author: {name: Ada, email: [a@b.org]}": (3, "email: a@b.org"),
    "date: 2026-02-30": (3, "2026-02-30"),
    "author:\n- name: Ada\n  affiliation: {name: Institute}": (4, "affiliation: Institute"),
}


@pytest.mark.parametrize("yaml", REFUSED)
def test_a_key_that_would_change_the_text_elsewhere_is_refused(yaml: str, tmp_path: Path) -> None:
    """The line of the key, and what to write: no word of it is missing without a word."""
    line, word = REFUSED[yaml]
    with pytest.raises(LabError) as refused:
        header.check(_read(tmp_path, yaml))
    assert f"report.md:{line}: " in str(refused.value)
    assert word in str(refused.value)


TOLD = {
    "fig-width: 6": (3, "figsize"),
    "format:\n  docx: default": (4, "docx"),
    "output: [html_document, word_document]": (3, "word_document"),
    "mainfont: Arial": (3, "fonts"),
    "reviewer: Anna": (3, "comment"),
}


@pytest.mark.parametrize("yaml", TOLD)
def test_a_key_that_means_nothing_here_is_told(yaml: str, tmp_path: Path) -> None:
    """A key that changes no word is a warning with its line."""
    source = _read(tmp_path, yaml)
    header.check(source)
    assert [(p.line, TOLD[yaml][1] in p.text) for p in header.warnings(source)] == [
        (TOLD[yaml][0], True)
    ]


@pytest.mark.parametrize(
    "yaml",
    [
        "jupyter: python3",
        "jupytext:\n  formats: md:myst\nkernelspec:\n  name: python3",
        "execute: {enabled: true, freeze: auto, cache: true, error: false}",
        "format:\n  html:\n    theme: cosmo\n  pdf: default",
        "output:\n  bookdown::pdf_document2:\n    number_sections: yes",
        "number-sections: true",
        "nocite: '@*'",
    ],
)
def test_a_key_that_changes_nothing_is_silent(yaml: str, tmp_path: Path) -> None:
    """What editors keep in a header, and what is so anyway, needs no change."""
    source = _read(tmp_path, yaml)
    header.check(source)
    assert header.warnings(source) == []


@pytest.mark.parametrize(
    ("yaml", "cell", "shown"),
    [
        ("execute: {echo: true}", "", "all"),
        ("echo: true", "", "all"),
        ("execute: {echo: true}", "#| echo: false\n", "output"),
        ("execute: {echo: true}", "#| show: none\n", "none"),
        ("execute: {echo: true, output: false}", "", "code"),
        ("execute: {include: false}", "", "none"),
        ("execute: {include: false}", "#| include: true\n", "output"),
    ],
)
def test_options_of_the_header_are_those_of_all_cells(
    yaml: str, cell: str, shown: str, tmp_path: Path
) -> None:
    """A cell has them unless it says otherwise."""
    (found,) = _read(tmp_path, yaml, f"```python\n{cell}print(1)\n```").cells
    assert found.options["show"] == shown


@pytest.mark.parametrize("said", ["execute: {warning: false}", "message: false"])
def test_warnings_of_cells_are_hidden_on_demand(said: str, tmp_path: Path) -> None:
    """`warning: false` means what it means in Quarto and R Markdown."""
    (found,) = _read(tmp_path, said, "```python\nx = 1\n```").cells
    assert found.options == {"warning": "false"}


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("1.10", "1.10"),
        ("007", "007"),
        ("Yes", "Yes"),
        ("12:30", "12:30"),
        ("1e3", "1e3"),
        ("What happened...", "What happened..."),
        ("2026-01-31", "2026-01-31"),
        ("'1.0'", "1.0"),
    ],
)
def test_a_text_of_the_header_is_what_is_written(written: str, shown: str, tmp_path: Path) -> None:
    """YAML makes numbers, dates and truths of words; a reader sees the words."""
    made = writing.text(
        tmp_path / "report.md", f"---\ntitle: {written}\nkeywords: {written}\n---\n\nText.\n"
    )
    assert made.metadata["title"] == shown
    assert made.metadata["keywords"] == [shown]


def test_the_last_sentence_of_a_header_keeps_its_end(tmp_path: Path) -> None:
    """The full stop before the line of dashes belongs to the text."""
    yaml = "abstract: |\n  It helps.\n\n  It is over."
    assert _read(tmp_path, yaml).header["abstract"] == "It helps.\n\nIt is over.\n"


def test_a_mark_at_the_beginning_of_a_file_is_no_text(tmp_path: Path) -> None:
    """Editors on Windows write a byte order mark before the header, and longer ends of lines."""
    path = tmp_path / "report.md"
    path.write_bytes(b"\xef\xbb\xbf---\r\ntitle: T\r\n---\r\n\r\nText.\r\n")
    assert read(path).header == {"title": "T"}
