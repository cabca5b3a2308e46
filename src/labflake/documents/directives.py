"""Directives of MyST and short codes of Quarto: what pandoc reads in its own way instead.

Lines stay where they are: each line of the source is one line of what comes out.
"""

import re
from collections.abc import Iterator

from labflake.documents import prose
from labflake.documents.problems import Problem

_CALLOUTS = {
    "note": "note", "tip": "tip", "hint": "tip", "important": "important", "warning": "warning",
    "attention": "warning", "caution": "caution", "danger": "caution", "error": "caution",
    "seealso": "note", "admonition": "note", "dropdown": "note",
}  # fmt: skip
_SIMPLE = {"bibliography": "#refs"}
_ADVICE = {
    "figure": "write ![Caption](path){#fig:name width=60%}",
    "image": "write ![](path){alt=\"…\"}",
    "math": "write $$ … $$ {#eq:name}",
    "code-block": "write ```{.python}",
    "code": "write ```{.python}",
    "literalinclude": "write the listing itself: ```{.python}",
    "table": "write a table of Markdown, and below it `: Caption {#tbl:name}`",
    "list-table": "write a table of Markdown, and below it `: Caption {#tbl:name}`",
    "csv-table": "show it by a cell: pandas.read_csv(…)",
    "include": "write the text itself",
    "contents": "write toc: true in the header",
    "tableofcontents": "write toc: true in the header",
    "mermaid": "draw it in a step, and show the file: ![Caption](assets/figures/name.svg)",
    "dot": "draw it in a step, and show the file: ![Caption](assets/figures/name.svg)",
    "graphviz": "draw it in a step, and show the file: ![Caption](assets/figures/name.svg)",
}  # fmt: skip
_OTHER = (
    "sidebar", "tab-set", "tab-item", "grid", "card", "toctree", "glossary", "iframe",
    "video", "embed", "eval-rst", "proof", "prf:theorem", "exercise", "solution", "topic", "aside",
    "epigraph", "pull-quote", "blockquote", "raw", "only", "index", "theorem", "lemma",
    "margin", "definition",
    "proposition", "corollary", "remark", "example", "ojs", "diagram",
)  # fmt: skip
_COLONS = re.compile(r"^(?P<before>[ \t]*):{3,}[ \t]*\{(?P<name>[\w:-]+)\}(?P<title>.*)$")
_TICKS = re.compile(r"\{(?P<name>[\w:-]+)\}(?P<title>.*)")
_LABEL = re.compile(r"^\((?P<label>[\w:.-]+)\)=[ \t]*$")
_HEADING = re.compile(r"^#{1,6}[ \t].*[^}\s][ \t]*$")
_SHORT = re.compile(r"\{\{<.*?>\}\}", re.S)


def translated(text: str, start: int, problems: list[Problem]) -> str:
    """Return a document with its directives as fenced divisions of pandoc.

    Args:
        text: the document.
        start: where its header ends.
        problems: what cannot be translated is added to them, with its line.
    """
    lines = text.split("\n")
    for fence in _fences(text, start):
        _fenced(lines, text, fence, problems)
    plain = prose.without_code(text[start:])
    first = text.count("\n", 0, start)
    for number, line in enumerate(plain.split("\n"), first):
        if found := _COLONS.match(line):
            lines[number] = _opened(found, found["before"], number, problems)
            _options(lines, number + 1, problems)
        elif (found := _LABEL.match(line)) and number + 1 < len(lines):
            _labelled(lines, number, found["label"], problems)
    for found in _SHORT.finditer(plain):
        what = f"{found[0]} is a short code of Quarto; write here what it stands for"
        problems.append(Problem(first + prose.line_of(plain, found.start()), what))
    return "\n".join(lines)


def _fences(text: str, start: int) -> Iterator[re.Match]:
    """Yield the fences that are directives; those within them are found when they are read."""
    known = (*_CALLOUTS, *_SIMPLE, *_ADVICE, *_OTHER)
    for match in prose.UNITS.finditer(text, start):
        found = _TICKS.fullmatch((match["info"] or "").strip())
        if match["fence"] and found and found["name"].lower() in known:
            yield match


def _fenced(lines: list[str], text: str, fence: re.Match, problems: list[Problem]) -> None:
    """Write a directive between backticks as a division, and the directives within it."""
    first = prose.line_of(text, fence.start("fence")) - 1
    last = prose.line_of(text, fence.end() - 1) - 1
    found = _TICKS.fullmatch(fence["info"].strip())
    if not found or last == first:
        return
    lines[first] = _opened(found, fence["before"].lstrip("\n"), first, problems)
    lines[last] = re.sub(r"[`~]{3,}", ":::", lines[last])
    _options(lines, first + 1, problems)
    within: list[Problem] = []
    lines[first + 1 : last] = translated("\n".join(lines[first + 1 : last]), 0, within).split("\n")
    problems += [Problem(first + 1 + line, what) for line, what in within]


def _opened(found: re.Match, before: str, number: int, problems: list[Problem]) -> str:
    """Return the line with which the division of a directive begins."""
    name, title = found["name"].lower(), found["title"].strip()
    if name in _SIMPLE:
        return f"{before}::: {{{_SIMPLE[name]}}}"
    if name not in _CALLOUTS:
        advice = _ADVICE.get(name, "neither page nor PDF knows it")
        problems.append(Problem(number + 1, f"{{{name}}} is a directive of MyST; {advice}"))
        return before
    quoted = title.replace("\\", "\\\\").replace('"', '\\"')
    shown = f' title="{quoted}"' if title else ""
    return f"{before}::: {{.callout-{_CALLOUTS[name]}{shown}}}"


def _options(lines: list[str], number: int, problems: list[Problem]) -> None:
    """Take the options of a directive that only say how it looks out of the text."""
    while number < len(lines) and (found := re.match(r"\s*:([\w-]+):", lines[number])):
        if found[1] not in ("class", "icon", "open", "color"):
            what = f":{found[1]}: of this directive has no meaning here"
            problems.append(Problem(number + 1, what))
        lines[number] = ""
        number += 1


def _labelled(lines: list[str], number: int, label: str, problems: list[Problem]) -> None:
    """Give a heading the label that stands above it."""
    if _HEADING.match(lines[number + 1]):
        lines[number], lines[number + 1] = "", f"{lines[number + 1].rstrip()} {{#{label}}}"
        return
    what = f"({label})= names a heading only; write {{#{label}}} behind a figure or formula"
    problems.append(Problem(number + 1, what))
