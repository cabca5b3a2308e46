"""Guess from a difference which of the circumstances of a build caused it."""

import re
from collections.abc import Iterator

from labflake.verify.conditions import Build, Conditions
from labflake.verify.differences import Difference

_DAY = 86_400
_SMALL = 20_000_000  # bytes; in a larger file the order of its words is not looked at
_NAMES = "Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_TIME = re.compile(
    rf"\d{{4}}-\d\d-\d\d|\b\d?\d:\d\d\b|D:\d{{14}}|\b(?:{_NAMES})[a-z]*\b|\b20\d{{6}}\b"
)
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?")
_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
_IDENTIFIER = re.compile(r"[0-9a-f]{12,}|[0-9a-f]{8}-[0-9a-f]{4}-", re.I)


def suspect(found: Difference, one: Build, two: Build) -> str:
    """Return the cause to suspect, or "" where the difference tells nothing."""
    return next(_guesses(found, one, two), "")


def _guesses(found: Difference, one: Build, two: Build) -> Iterator[str]:
    lines = [text.decode("utf-8", "replace") for text in found.around]
    words = found.words
    yield from _places(lines, one.conditions, two.conditions)
    if "time" in found.part:
        yield "the clock: an archive keeps the times of its files"
    if _holds_time(words[0], one) and _holds_time(words[1], two):
        yield "the clock: a number of seconds since 1970"
    if _same_words(found):
        yield "an order: of a set (hash seed, addresses), or of files that were listed unsorted"
    if all(map(_TIME.search, lines)) and _but_for_times(lines):
        yield "the clock or the time zone: a date or a time of day"
    yield from _counts(words, one.conditions, two.conditions)
    if all(map(_ADDRESS.search, words)):
        yield "an address in memory: an object was printed that has no text of its own"
    yield from _numbers(words)
    if all(map(_IDENTIFIER.search, words)):
        yield "a random identifier, or a hash of something that differs"


def _places(lines: list[str], one: Conditions, two: Conditions) -> Iterator[str]:
    for name, what in (("HOME", "the home folder"), ("USER", "the name of the user")):
        mine, other = one.environment.get(name), two.environment.get(name)
        if mine and other and mine in lines[0] and other in lines[1]:
            yield f"{what}: it is written there"
    if str(one.place) in lines[0] and str(two.place) in lines[1]:
        yield "the folder: a path is written there; write it relative to the experiment"


def _holds_time(word: str, build: Build) -> bool:
    """Tell whether a number of the word is a time of this build, in s, ms, µs or ns."""
    shift = build.conditions.days * _DAY
    begin, end = build.began + shift - 2, build.ended + shift + 2
    for match in re.finditer(r"\d{10,19}(?:\.\d+)?", word):
        value = float(match[0])
        if any(begin <= value / unit <= end for unit in (1, 1e3, 1e6, 1e9)):
            return True
    return False


def _same_words(found: Difference) -> bool:
    if len(found.one) != len(found.two) or len(found.one) > _SMALL:
        return False
    words = [sorted(re.findall(rb"[^\s,;:\[\](){}\"']+", data)) for data in (found.one, found.two)]
    return words[0] == words[1]


def _but_for_times(lines: list[str]) -> bool:
    """Tell whether the lines are the same without digits and names of days and months."""
    plain = [re.sub(rf"\d+|\b(?:{_NAMES})[a-z]*", "", line) for line in lines]
    return plain[0] == plain[1]


def _counts(words: tuple[str, str], one: Conditions, two: Conditions) -> Iterator[str]:
    numbers = [_NUMBER.search(word) for word in words]
    if not all(numbers):
        return
    pair = tuple(match[0].lstrip("+") for match in numbers if match)
    known = {
        "the number of processors": (str(one.processors), str(two.processors)),
        "the number of threads": _both("OMP_NUM_THREADS", one, two),
        "the width of the terminal": _both("COLUMNS", one, two),
        "the hash seed": _both("PYTHONHASHSEED", one, two),
    }
    yield from (f"{what}: it is written there" for what, values in known.items() if values == pair)


def _both(name: str, one: Conditions, two: Conditions) -> tuple[str, str]:
    return one.environment[name], two.environment[name]


def _numbers(words: tuple[str, str]) -> Iterator[str]:
    if not all(map(_NUMBER.fullmatch, words)):
        return
    if sorted(words[0].replace(",", ".")) == sorted(words[1].replace(",", ".")) and (
        "," in words[0]
    ) != ("," in words[1]):
        yield "the locale: a decimal comma"
    a, b = (float(word.replace(",", ".")) for word in words)
    if abs(a - b) <= 1e-6 * max(abs(a), abs(b)):
        yield "the last digits: threads or processors that share a sum, or another order of it"
    yield "random numbers: is a seed given to every generator?"
