"""The page: everything inside but the pictures, which are files beside it."""

import re
from collections import Counter
from html import unescape
from itertools import groupby
from typing import NamedTuple

from markupsafe import Markup

from labflake.site import comparison, markup, states
from labflake.site.entries import Entry
from labflake.site.templates import as_it_is, template

_MOST = 14  # tags that have a button of their own


class Project(NamedTuple):
    """What the page says about the project, as Markdown."""

    title: str
    description: str


def page(project: Project, entries: list[Entry]) -> str:
    """Return the page of all experiments, which come newest first."""
    texts = [text for e in entries for text in (e.title, e.question, e.abstract)]
    html = [*map(Markup, markup.to_html([project.title, project.description, *texts]))]
    for number, entry in enumerate(entries):
        entry.title, entry.question, entry.abstract = html[2 + 3 * number : 5 + 3 * number]
    return template("index.html").render(
        title=html[0],
        plain_title=plain(html[0]),
        description=html[1],
        style=as_it_is("index.css"),
        script=as_it_is("index.js"),
        entries=entries,
        states=_states(entries),
        tags=_tags(entries),
        most=_MOST,
        years=groupby(enumerate(entries), key=lambda pair: pair[1].day.year),
        **comparison.of(entries)._asdict(),
    )


def plain(html: str) -> str:
    """Return the text of a piece of HTML."""
    return unescape(re.sub(r"<[^>]+>", "", html))


def _states(entries: list[Entry]) -> dict[str, int]:
    """Return how many experiments are in each state."""
    counts = Counter(entry.state.name for entry in entries)
    return {name: counts[name] for name in states.ALL if counts[name]}


def _tags(entries: list[Entry]) -> list[tuple[str, int]]:
    """Return the tags, those of most experiments first, and how many have each."""
    counts = Counter(tag for entry in entries for tag in entry.tags)
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0].casefold(), pair[0]))
