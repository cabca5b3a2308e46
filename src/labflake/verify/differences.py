"""Where two files differ first, and what stands there."""

import re
from dataclasses import dataclass
from pathlib import Path

from labflake.verify import inside

_AROUND = 300  # bytes to look at on each side of a difference
_SHOWN = 60  # characters to show of each file


@dataclass(frozen=True)
class Difference:
    """The first difference of two files: where it is, and the bytes around it in each.

    `one` and `two` are the whole parts in which it lies, `start` is its position in both.
    """

    where: str
    one: bytes
    two: bytes
    start: int
    part: str = ""

    @property
    def around(self) -> tuple[bytes, bytes]:
        """Return the line of each that differs, or the bytes around the difference."""
        return self._cut(self.one), self._cut(self.two)

    @property
    def words(self) -> tuple[str, str]:
        """Return the first words that differ."""
        return self._word(self.one), self._word(self.two)

    def shown(self) -> list[str]:
        """Return one line for each file: what stands at the difference."""
        return [self._show(self.one), self._show(self.two)]

    def _cut(self, data: bytes) -> bytes:
        low = max(data.rfind(b"\n", 0, self.start) + 1, self.start - _AROUND)
        end = data.find(b"\n", self.start)
        return data[low : min(len(data) if end < 0 else end, self.start + _AROUND)]

    def _word(self, data: bytes) -> str:
        low, high = max(0, self.start - _AROUND), self.start + _AROUND
        before = re.search(rb"[^\s\"'<>,;()\[\]{}]*\Z", data[low : self.start])
        after = re.match(rb"[^\s\"'<>,;()\[\]{}]*", data[self.start : high])
        return ((before[0] if before else b"") + (after[0] if after else b"")).decode("latin-1")

    def _show(self, data: bytes) -> str:
        if self.start >= len(data):
            return "(it ends here)"
        line = self._cut(data)
        if not inside.is_text(line.strip()) and b"\0" in line:
            return data[self.start : self.start + 16].hex(" ")
        low = max(data.rfind(b"\n", 0, self.start) + 1, self.start - _AROUND)
        text = line.decode("utf-8", "replace")
        begin = max(0, len(data[low : self.start].decode("utf-8", "replace")) - _SHOWN // 3)
        cut = "".join(c if c.isprintable() else "·" for c in text[begin : begin + _SHOWN])
        return ("…" if begin else "") + cut + ("…" if begin + _SHOWN < len(text) else "")


def first(one: Path, two: Path) -> Difference:
    """Return the first difference of two files that differ."""
    if max(one.stat().st_size, two.stat().st_size) > inside.LARGE:
        return _in_large(one, two)
    parts, others = inside.parts(one), inside.parts(two)
    if [name for name, _ in parts] != [name for name, _ in others]:
        parts, others = [("", one.read_bytes())], [("", two.read_bytes())]
    for (name, data), (_, other) in zip(parts, others, strict=True):
        if data != other:
            return _in_part(name, data, other)
    return Difference("nowhere", b"", b"", 0)


def _in_part(name: str, data: bytes, other: bytes) -> Difference:
    start = _position(data, other)
    place = f"byte {start + 1}"
    if inside.is_text(data) and inside.is_text(other):
        lines = data.count(b"\n", 0, start) + 1
        place = f"line {lines}"
    return Difference(f"{name}, {place}" if name else place, data, other, start, name)


def _in_large(one: Path, two: Path) -> Difference:
    """Find the first block that differs, and look at that alone."""
    offset, size = 0, 1 << 22
    with one.open("rb") as left, two.open("rb") as right:
        while (block := left.read(size)) == (other := right.read(size)) and block:
            offset += len(block)
    start = _position(block, other)
    return Difference(f"byte {offset + start + 1}", block, other, start)


def _position(one: bytes, two: bytes) -> int:
    """Return the first position at which the bytes differ, by halving."""
    low, high = 0, min(len(one), len(two))
    if one[:high] == two[:high]:
        return high
    while low < high:
        middle = (low + high) // 2
        if one[low : middle + 1] == two[low : middle + 1]:
            low = middle + 1
        else:
            high = middle
    return low
