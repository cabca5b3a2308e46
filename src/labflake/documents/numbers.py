"""Finds numbers that somebody typed into a document and that an expression should have made."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labflake.documents import prose
from labflake.documents.cell_options import CAPTIONS
from labflake.documents.problems import Problem, as_lines
from labflake.documents.values import Value, close, known_values

_ALLOWED = re.compile(r"(?:<!--|#)\s*typed:\s*\S")
_NUMBER = re.compile(
    r"(?<![\w.,^])(?P<sign>[-\u2212])?(?P<whole>\d{1,3}(?:[,\u202f\u00a0]\d{3})+(?!\d)|\d+)"
    r"(?P<part>\.\d+)?(?:e(?P<power>[-+]?\d+))?(?P<percent>\s?\\?%)?(?![\w^])(?!\.\d)"
)
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)[a-z]*\.?"
_NAMES = r"(?:Fig|Tab|Eq|Sec|Ch|Figure|Table|Equation|Section|Chapter|Appendix|page|pp?|vol|no)s?"
# Digits that are no results: addresses, labels, citations, dates, versions, numbering, TeX units.
_OTHER = [
    re.compile(pattern, re.M | re.I)
    for pattern in (
        r"https?://[^\s)>]+|\bdoi:\S+",
        r"\]\([^)]*\)|\[\^[^\]]+\]|<[^>]*>",
        r"\{[#.][^}\n]*\}|\{[\w-]+=[^}\n]*\}",
        r"\[[^\[\]]*@[^\[\]]*\]|@[\w:.-]+",
        r"\b\d{4}-\d{2}(?:-\d{2})?\b|\b\d{1,2}:\d{2}\b",
        rf"\b\d{{1,2}}\.? {_MONTH}(?: \d{{4}})?|\b{_MONTH} \d{{1,2}}(?:, \d{{4}})?\b",
        r"\bv?\d+\.\d+\.\d+[\w.]*",
        r"^[ >]*\d+[.)](?= )|^#+ *\d[\d.]*",
        rf"\b{_NAMES}\.?[ ~\u00a0(]*\d[\d.]*",
        r"\b10\s*\^\s*(?:\{[^}]*\}|-?\d)",
        r"-?\d+(?:\.\d+)?\s*(?:em|ex|pt|mm|cm|px)\b",
    )
]
_HEADER_PROSE = ("title", "subtitle", "abstract", "question")
_CONSTANTS = (math.pi, math.e, math.sqrt(2), math.log(2), 1.618034, 0.577216, 1.644854, 1.959964)
_COMMON = {180, 360, 365, 3600, *(2**n for n in range(7, 21))}


@dataclass(frozen=True)
class Number:
    """A number as it is typed: `decimals` after the point, `digits` that are significant."""

    text: str
    value: float
    decimals: int
    digits: int
    percent: bool


def lint(source: Path) -> list[str]:
    """Return a line `scripts/…/report.md:LINE: …` for each number that should be an expression.

    These are numbers of three or more significant digits that no expression made, and shorter
    ones that a result of the experiment has, exactly or nearly. Years, dates, citations, code,
    addresses and constants are left out; `<!-- typed: reason -->` on the line, or on the line
    before, allows what is there.
    """
    text = source.read_text(encoding="utf-8")
    lines = text.splitlines()
    found = []
    for line, number in numbers(text):
        near = lines[max(line - 2, 0) : line]
        if _is_long(number) and not any(_ALLOWED.search(one) for one in near):
            found.append((line, number))
    values = known_values(source) if found else []
    said = [Problem(line, what) for line, n in found if (what := _verdict(n, values))]
    return as_lines(source, said)


def numbers(text: str) -> Iterator[tuple[int, Number]]:
    """Yield line and number for each number in the prose of a Markdown text."""
    for match in _NUMBER.finditer(_prose(text)):
        number = _parse(match)
        if not _is_exempt(number):
            yield prose.line_of(text, match.start()), number


def _prose(text: str) -> str:
    """Return the text with everything blanked that is no prose, captions of cells included."""
    header = prose.HEADER.match(text)
    end = header.end() if header else 0
    text = _header_prose(text[:end]) + prose.FENCE.sub(_captions, text[end:])
    return prose.blank(text, prose.COMMENT, prose.SPAN, *_OTHER)


def _header_prose(header: str) -> str:
    """Return the header with all keys blanked that hold no prose."""
    kept, key = [], ""
    for line in header.splitlines(keepends=True):
        key = found[1] if (found := re.match(r"([\w-]+):", line)) else key
        line = re.sub(r"\s#.*", lambda m: " " * len(m[0]), line.rstrip("\n")) + "\n" * (
            line[-1] == "\n"
        )
        kept.append(line if key in _HEADER_PROSE else re.sub(r"[^\n]", " ", line))
    return "".join(kept)


def _captions(fence: re.Match) -> str:
    """Return fenced code blanked but for the captions of cells."""
    kept, inside = [], False
    for line in fence[0].splitlines(keepends=True):
        option = re.match(r"#\|(?: +([\w.-]+):)?", line)
        inside = option is not None and (option[1] in CAPTIONS if option[1] else inside)
        shown = re.sub(r"^#\|", "  ", line) if inside else re.sub(r"[^\n]", " ", line)
        kept.append(shown)
    return "".join(kept)


def _parse(match: re.Match) -> Number:
    whole = re.sub(r"\D", "", match["whole"])
    part = (match["part"] or "")[1:]
    power = int(match["power"] or 0)
    value = float(f"{whole}.{part or 0}e{power}") * (-1 if match["sign"] else 1)
    digits = (whole + part).lstrip("0") if part else whole.strip("0")
    return Number(match[0].strip(), value, len(part) - power, len(digits), bool(match["percent"]))


def _is_exempt(number: Number) -> bool:
    """Tell whether the number is a year, a well-known constant or a round number of computing."""
    size = abs(number.value)
    if number.decimals <= 0 and not number.percent and (1900 <= size <= 2099 or size in _COMMON):
        return True
    return number.decimals >= 2 and any(round(c, number.decimals) == size for c in _CONSTANTS)


def _is_long(number: Number) -> bool:
    """Tell whether a number has so many digits that it may be a result."""
    return number.digits > 2 or (number.digits == 2 and number.decimals > 0)


def _verdict(number: Number, values: list[Value]) -> str | None:
    """Return what is to be said of a long number, or nothing."""
    searched = values if number.digits >= 3 else [v for v in values if v.single]
    found = close(number.value, number.decimals, number.percent, searched)
    if found:
        how = "is" if found.exact else "is nearly"
        return f"{number.text} is typed by hand; it {how} {found.shown} in {found.place}"
    if number.digits >= 3:
        return f"{number.text} is typed by hand; make it an expression, or say <!-- typed: why -->"
    return None
