"""Splits a document into prose and cells, as Jupyter, R Markdown, Quarto and MyST write them."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from labflake.documents import prose
from labflake.documents.problems import Problem

_BRACES = re.compile(r"\{(?P<name>[A-Za-z][\w:-]*)(?P<options>[^}]*)\}(?P<rest>.*)")
_INLINE = re.compile(r"\{(?!python\})[A-Za-z][\w-]*\}\s|r\s+(?!\w*\s*(=|<-))[\w.(]")
_PYTHON = ("python", "python3", "ipython", "ipython3", "")
_MARGIN = "a cell begins at the left margin; a listing in a list or a quotation is ```{.%s}"
_CHUNK = re.compile(r"""\s*,?\s*(?:(?P<key>[\w.-]+)\s*=\s*)?(?P<value>"[^"]*"|'[^']*'|[^\s,=]+)""")


class Part(NamedTuple):
    """Prose (no language) or the code of a cell; `line` is where the text begins."""

    text: str
    line: int
    language: str | None = None
    options: tuple[tuple[str, str], ...] = ()


def parts(text: str, start: int, problems: list[Problem]) -> Iterator[Part]:
    """Yield prose and cells in their order, from a position of the text on."""
    last = start
    for match in prose.UNITS.finditer(text, start):
        if match["span"]:
            problems += _inline(text, match)
        if match["fence"] is None or not (found := _cell(text, match, problems)):
            continue
        yield from _prose(text, last, match.start())
        yield found
        last = match.end()
    yield from _prose(text, last, len(text))
    problems += _open(text, last)


def _inline(text: str, span: re.Match) -> Iterator[Problem]:
    """Yield the problem of an inline expression that no cell of Python evaluates."""
    before = text[: span.start()].rpartition("\n")[2]
    written = _INLINE.match(span["span"])
    if before.endswith("{eval}") or (written and len(span["ticks"]) == 1):
        shown = ("{eval}" if before.endswith("{eval}") else "") + span[0]
        what = "is not evaluated; write `{python} …`, or, to show it, `` ` `` around it"
        yield Problem(prose.line_of(text, span.start()), f"{shown} {what}")


def _prose(text: str, start: int, end: int) -> Iterator[Part]:
    """Yield what stands between two cells, if it is more than blank lines."""
    whole = text[start:end]
    if kept := whole.strip():
        begin = start + whole.index(kept)
        begin = text.rfind("\n", start, begin) + 1 or begin  # the first line keeps its indentation
        yield Part(text[begin:end].rstrip(), prose.line_of(text, begin))


def _open(text: str, start: int) -> Iterator[Problem]:
    """Yield the problem of a cell that has no end."""
    rest = prose.blank(text[start:], prose.FENCE, prose.COMMENT)
    for match in re.finditer(r"^[ \t>]*`{3,}\s*(\{[A-Za-z]|python\b).*$", rest, re.M):
        line = prose.line_of(text, start + match.start())
        yield Problem(line, f"this cell is never closed: {match[0].strip()}")


def _cell(text: str, fence: re.Match, problems: list[Problem]) -> Part | None:
    """Return the cell that a fence is, or nothing for a listing."""
    line = prose.line_of(text, fence.start("fence"))
    info = fence["info"].strip()
    braces = _BRACES.fullmatch(info)
    first = info.partition(" ")[0].lower()
    if not braces and (first != "python" or fence["fence"][0] == "~"):
        return None
    language = _language(braces) if braces else first
    if fence["before"].strip("\n"):
        problems.append(Problem(line, _MARGIN % language))
    if not braces and ".noeval" in info:
        problems.append(Problem(line, "a listing that is not run is ```{.python}"))
    if braces and re.match(r":[\w-]+:|---$", fence["code"], re.M):
        problems.append(Problem(line + 1, "options of a cell are lines like `#| label: fig:one`"))
    options = _options(braces["options"]) if braces else ()
    code = fence["code"].removesuffix("\n")
    kept = re.sub(r"\A(?:[ \t]*\n)+", "", code)  # options come first, but for blank lines
    return Part(kept, line + 1 + code.count("\n") - kept.count("\n"), language, options)


def _language(braces: re.Match) -> str:
    """Return the language of ```{r}, or of MyST's ```{code-cell} r."""
    name = braces["name"].lower()
    name = braces["rest"].strip().lower() if name == "code-cell" else name
    return "python" if name in _PYTHON else name


def _options(written: str) -> tuple[tuple[str, str], ...]:
    """Return the options of a fence of R Markdown: `{r scores, fig.cap="Scores"}`."""
    found = [(m["key"], m["value"]) for m in _CHUNK.finditer(written)]
    return tuple((key or "label", value) for key, value in found)
