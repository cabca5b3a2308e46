"""Runs pandoc, from Markdown to HTML or Typst; what pandoc only warns about is an error here."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from labflake.documents import converting, inline, languages, prose
from labflake.documents.converting import Target
from labflake.documents.problems import Problem
from labflake.documents.source import Source
from labflake.documents.words import direction, quotes, words
from labflake.project.experiments import relative, root

HERE = Path(__file__).parent
_FILTERS = (
    *("tex", "spellings", "values", "tables", "divisions"),
    *("attributes", "signs", "files", "numbers", "citeproc"),
)
# The header is read by us; within a text, `---` and `%` begin no metadata that nobody sees.
_READER = "markdown+alerts+mark-tex_math_single_backslash-yaml_metadata_block-pandoc_title_block"
_MEANINGS = {
    "CouldNotConvertTeXMath": "this formula cannot be read",
    "NoteDefinedButNotUsed": "this footnote is never referred to",
    "DuplicateNoteReference": "this footnote is defined twice",
    "DuplicateIdentifier": "this label is defined twice",
    "CouldNotFetchResource": "no such file",
    "UnclosedDiv": "this <div> is never closed",
}


@dataclass
class Text:
    """The Markdown that pandoc reads.

    `lines` has the line of the source for each line of it, `places` the folders of figures, `marks`
    the values that belong into it.
    """

    source: Source
    markdown: str
    lines: list[int]
    metadata: dict
    places: list[Path]
    marks: inline.Marks

    def line(self, needle: str, default: int = 1, *, again: bool = False) -> int:
        """Return the line of the source that holds the needle or from which it was made."""
        needle = self.marks.shown(needle)
        found = prose.find_line(self.source.text, needle, again=again)
        if found is None and (made := prose.find_line(self.marks.shown(self.markdown), needle)):
            found = self.lines[min(made, len(self.lines)) - 1]
        return found or default


class Converted(NamedTuple):
    """A text in another format, or what is wrong with it."""

    content: str
    problems: list[Problem]


def convert(text: Text, targets: list[Target]) -> Iterator[Converted]:
    """Yield the document in each of the formats as soon as it is there.

    Raises:
        DocumentError: the bibliography or the citation style cannot be read.
    """
    common: list[dict] = []
    for answer in converting.convert(request(text, targets)):
        if "error" in answer:
            raise RuntimeError(answer["error"])
        if "citations" in answer:
            raise DocumentError([_failure(answer["citations"], text)])
        messages = common + answer.get("messages", [])
        if "text" in answer:
            told = [m for m in messages if m["verbosity"] in ("WARNING", "ERROR")]
            yield Converted(answer["text"], [_problem(m, text) for m in told])
        else:
            common = messages


def request(text: Text, targets: list[Target]) -> converting.Request:
    """Return what pandoc is asked for; its own command would take tabs and returns away."""
    language = text.metadata["lang"]
    known = text.metadata | {"lang": languages.with_script(language), "origin": None}
    known |= _bibliography(text.source)
    variables = _words(language) | {"lang": language}
    variables |= {} if text.source.is_report else {"slides": "yes"}
    return converting.Request(
        text=text.markdown.replace("\r", "").expandtabs(4),
        reader=_READER,
        metadata=json.dumps(known),
        filters=" ".join(_FILTERS),
        variables=variables,
        values=text.marks.values,
        places=[str(place) for place in text.places],
        root=str(root()),
        targets=targets,
    )


class DocumentError(Exception):
    """Problems that a program found while it made one of the outputs."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems)
        self.problems = problems


def _words(language: str) -> dict[str, str]:
    """Return the variables with which templates and filters know the words of a language."""
    found = {f"word-{english}": word for english, word in words(language).items()}
    found["dir"] = direction(language)
    return found | {f"quote-{number}": mark for number, mark in enumerate(quotes(language), 1)}


def _bibliography(source: Source) -> dict:
    """Return the metadata for citations."""
    found = source.header.get("bibliography")
    names = found if isinstance(found, list) else [found] if found else []
    known: dict = {"link-citations": True}
    if names:
        known["bibliography"] = [relative(source.path.parent / name) for name in names]
    if csl := source.header.get("csl"):
        known["csl"] = relative(source.path.parent / csl)
    return known


def _problem(message: dict, text: Text) -> Problem:
    """Return one message of pandoc's log as a problem with a line of the source."""
    kind, pretty = message["type"], message.get("pretty", "")
    needle = message.get("contents") or message.get("path") or message.get("key") or ""
    needle = re.sub("\\\\text\\{\ufdd2(.+?)\ufdd2\\}", _space, needle)
    if kind == "CiteprocWarning" and (
        found := re.match(r"citation (\S+) not found", message["message"])
    ):
        return Problem(text.line(f"@{found[1]}"), f"unknown citation @{found[1]}")
    if kind == "ScriptingWarning":
        return _scripted(message["message"], text)
    if kind == "DuplicateIdentifier":
        return Problem(text.line(f"#{needle}", again=True), f"{_MEANINGS[kind]}: {needle}")
    place = message.get("openpos", message)
    at = text.lines[min(place["line"], len(text.lines)) - 1] if "line" in place else None
    line = text.line(needle, at or 1) if kind != "UnclosedDiv" else at
    detail = f"{_MEANINGS[kind]}: {needle.strip()}" if kind in _MEANINGS else pretty
    if kind == "CouldNotConvertTeXMath":
        detail += f"\n    {_reason(message['message'])}"
    return Problem(line or 1, detail.removesuffix(": "))


def _space(match: re.Match) -> str:
    """Return a space of TeX as it was before `formula.lua` hid it."""
    return f"\\hspace{{{match[1]}}}" if match[1][0] in "-.0123456789" else f"\\{match[1]}"


def _scripted(message: str, text: Text) -> Problem:
    """Return a problem that our filters found: places to search for, the sentence, tabs between."""
    *needles, sentence = message.split("\t")
    lines = (text.line(needle, 0, again="twice" in sentence) for needle in needles)
    return Problem(next(filter(None, lines), 1), sentence)


def _reason(message: str) -> str:
    """Return the line in which the reader of formulas says what it did not expect."""
    lines = [line for line in message.splitlines() if line.startswith("unexpected")]
    return lines[0] if lines else message.splitlines()[-1][:100]


def _failure(said: str, text: Text) -> Problem:
    """Return what pandoc could not read: the bibliography or the citation style."""
    key = "csl:" if "CSL" in said or "style" in said else "bibliography:"
    return Problem(text.source.line(key), "\n    ".join(said.strip().splitlines()))
