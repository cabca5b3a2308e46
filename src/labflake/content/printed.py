"""What programs print, as plain lines: no control sequences, no bytes that are no text."""

import re
from pathlib import Path

_END = 1 << 16  # bytes of a log in which its last lines are looked for
_LONGEST = 1000  # characters of one of them
_SEQUENCE = (
    r"(?s)\x1b[\]PX^_].*?(?:\x07|\x1b\\|\x9c)"  # titles, links, pictures: up to their end
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, moves of the cursor
    r"|\x1b[ -/]*[0-~]?"
)
_LINE_ENDS = "\r+\n|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]"
_OTHER = "[\x00-\x08\x0e-\x1f\x7f-\x9f]"  # controls but tab, line feed, return
_NO_CHARACTER = "[\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"


def last_lines(log: Path, count: int) -> list[str]:
    """Return the last lines of a log of any size, as plain text; long ones are cut."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _END))
        text = file.read().decode(errors="replace")
    lines = tamed(text).rstrip().split("\n")[-count:] if text.strip() else []
    return [f"{line[:_LONGEST]} …" if len(line) > _LONGEST else line for line in lines]


def characters(text: str) -> str:
    """Return a text without what is no character, such as halves of surrogate pairs."""
    return re.sub(_NO_CHARACTER, "\N{REPLACEMENT CHARACTER}", text)


def tamed(text: str) -> str:
    """Return what a terminal would show at the end, with nothing that could move or hide it.

    What a carriage return or backspaces overwrite is gone, as the states of a progress bar.
    """
    text = re.sub(_LINE_ENDS, "\n", re.sub(_SEQUENCE, "", text))
    if "\b" in text:
        text = _without_backspaces(text)
    if "\r" in text:
        text = "\n".join(map(_overwritten, text.split("\n")))
    return characters(re.sub(_OTHER, "", text))


def _without_backspaces(text: str) -> str:
    """Return a text without what was stepped back over; at the begin of a line there is no way."""
    kept: list[str] = []
    for character in text:
        if character != "\b":
            kept.append(character)
        elif kept and kept[-1] not in "\n\r":
            kept.pop()
    return "".join(kept)


def _overwritten(line: str) -> str:
    """Return what is seen of a line when each part after a carriage return begins at its start."""
    seen = ""
    for part in line.split("\r"):
        seen = part + seen[len(part) :]
    return seen
