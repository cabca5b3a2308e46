"""The HTML of the page: everything inside but the pictures, which are files beside it."""

import re
from collections import Counter
from collections.abc import Iterable
from html import escape, unescape
from itertools import groupby
from pathlib import Path
from string import Template
from typing import NamedTuple

from labflake.site import comparison, markup, states
from labflake.site.entries import Entry

_HERE = Path(__file__).parent
_MOST = 14  # tags that have a button of their own


class Project(NamedTuple):
    """What the page says about the project, as Markdown."""

    title: str
    description: str


def page(project: Project, entries: list[Entry]) -> str:
    """Return the page of all experiments, which come newest first."""
    texts = [text for e in entries for text in (e.title, e.question, e.abstract)]
    html = markup.to_html([project.title, project.description, *texts])
    for number, entry in enumerate(entries):
        entry.title, entry.question, entry.abstract = html[2 + 3 * number : 5 + 3 * number]
    parts = {
        "title": html[0],
        "plain_title": plain(html[0]),
        "description": html[1],
        "count": str(len(entries)),
        "style": _read("index.css"),
        "script": _read("index.js"),
        "states": _state_buttons(entries),
        "tags": _tag_buttons(entries),
        "compare": comparison.section(entries),
        "entries": "\n".join(_years(entries)),
    }
    return Template(_read("index.html")).substitute(parts)


def plain(html: str) -> str:
    """Return the text of a piece of HTML, escaped."""
    return escape(unescape(re.sub(r"<[^>]+>", "", html)), quote=True)


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _state_buttons(entries: list[Entry]) -> str:
    counts = Counter(entry.state.name for entry in entries)
    there = [name for name in states.ALL if counts[name]]
    return "".join(_button("state", n, counts[n]) for n in there) if len(there) > 1 else ""


def _tag_buttons(entries: list[Entry]) -> str:
    """Return buttons for the tags of most experiments; the rest are behind one more button."""
    counts = Counter(tag for entry in entries for tag in entry.tags)
    ranked = sorted(counts, key=lambda tag: (-counts[tag], tag.casefold(), tag))
    buttons = [_button("tag", tag, counts[tag]) for tag in ranked]
    if len(buttons) <= _MOST:
        return "".join(buttons)
    rest = f'<span class="rest" hidden>{"".join(buttons[_MOST:])}</span>'
    more = f'<button type="button" class="chip more">all {len(buttons)} tags</button>'
    return "".join(buttons[:_MOST]) + rest + more


def _button(kind: str, name: str, count: int) -> str:
    look = f" {name.replace(' ', '-')}" if kind == "state" else ""
    attributes = f'class="chip{look}" data-{kind}="{escape(name)}" aria-pressed="false"'
    return f'<button type="button" {attributes}>{escape(name)} <small>{count}</small></button>'


def _years(entries: list[Entry]) -> Iterable[str]:
    numbered = enumerate(entries)
    for year, group in groupby(numbered, key=lambda pair: pair[1].day.year):
        inside = "\n".join(_entry(number, entry) for number, entry in group)
        yield f'<div class="year"><h2>{year}</h2>\n{inside}\n</div>'


def _entry(number: int, entry: Entry) -> str:
    """Return the article of one experiment."""
    tags = escape("|".join(entry.tags), quote=True)
    return (
        f'<article id="{escape(entry.name)}" data-entry="{number}" data-state="{entry.state.name}"'
        f' data-tags="{tags}">{_picture(entry)}<div class="text">{_head(entry)}{_body(entry)}'
        f"{_numbers(entry)}{_foot(entry)}</div></article>"
    )


def _picture(entry: Entry) -> str:
    if not entry.thumbnail:
        return ""
    image = f'<img src="{entry.thumbnail}" alt="" loading="lazy" decoding="async">'
    target = entry.documents.get("Report") or entry.thumbnail
    return f'<a class="picture" href="{target}" tabindex="-1" aria-hidden="true">{image}</a>'


def _head(entry: Entry) -> str:
    report = entry.documents.get("Report") or entry.documents.get("PDF")
    title = f'<a href="{report}">{entry.title}</a>' if report else entry.title
    why = f' title="{escape(entry.state.why)}"' if entry.state.why else ""
    state = entry.state.name
    day = f"{entry.day.day} {entry.day:%B %Y}"
    return (
        f'<p class="meta"><time datetime="{entry.day}">{day}</time>'
        f'<span class="state {state.replace(" ", "-")}"{why}>{state}</span></p><h3>{title}</h3>'
    )


def _body(entry: Entry) -> str:
    """Return question and abstract; the abstract is folded where there is a question."""
    problems = "".join(f'<p class="problem">{escape(text)}</p>' for text in entry.problems)
    question = f'<p class="question">{entry.question}</p>' if entry.question else ""
    if not entry.abstract:
        return problems + question
    abstract = entry.abstract if entry.abstract.startswith("<") else f"<p>{entry.abstract}</p>"
    if not question:
        return f'{problems}<div class="abstract">{abstract}</div>'
    folded = f'<details><summary>Abstract</summary><div class="abstract">{abstract}</div></details>'
    return problems + question + folded


def _numbers(entry: Entry) -> str:
    items = [
        f"<div><dt>{escape(m.name)}</dt><dd>{escape(m.text)}</dd></div>" for m in entry.metrics
    ]
    return f'<dl class="numbers">{"".join(items)}</dl>' if items else ""


def _foot(entry: Entry) -> str:
    links = [f'<a href="{href}">{escape(name)}</a>' for name, href in entry.documents.items()]
    if entry.pull_request:
        links.append(f'<a href="{escape(entry.pull_request)}">Pull request</a>')
    tags = [
        f'<button type="button" data-tag="{escape(tag)}">{escape(tag)}</button>'
        for tag in entry.tags
    ]
    foot = f'<span class="links">{"".join(links)}</span>' if links else ""
    foot += f'<span class="tags">{"".join(tags)}</span>' if tags else ""
    return f'<p class="foot">{foot}</p>' if foot else ""
