"""The numbers that several experiments share: a plot for each, and all of them in one table."""

from collections import Counter
from datetime import date
from html import escape

from labflake.site.entries import Entry
from labflake.site.metrics import Metric
from labflake.site.plots import Point, plot


def section(entries: list[Entry]) -> str:
    """Return the part of the page that compares experiments; "" where nothing can be compared."""
    names = shared(entries)
    if not names:
        return ""
    points = {name: found for name in names if len(found := _points(name, entries)) > 1}
    days = [point.day for found in points.values() for point in found]
    plots = "".join(_figure(name, found, days) for name, found in points.items())
    what = f"{len(names)} number{'s' * (len(names) != 1)} that experiments share"
    return (
        f'<details id="compare"><summary><h2>Compare</h2> <span>{what}</span></summary>'
        f'<div class="plots">{plots}</div>{_table(names, entries)}</details>'
    )


def shared(entries: list[Entry]) -> list[str]:
    """Return the names of the metrics that at least two experiments have, the commonest first."""
    counts = Counter(metric.name for entry in entries for metric in entry.metrics)
    return sorted((n for n in counts if counts[n] > 1), key=lambda n: (-counts[n], n))


def _points(name: str, entries: list[Entry]) -> list[Point]:
    return [
        Point(number, entry.day, metric.value, metric.text)
        for number, entry in enumerate(entries)
        for metric in entry.metrics
        if metric.name == name and metric.value is not None
    ]


def _figure(name: str, points: list[Point], days: list[date]) -> str:
    svg = plot(name, points, min(days), max(days))
    return f"<figure><figcaption>{escape(name)}</figcaption>{svg}</figure>"


def _title(entry: Entry) -> str:
    return entry.name[11:].replace("-", " ")


def _table(names: list[str], entries: list[Entry]) -> str:
    """Return the table of all experiments that have one of the metrics."""
    fixed = _head("Date", "day", "descending") + _head("Experiment", "name")
    heads = "".join(_head(name, "number") for name in names)
    rows = "".join(_row(number, entry, names) for number, entry in enumerate(entries))
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Numbers that are shared">'
        f"<table><thead><tr>{fixed}{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _head(name: str, kind: str, order: str = "none") -> str:
    button = f'<button type="button">{escape(name)}</button>'
    return f'<th scope="col" class="{kind}" aria-sort="{order}">{button}</th>'


def _row(number: int, entry: Entry, names: list[str]) -> str:
    known = {metric.name: metric for metric in entry.metrics}
    if not known.keys() & set(names):
        return ""
    cells = "".join(_cell(known.get(name)) for name in names)
    link = f'<a href="#{escape(entry.name)}">{escape(_title(entry))}</a>'
    return f'<tr data-entry="{number}"><td>{entry.day}</td><th scope="row">{link}</th>{cells}</tr>'


def _cell(metric: Metric | None) -> str:
    if metric is None:
        return "<td></td>"
    value = f' data-value="{metric.value!r}"' if metric.value is not None else ""
    return f'<td class="number"{value}>{escape(metric.text)}</td>'
