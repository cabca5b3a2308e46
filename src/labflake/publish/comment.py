"""The comment: Markdown that all forges show alike, without HTML, which some of them take away."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from labflake.content.meter import size
from labflake.data_files.gate.wording import shown
from labflake.documents import prose
from labflake.publish.marks import Mark
from labflake.publish.result import Figure, Result
from labflake.site.metrics import Metric

_ROWS = 40  # of a table; more would be no comment any more
_LONGEST, _CAPTION = 20_000, 1_000  # characters of an abstract, and of a caption
_PARAGRAPH = re.compile(r"(?:^[ \t]*\S.*$\n?)+", re.M)
_OTHER = re.compile(r"[ \t]*(?:[>#|]|[-*+][ \t]|\d+[.)][ \t])")  # lists, quotes, tables, headings
_CALL = re.compile(r"(?<![\w/])@(?=\w)|(?<![\w/(&])[#!%~&](?=\d)")


@dataclass(frozen=True)
class Before:
    """A key number of the main branch: its text, its value, and where it was published."""

    text: str
    value: float | None
    where: str


def comment(result: Result, addresses: dict[str, str], before: dict[str, Before], page: str) -> str:
    """Return the comment.

    Args:
        result: what is published.
        addresses: where each file is, by its name.
        before: the last published key numbers of the main branch, by name.
        page: where the commit is in a browser.
    """
    metrics = {metric.name: (metric.text, metric.value) for metric in result.metrics}
    files = {each.name: addresses[each.name] for each in result.files() if each.name in addresses}
    parts = [
        f"## {_line(result.title)}",
        result.question and f"**{_line(result.question)}**",
        prose_of(result.abstract),
        _numbers(result.metrics, before),
        _documents(result, addresses),
        *(_figure(each, addresses) for each in result.figures),
        _rebuild(result, page),
        _data(result),
        Mark(result.experiment, result.commit, metrics, files).line(),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def opening(result: Result) -> str:
    """Return the first text of a pull request: question and abstract."""
    return "\n\n".join(filter(None, map(prose_of, (result.question, result.abstract))))


def prose_of(text: str) -> str:
    """Return Markdown of a report as it can stand on a forge.

    A line break is a space there, HTML is shown and not obeyed, and nobody is called: not by
    `@name`, not by `#12`, and no line is a command (`/close`).
    """
    kept: list[str] = []  # code stays as it is, and comments are for nobody

    def put_aside(match: re.Match) -> str:
        kept.append("" if match[0].startswith("<!--") else match[0])
        return f"\ue000{len(kept) - 1}\ue001"

    text = re.sub("[\ue000\ue001]", "", text[:_LONGEST]).strip()
    text = prose.UNITS.sub(put_aside, text)
    text = _PARAGRAPH.sub(_in_one_line, text)
    text = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text)
    text = _CALL.sub("\\g<0>\u2060", text)
    text = re.sub(r"^([ \t]*)/(?=\w)", r"\1\\/", text, flags=re.M)
    return re.sub("\ue000(\\d+)\ue001", lambda match: kept[int(match[1])], text)


def _in_one_line(match: re.Match) -> str:
    """Return a paragraph with spaces for its line breaks; a list is none."""
    end = "\n" if match[0].endswith("\n") else ""
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


def _figure(figure: Figure, addresses: dict[str, str]) -> str:
    name = figure.file.name
    if name not in addresses:
        return ""
    shown_as = figure.alt or figure.file.artifact.rpartition("/")[2]
    picture = f"![{literal(shown_as)}]({addresses[name]})"
    caption = prose_of(figure.caption[:_CAPTION])
    return f"{picture}\n\n{caption}" if caption else picture


def _rebuild(result: Result, page: str) -> str:
    """Return the commit, and the command that makes each artifact again."""
    rows = []
    for name, digest in list(result.artifacts.items())[:_ROWS]:
        rows.append((code(name), code(digest[:16]), code(command(result, name))))
    commit = f"[`{result.commit[:12]}`]({page})" if page else f"`{result.commit[:12]}`"
    head = f"### Rebuild\n\nAt commit {commit}, after `git checkout {result.commit[:12]}`:"
    return f"{head}\n\n{_table(('artifact', 'sha256', 'command'), rows)}{_more(result.artifacts)}"


def command(result: Result, artifact: str) -> str:
    """Return the command that makes an artifact again."""
    import shlex

    path = shlex.quote(f"generated/{result.experiment}/{artifact}")
    return f"make {path} {result.command}".rstrip()


def _data(result: Result) -> str:
    if not result.data:
        return ""
    rows = [(code(name), code(digest)) for name, digest in list(result.data.items())[:_ROWS]]
    return f"### Data\n\n{_table(('file', 'sha256'), rows)}{_more(result.data)}"


def _more(items: dict) -> str:
    rest = len(items) - _ROWS
    return f"\n\nand {rest} more" if rest > 0 else ""
