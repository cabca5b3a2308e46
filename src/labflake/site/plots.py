"""Lay out a number of several experiments against their dates, as a small drawing."""

import math
from dataclasses import dataclass
from datetime import date, timedelta

WIDTH, HEIGHT = 360, 170
LEFT, RIGHT, TOP, BOTTOM = 52, 10, 10, 24


@dataclass(frozen=True)
class Point:
    """An experiment in a plot: its place in the list, date, value, and text."""

    entry: int
    day: date
    value: float
    label: str


@dataclass(frozen=True)
class Plot:
    """A small drawing: where its dots, the ticks of its values and those of its days are."""

    values: list[tuple[float, str]]
    days: list[tuple[float, str]]
    dots: list[tuple[float, float, Point]]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT


def plot(points: list[Point], first: date, last: date) -> Plot:
    """Return the plot of one metric; every point knows its experiment.

    Args:
        points: at least one.
        first: the left end of the time axis.
        last: its right end.
    """
    values = [p.value for p in points]
    ticks = nice_ticks(min(values), max(values))
    days = _date_ticks(first.toordinal(), last.toordinal())
    across = _scale(first.toordinal(), last.toordinal(), LEFT + 8, WIDTH - RIGHT - 8)
    up = _scale(min(*ticks, *values), max(*ticks, *values), HEIGHT - BOTTOM - 4, TOP + 4)
    return Plot(
        values=[(up(tick), number(tick, ticks)) for tick in ticks],
        days=[(across(day), text) for day, text in days],
        dots=[(across(p.day.toordinal()), up(p.value), p) for p in points],
    )


def _scale(low: float, high: float, start: float, end: float):
    """Return the function from a value to a position; a single value is in the middle."""
    if high == low:
        return lambda value: (start + end) / 2
    return lambda value: start + (value - low) / (high - low) * (end - start)


def nice_ticks(low: float, high: float, most: int = 4) -> list[float]:
    """Return round numbers at equal distances that lie from about `low` to about `high`."""
    if low == high:
        return [low]
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * f for f in (1, 2, 2.5, 5, 10) if power * f >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [n * step for n in range(first, last + 1)] or [low, high]


def number(value: float, ticks: list[float]) -> str:
    """Return a tick's number with as many decimals as the distance of the ticks needs."""
    step = abs(ticks[1] - ticks[0]) if len(ticks) > 1 else abs(value) or 1
    if step >= 1e6 or step < 1e-4:
        return f"{value:.2g}".replace("-", "\N{MINUS SIGN}").replace("e+0", "e")
    decimals = max(0, -math.floor(math.log10(step * 1.0000001)))
    decimals += f"{step:.3e}"[2] == "5" and f"{step:.3e}"[0] == "2"  # steps of 2.5
    return grouped(f"{value:.{decimals}f}")


def grouped(text: str) -> str:
    """Return a number as people read it: thousands apart from 10 000 on, and a true minus sign."""
    whole, point, rest = text.partition(".")
    if whole.lstrip("-").isdecimal() and len(whole.lstrip("-")) > 4:
        whole = f"{int(whole):,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return (whole + point + rest).replace("-", "\N{MINUS SIGN}")


def _date_ticks(low: int, high: int) -> list[tuple[int, str]]:
    """Return days to label: years where the experiments span several, else some months or days."""
    first, last = date.fromordinal(low), date.fromordinal(high)
    if last.year - first.year >= 2:
        years = range(first.year + 1, last.year + 1)
        step = math.ceil(len(years) / 6)
        return [(date(y, 1, 1).toordinal(), str(y)) for y in years[::step]]
    middle = first + timedelta(days=(high - low) // 2)
    days = {first, middle, last} if high - low > 60 else {first, last} if low < high else {first}
    return [
        (day.toordinal(), f"{day:%Y-%m}" if high - low > 60 else f"{day}") for day in sorted(days)
    ]
