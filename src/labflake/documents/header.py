"""The header of a document: what it may hold, and what pandoc and Typst get from it."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from labflake.documents import header_keys, header_text, inline, languages, prose, words
from labflake.documents.problems import Problem, refuse, unknown
from labflake.documents.source import Source
from labflake.project import authors as project

_AUTHOR = ("name", "affiliation", "orcid", "email")


def expressions(source: Source) -> list[str]:
    """Return the inline expressions of the header, in the order of its values."""
    return [m["code"] for text in _texts(source.header) for m in prose.expressions(text)]


def _texts(value: Any) -> list[str]:
    """Return all strings in a value, in order."""
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for part in parts for text in _texts(part)]


def check(source: Source) -> None:
    """Refuse a header without title, with a misspelt key, or with files that are not there.

    Raises:
        LabError: with the line of each problem.
    """
    header, lines = source.header, header_text.lines(source.text)
    problems = header_keys.problems(header, lines) + _forms(header, lines)
    if not header.get("title"):
        problems.append(Problem(1, "the header has no title"))
    for key in ("bibliography", "csl"):
        for name in _list(header.get(key)):
            if not (source.path.parent / str(name)).is_file():
                problems.append(Problem(source.line(f"{key}:"), f"no such file: {name}"))
    problems += _dates(source) + _people(source) + _language(source)
    refuse(source.path, problems)


def warnings(source: Source) -> list[Problem]:
    """Return what a header says in vain, and changes no word."""
    return [*header_keys.warnings(source.header, header_text.lines(source.text))]


def _forms(header: dict[str, Any], lines: header_keys.Lines) -> list[Problem]:
    """Return the problems of values that are no text, or no text in a list, where one is shown."""
    found = []
    for key in ("title", "subtitle", "abstract", "question", "keywords", "tags", "nocite"):
        value = header.get(key)
        parts = value if isinstance(value, list) and key in ("keywords", "tags") else [value]
        if any(isinstance(part, list | dict) for part in parts):
            found.append(
                Problem(lines[key,], f"{key}: is a text; a colon in it needs quotes around all")
            )
    if not isinstance(header.get("toc", False), bool | None):
        found.append(Problem(lines["toc",], "toc: is true or false"))
    return found


def _dates(source: Source) -> list[Problem]:
    """Return the problem of a date that is none."""
    found = source.header.get("date")
    if found is None or type(found) is date:  # a time of the day is more than a date
        return []
    try:
        date.fromisoformat(str(found))
    except ValueError:
        line = source.line("date:")
        return [Problem(line, f"date: {found} is no date; write it like 2026-01-31")]
    return []


def _language(source: Source) -> list[Problem]:
    """Return the problem of a language of which no words are known."""
    found = source.header.get("lang", "en")
    if words.is_known(found):
        return []
    what = f"lang: {found} is no language that we have words of; write {_better(str(found))}"
    if found is False:
        what = "lang: no means false in YAML; write nb or nn for Norwegian"
    return [Problem(source.line("lang:"), what)]


def _better(language: str) -> str:
    """Return the code that was probably meant, else what can be written."""
    meant = languages.meant(language)
    if meant and words.is_known(meant):
        return meant
    if languages.is_code(language):
        return "en, and the labels (Figure, Table, Contents) are English"
    return "a code like de, fr or pt-BR"


def _people(source: Source) -> list[Problem]:
    """Return the problems of the authors: no name, misspelt keys, wrong ORCID iDs."""
    problems = []
    first = source.line("author:")
    for author in _list(source.header.get("author")):
        if isinstance(author, list):
            problems.append(Problem(first, f"an author is a text: author: {_texts(author)[:2]}"))
        if not isinstance(author, dict):
            continue
        line = source.line(str(author.get("orcid") or author.get("name") or "author:"), first)
        problems += [
            Problem(line, unknown("key of an author", key, _AUTHOR))
            for key in author
            if key not in _AUTHOR
        ]
        if not author.get("name"):
            problems.append(Problem(line, "an author without name"))
        problems += [
            Problem(line, f"{key}: is a text here: {key}: {_example(author[key])}")
            for key in ("name", "affiliation", "email")
            if _is_nested(author.get(key), may_be_several=key == "affiliation")
        ]
        if "orcid" in author and not is_orcid(str(author["orcid"])):
            problems.append(
                Problem(line, f"{author['orcid']} is no ORCID iD: its check digit differs")
            )
    return problems


def _is_nested(value: Any, may_be_several: bool) -> bool:
    """Tell whether a value is no text, and no list of texts where that is allowed."""
    parts = _list(value) if may_be_several else [value]
    return any(isinstance(part, list | dict) for part in parts)


def _example(value: Any) -> str:
    """Return the texts of a nested value in one line: what was probably meant."""
    return " ".join(_texts(value))


def is_orcid(text: str) -> bool:
    """Tell whether the text is an ORCID iD with the right check digit (ISO 7064 11,2)."""
    digits = text.removeprefix("https://orcid.org/").replace("-", "")
    if not re.fullmatch(r"\d{15}[\dX]", digits):
        return False
    total = 0
    for digit in digits[:15]:
        total = (total + int(digit)) * 2
    return "0123456789X"[(12 - total % 11) % 11] == digits[15]


def metadata(source: Source, values: list[str], marks: inline.Marks) -> dict[str, Any]:
    """Return what the templates of pandoc use, as Markdown: title, authors, date, abstract.

    Args:
        source: the document.
        values: what the expressions of the header gave.
        marks: remembers the values, which have marks in their places.
    """
    header = _filled(source.header, iter(values), marks)
    authors, affiliations = _authors(header, marks)
    day = str(header.get("date") or _day(source))
    keys = ("title", "subtitle", "abstract", "nocite", "lang", "toc")
    kept = {k: header[k] for k in keys if header.get(k) is not None}
    return {
        **kept,
        "lang": languages.canonical(header.get("lang") or "en"),
        "keywords": _list(header.get("keywords")),
        "date": day,
        "authors": authors,
        "author": [a["name"] for a in authors],
        "emails": [f"<{a['email']}>" for a in authors if a["email"]],
        "affiliations": affiliations if len(affiliations) > 1 else [],
        "affiliation": affiliations[0]["name"] if len(affiliations) == 1 else None,
    }


def _filled(value: Any, values: Iterator[str], marks: inline.Marks) -> Any:
    """Replace the inline expressions in all strings of the header, in order."""
    if isinstance(value, str):
        found = prose.expressions(value)
        return marks.fill(value, [next(values) for _ in found], found)
    if isinstance(value, list):
        return [_filled(v, values, marks) for v in value]
    if isinstance(value, dict):
        return {k: _filled(v, values, marks) for k, v in value.items()}
    return value


def _authors(header: dict, marks: inline.Marks) -> tuple[list[dict], list[dict]]:
    """Return authors and their places of work, each place once and with its number."""
    places: dict[str, int] = {}
    authors = []
    for author in _list(header.get("author")) or project_authors():
        author = author if isinstance(author, dict) else {"name": str(author)}
        names = [str(a) for a in _list(author.get("affiliation")) if a]
        numbers = [places.setdefault(name, len(places) + 1) for name in names]
        orcid = str(author.get("orcid", "")).removeprefix("https://orcid.org/")
        one = {
            "name": author["name"],
            "orcid": orcid or None,
            "email": marks.shown(str(author.get("email") or "")),
        }
        authors.append(one | {"places": [str(n) for n in numbers]})
    if len(places) < 2:
        for one in authors:
            one["places"] = []
    return authors, [{"number": str(n), "name": name} for name, n in places.items()]


def project_authors() -> list[dict]:
    """Return the authors that `pyproject.toml` names, as they are written there."""
    return [{"name": prose.escape(name)} for name in project.names()]


def _day(source: Source) -> str:
    """Return the date in the name of the presentation, else of the experiment."""
    for name in (source.path.stem, source.path.parent.name):
        if match := re.match(r"\d{4}-\d{2}-\d{2}", name):
            return match[0]
    return "1980-01-01"


def _list(value: Any) -> list:
    return value if isinstance(value, list) else [] if value is None else [value]
