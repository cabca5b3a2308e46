"""What inline expressions gave, on its way into a text: it stays the text that it is.

pandoc reads a mark, in a span of code, where a value will stand; so no character of a value can
become markup, whatever stands around it. `filters/values.lua` puts the values in.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from labflake.documents import prose

_OPEN, _CLOSE = "\ufdd0", "\ufdd1"  # characters that no text may have (Unicode: noncharacters)
_MARK = re.compile(rf"`{_OPEN}qz(\d+)zq{_CLOSE}`")
# How pandoc gives the texts of formulas back.
_IN_FORMULA = re.compile(rf"(?:{_OPEN}|&#64976;)([0-9a-f]*)(?:{_CLOSE}|&#64977;)")
_BLANK = re.compile("[ \t\n\r\f\v\x85\u2028\u2029]+")
NO_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


@dataclass
class Marks:
    """The values of a document in the order of their marks, each beside its expression."""

    values: list[tuple[str, str]] = field(default_factory=list)

    def fill(self, text: str, values: list[str], found: list[re.Match] | None = None) -> str:
        """Return the Markdown with a mark in the place of each inline expression."""
        found = prose.expressions(text) if found is None else found
        parts, last = [], 0
        for match, value in zip(found, values, strict=True):
            parts += [text[last : match.start()], f"`{_OPEN}qz{len(self.values)}zq{_CLOSE}`"]
            self.values.append((clean(value), match[0]))
            last = match.end()
        return _without_currency("".join(parts) + text[last:])

    def shown(self, text: str) -> str:
        """Return a text with the values in the places of their marks."""
        text = text_of_formulas(
            text.replace("\\text{" + _OPEN, _OPEN).replace(_CLOSE + "}", _CLOSE)
        )
        return _MARK.sub(lambda m: self.values[int(m[1])][0], text)


def clean(value: str) -> str:
    """Return the value in one line, with � for what is no text (control characters)."""
    return NO_TEXT.sub("\ufffd", _BLANK.sub(" ", value))


def text_of_formulas(text: str, escape: Callable[[str], str] = str) -> str:
    """Return a text with the values that stand in its formulas."""
    return _IN_FORMULA.sub(lambda m: escape(bytes.fromhex(m[1]).decode()), text)


def _without_currency(text: str) -> str:
    """Return the text with the dollars escaped that stand before two values: `US$5 or CA$7`."""
    position = 0
    while match := prose.FORMULA.search(text, position):
        position = match.end()
        if _MARK.match(text, match.start() + 1) and _MARK.match(text, match.end()):
            text = f"{text[: match.start()]}\\{text[match.start() :]}"
            position = match.start() + 2
    return text
