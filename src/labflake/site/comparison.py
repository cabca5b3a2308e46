"""The numbers that several experiments share: a plot for each, and all of them in one table."""

from collections import Counter
from datetime import date
from typing import NamedTuple

from labflake.site.entries import Entry
from labflake.site.metrics import Metric
from labflake.site.plots import Plot, Point, plot


class Row(NamedTuple):
    """An experiment in the table, with its metrics in the order of the columns."""

    number: int
    day: date
    name: str
    title: str
    metrics: list[Metric | None]


class Comparison(NamedTuple):
    """The metrics that are shared, and a plot of each that has values, and the table."""

    shared: list[str]
    plots: dict[str, Plot]
    rows: list[Row]


def of(entries: list[Entry]) -> Comparison:
    """Compare experiments; empty where nothing can be compared."""
    names = shared(entries)
    points = {name: found for name in names if len(found := _points(name, entries)) > 1}
    days = [point.day for found in points.values() for point in found]
    plots = {name: plot(found, min(days), max(days)) for name, found in points.items()}
    rows = [_row(number, entry, names) for number, entry in enumerate(entries)]
    return Comparison(names, plots, [row for row in rows if any(row.metrics)])


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


def _row(number: int, entry: Entry, names: list[str]) -> Row:
    known = {metric.name: metric for metric in entry.metrics}
    title = entry.name[11:].replace("-", " ")
    return Row(number, entry.day, entry.name, title, [known.get(name) for name in names])
