"""Keys of a header that other systems know: understood, harmless, or refused.

What would change the text that readers see is refused; of the rest the author is told.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from labflake.documents import cell_options
from labflake.documents.cell_options import Option
from labflake.documents.problems import Problem, unknown

Lines = dict[tuple[str, ...], int]
KNOWN = (
    "title", "subtitle", "author", "date", "abstract", "keywords", "tags", "question", "metrics",
    "bibliography", "csl", "nocite", "lang", "toc", "pull-request", "thumbnail", "execute",
)  # fmt: skip
# They are for editors and for what runs the cells, or say what is so anyway.
_TOOLS = (
    "jupyter", "jupytext", "kernelspec", "language-info", "engine", "editor", "editor-options",
    "vscode", "link-citations", "embed-resources", "self-contained", "standalone", "knit",
)  # fmt: skip
_RUNNING = ("engine", "freeze", "daemon", "daemon-restart", "debug", "keep-md", "keep-ipynb")
_FORMATS = ("html", "pdf", "typst", "latex", "beamer", "revealjs", "default", "slidy", "ioslides")
_NUMBERS = ("number-sections", "numbersections", "numbering")
_TEXT = {
    "affiliation affiliations institute institution email orcid corresponding thanks": (
        "say it of an author: author: [{name: Ada Example, affiliation: Institute}]"
    ),
    "abstract-title toc-title crossref language": "the words are those of the language: lang: de",
    "description summary categories doi license copyright citation funding acknowledgements "
    "acknowledgments date-modified footer dedication epigraph parts": (
        "write it into the text, or as subtitle: or abstract:"
    ),
    "header-includes include-in-header include-before include-before-body include-after "
    "include-after-body includes filters shortcodes number-offset": (
        "page and PDF show the same text: write it there"
    ),
    "params parameters": "write it into config.yaml; cells have it: from labflake import config",
    "substitutions variables vars": "a cell gives it, and `{python} name` shows it",
    "math macros": "define it in the text: \\newcommand{\\name}{…}",
    "lof lot list-of-figures list-of-tables": "no such list is made; refer to each: @fig:name",
    "authors": "write author:",
    "references": "write them into a file: bibliography: references.bib",
    "reference-section-title": "write it as a heading, where the list shall stand",
    "suppress-bibliography": "the sources are always listed",
    "citation-style": "write csl: and the file of the style",
    "code-fold": "write echo: true, or false",
    "incremental": 'write <div class="incremental"> around the list',
    "slide-level": "a slide begins at a heading of level 1 or 2, or at ---",
    " ".join(_NUMBERS): "headings of a report have numbers; without: # Heading {.unnumbered}",
}
_LOOKS = {
    "fig-width fig-height": "the size is told in the code, figsize=(6, 4), or by `width: 60%`",
    "mainfont sansfont monofont mathfont CJKmainfont": "put a font into the folder fonts",
}
_NOTHING = "it means nothing here; what is for you alone is a comment: # …"


def _single(table: dict[str, str]) -> dict[str, str]:
    return {key: advice for keys, advice in table.items() for key in keys.split()}


_TEXT, _LOOKS = _single(_TEXT), _single(_LOOKS)


class Key(NamedTuple):
    """A key that is none of ours: where it stands, its plain name, its line and its value."""

    path: tuple[str, ...]
    name: str
    line: int
    value: Any


def of_cells(header: dict[str, Any], lines: Lines) -> list[Option]:
    """Return the options that a header gives to all cells, as `execute: {echo: true}`."""
    execute = header.get("execute")
    given: dict[tuple[str, ...], Any]
    given = {(key,): value for key, value in header.items() if _is_for_cells(key, value)}
    for key, value in execute.items() if isinstance(execute, dict) else ():
        if key not in _RUNNING:
            given["execute", str(key)] = value
    return [Option(lines.get(path, 1), path[-1], _text(value)) for path, value in given.items()]


def _is_for_cells(key: str, value: Any) -> bool:
    """Tell whether a key is an option of cells; R Markdown names formats as `output`."""
    return key in cell_options.FOR_ALL and (key != "output" or isinstance(value, bool))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def problems(header: dict[str, Any], lines: Lines) -> list[Problem]:
    """Return what would change the text elsewhere, and what may be a key of ours, misspelt."""
    found: list[Problem] = []
    if not isinstance(header.get("execute") or {}, dict):
        found.append(Problem(lines.get(("execute",), 1), "write execute: {echo: true}"))
    cell_options.known(of_cells(header, lines), found)
    for key in _others(header, lines):
        if key.name in _TEXT and _changes(key):
            found.append(Problem(key.line, f"{key.path[-1]}: {_TEXT[key.name]}"))
        elif len(key.path) > 1 and key.name in (*KNOWN, *cell_options.FOR_ALL):
            what = f"{key.path[-1]}: belongs to the left margin: page and PDF have the same text"
            found.append(Problem(key.line, what))
        elif len(key.path) == 1 and "did you mean" in (hint := _hint(key)):
            found.append(Problem(key.line, hint))
    return found


def warnings(header: dict[str, Any], lines: Lines) -> Iterator[Problem]:
    """Yield the keys and the formats that mean nothing here, and would change no word."""
    for key in _others(header, lines):
        if len(key.path) == 1 and key.name not in _TEXT:
            yield Problem(key.line, f"{key.path[0]}: {_LOOKS.get(key.name, _NOTHING)}")
    for path in _formats(header):
        if path[1].split("::")[-1].rstrip("2").partition("_")[0] not in _FORMATS:
            what = f"{path[1]} is not made: each document becomes a page and a PDF"
            yield Problem(lines.get(path, lines.get(path[:1], 1)), what)


def _changes(key: Key) -> bool:
    """Tell whether the value of a key is another than what is done here."""
    if key.name in _NUMBERS:
        return _text(key.value) == "false"
    return key.value not in (None, False, "", [], {})


def _hint(key: Key) -> str:
    likely = key.name in _TEXT or key.name in _LOOKS
    return "" if likely else unknown("key of the header", key.path[0], KNOWN)


def _formats(header: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the formats that a header asks for, below its keys `format` and `output`."""
    for key in ("format", "output"):
        given = header.get(key)
        if given is not None and not isinstance(given, bool):
            yield from ((key, str(name)) for name in _names(given))


def _names(given: Any) -> Any:
    return given if isinstance(given, dict | list) else [given]


def _others(header: dict[str, Any], lines: Lines) -> Iterator[Key]:
    """Yield the keys that are none of ours, and all that are given for one format."""
    for key, value in header.items():
        name = key.replace("_", "-")
        if name not in (*KNOWN, *_TOOLS, *cell_options.FOR_ALL, "format", "output"):
            yield Key((key,), name, lines.get((key,), 1), value)
    for path in _formats(header):
        given = header[path[0]]
        within = given.get(path[1]) if isinstance(given, dict) else None
        for key, value in within.items() if isinstance(within, dict) else ():
            name = str(key).replace("_", "-")
            yield Key((*path, str(key)), name, lines.get((*path, str(key)), 1), value)
