"""The comment: Markdown that all forges show alike, without HTML, which some of them take away."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from labflake.content.meter import size
from labflake.data_files.gate.wording import shown
from labflake.documents import prose
from labflake.errors import LabError
from labflake.publish.marks import Mark
from labflake.publish.result import Figure, Result
from labflake.site.metrics import Metric

MOST = 65_536  # characters of a comment that every forge takes: GitHub's limit is the least
_PARAGRAPH = re.compile(r"(?:^[ \t]*\S.*$\n?)+", re.M)
_OTHER = re.compile(r"[ \t]*(?:[>#|]|[-*+][ \t]|\d+[.)][ \t])")  # lists, quotes, tables, headings
_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d+[.)])[ \t]")
_CALL = re.compile(r"(?<![\w/])@(?=\w)|(?<![\w/(&])[#!%~&](?=\d)")


class Room(NamedTuple):
    """How much of each is shown: rows of a table, characters of a caption and of an abstract."""

    rows: int
    caption: int
    abstract: int


_ROOMS = (Room(40, 1_000, 20_000), Room(20, 300, 6_000), Room(5, 80, 2_000))


@dataclass(frozen=True)
class Before:
    """A key number of the main branch: its text, its value, and where it was published."""

    text: str
    value: float | None
    where: str


def comment(result: Result, addresses: dict[str, str], before: dict[str, Before], page: str) -> str:
    """Return the comment, with as much as every forge takes.

    Args:
        result: what is published.
        addresses: where each file is, by its name.
        before: the last published key numbers of the main branch, by name.
        page: where the commit is in a browser.

    Raises:
        LabError: it is too long even with the least of everything.
    """
    for room in _ROOMS:
        made = _comment(result, addresses, before, page, room)
        if len(made) <= MOST:
            return made
    raise LabError(
        f"the comment would have {len(made):,} characters, and forges take {MOST:,}\n"
        f"  there are {len(result.metrics)} metrics in the header of the report: keep the key ones"
    )


def _comment(
    result: Result, addresses: dict[str, str], before: dict[str, Before], page: str, room: Room
) -> str:
    metrics = {metric.name: (metric.text, metric.value) for metric in result.metrics}
    files = {each.name: addresses[each.name] for each in result.files() if each.name in addresses}
    parts = [
        f"## {_line(result.title)}",
        result.question and f"**{_line(result.question)}**",
        prose_of(_cut(result.abstract, room.abstract)),
        _numbers(result.metrics, before),
        _documents(result, addresses),
        *(_figure(each, addresses, room.caption) for each in result.figures),
        _rebuild(result, page, room.rows),
        _data(result, room.rows),
        Mark(result.experiment, result.commit, metrics, files).line(),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def opening(result: Result) -> str:
    """Return the first text of a pull request: question and abstract."""
    texts = (result.question, result.abstract)
    return "\n\n".join(filter(None, (prose_of(_cut(each, _ROOMS[0].abstract)) for each in texts)))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most].rsplit(None, 1)[0] + " …"


def prose_of(text: str) -> str:
    """Return Markdown of a report as it can stand on a forge.

    A line break is a space there, HTML is shown and not obeyed, and nobody is called: not by
    `@name`, not by `#12`, and no line is a command (`/close`).
    """
    kept: list[str] = []  # code stays as it is, and comments are for nobody

    def put_aside(match: re.Match) -> str:
        kept.append("" if match[0].startswith("<!--") else match[0])
        return f"\ue000{len(kept) - 1}\ue001"

    text = re.sub("[\ue000\ue001]", "", text).strip()
    text = prose.UNITS.sub(put_aside, text)
    text = _PARAGRAPH.sub(_in_one_line, text)
    text = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text)
    text = _CALL.sub("\\g<0>\u2060", text)
    text = re.sub(r"^([ \t]*)/(?=\w)", r"\1\\/", text, flags=re.M)
    return re.sub("\ue000(\\d+)\ue001", lambda match: kept[int(match[1])], text)


def _in_one_line(match: re.Match) -> str:
    """Return a paragraph, or each item of a list, with spaces for its line breaks."""
    end = "\n" if match[0].endswith("\n") else ""
    if _ITEM.match(match[0]):
        return re.sub(rf"[ \t]*\n(?!{_OTHER.pattern})[ \t]*(?=\S)", " ", match[0])
    return match[0] if _OTHER.match(match[0]) else " ".join(match[0].split()) + end


def _line(text: str) -> str:
    return re.sub(r"\s+", " ", prose_of(text))


def literal(text: str) -> str:
    """Return a text as Markdown that shows exactly these characters, in a table, too."""
    text = re.sub(r"[\\`*_{}\[\]<>#|$@~!&]", r"\\\g<0>", shown(re.sub(r"\s+", " ", text)))
    return re.sub(r"(\\[@#!~&])(?=\w)", "\\1\u2060", text)


def code(text: str) -> str:
    """Return a text as code, in a table, too."""
    text = shown(text).replace("|", r"\|")
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    space = " " if "`" in text else ""
    return f"{ticks}{space}{text}{space}{ticks}"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _numbers(metrics: list[Metric], before: dict[str, Before]) -> str:
    if not metrics:
        return ""
    if not any(metric.name in before for metric in metrics):
        return _table(
            ("key number", "value"), [(literal(m.name), literal(m.text)) for m in metrics]
        )
    rows = [_compared(metric, before.get(metric.name)) for metric in metrics]
    return _table(("key number", "here", "main branch", "change"), rows)


def _compared(metric: Metric, before: Before | None) -> tuple[str, ...]:
    first = (literal(metric.name), literal(metric.text))
    if before is None:
        return (*first, "", "new")
    return (*first, f"{literal(before.text)} ({before.where})", _change(metric, before))


def _change(metric: Metric, before: Before) -> str:
    """Return how a number changed, with no more digits than it has."""
    if metric.value is None or before.value is None:
        return "none" if metric.text == before.text else "another"
    difference = metric.value - before.value
    if difference == 0:
        return "none"
    text = f"{difference:+.4g}".replace("-", "\N{MINUS SIGN}")
    share = abs(difference / before.value) if before.value else 0.0
    return f"{text} ({share:.1%})" if 0 < share < 10 else text


def _documents(result: Result, addresses: dict[str, str]) -> str:
    links = [
        f"[{literal(name)}]({addresses[each.name]}) ({size(len(each.content))})"
        for name, each in result.documents.items()
        if each.name in addresses
    ]
    return f"Documents: {' · '.join(links)}" if links else ""


def _figure(figure: Figure, addresses: dict[str, str], most: int) -> str:
    name = figure.file.name
    if name not in addresses:
        return ""
    shown_as = figure.alt or figure.file.artifact.rpartition("/")[2]
    picture = f"![{literal(_cut(shown_as, most))}]({addresses[name]})"
    caption = prose_of(_cut(figure.caption, most))
    return f"{picture}\n\n{caption}" if caption else picture


def _rebuild(result: Result, page: str, most: int) -> str:
    """Return the commit, and the command that makes each artifact again; it has its name."""
    some = list(result.artifacts.items())[:most]
    rows = [(code(command(result, name)), code(digest[:16])) for name, digest in some]
    commit = f"[`{result.commit[:12]}`]({page})" if page else f"`{result.commit[:12]}`"
    head = f"### Rebuild\n\nAt commit {commit}, after `git checkout {result.commit[:12]}`:"
    table = _table(("command", "sha256 of what it makes"), rows)
    return f"{head}\n\n{table}{_more(result.artifacts, most)}"


def command(result: Result, artifact: str) -> str:
    """Return the command that makes an artifact again."""
    import shlex

    path = shlex.quote(f"generated/{result.experiment}/{artifact}")
    return f"make {path} {result.command}".rstrip()


def _data(result: Result, most: int) -> str:
    if not result.data:
        return ""
    rows = [(code(name), code(digest)) for name, digest in list(result.data.items())[:most]]
    return f"### Data\n\n{_table(('file', 'sha256'), rows)}{_more(result.data, most)}"


def _more(items: dict, most: int) -> str:
    rest = len(items) - most
    return f"\n\nand {rest} more" if rest > 0 else ""
