"""Find the files that a shell would make of a text: `parts/*.csv`, `{a,b}.txt`, `$i.csv`, `parts`.

A variable stands for anything. What consists of nothing else says too little to count.
"""

import glob
import os
import re
from collections.abc import Callable, Iterator, Set
from fnmatch import fnmatch
from functools import lru_cache

_WORD = re.compile(r"[\w./~+@%=,:*?\[\]!{}$-]+")
_SIGN = re.compile(r"[*?\[$]")
_MAY_BE_MANY = re.compile(r"[*?\[${]").search
_APART = re.compile(r"[=,:@]")
_BRACES = re.compile(r"(?<!\$)\{([^{}]*)\}")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_VARIABLE = re.compile(r"\$(\{[^{}]*\}|\w+)")
QUOTED = re.compile(r"\"([^\"\n]+)\"|'([^'\n]+)'")
# One of sed that takes a text for another: s, something between its parts, three of these.
_SCRIPT = re.compile(
    r"""(?:[\d,$!]*|/[^/]*/)\s*[sy]([^\w\s])(?:\\.|(?!\1).)*\1(?:\\.|(?!\1).)*\1"""
    r"""[gpiIeEmM\d]*\s*(?:[;}].*)?$""",
    re.DOTALL,
)
_MANY = 1000  # numbers of a range; of a longer one, any


@lru_cache(maxsize=16)  # of one step, several ask in a row
def words(text: str) -> frozenset[str]:
    """Return the words of a text that name files by a pattern, and those that braces stand for."""
    found = set()
    for word in filter(_MAY_BE_MANY, _WORD.findall(text)):
        spread = _spread(word)
        parts = {part for each in spread for part in _APART.split(each)}
        found |= {part for part in parts if len(spread) > 1 or is_one(part)}
    return frozenset(found)


def paths(text: str) -> set[str]:
    """Return the words of a text, and what stands in quotes, that have a slash and are whole."""
    quoted = {part for pair in QUOTED.findall(text) for part in pair}
    parts = {part for word in _WORD.findall(text) for part in (word, *_APART.split(word))}
    return {p for p in quoted | parts if "/" in p and len(p) < 4096 and not {*p} & {*"*?[{$\n"}}


def files(
    word: str, place: str, may: Callable[[str], bool], but: Set[str] = frozenset()
) -> list[str]:
    """Return the files that a word means from a folder, and those in the folders that it means.

    Args:
        word: a pattern, or a path.
        place: the folder to which it is relative.
        may: tells of a folder whether files below it count.
        but: files and folders that do not.
    """
    full = whole(word, place)
    found = [path for path in matching(full) if path not in but] if full else []
    return [name for path in found for name in _below(path, may)]


def whole(word: str, place: str) -> str:
    """Return the whole path or pattern of a word; "" if it says too little."""
    pattern = _VARIABLE.sub("*", word)
    if "$" in word and not os.path.basename(pattern).strip("*"):
        pattern = os.path.dirname(pattern)
    if not pattern.strip("*?./~") or ("/" not in pattern and "$" in word):
        return ""
    return os.path.normpath(os.path.join(place, os.path.expanduser(pattern)))


def folder_of(pattern: str) -> str:
    """Return the folder in which what a pattern means lies at any depth; a path is its own."""
    while _SIGN.search(pattern):
        pattern = os.path.dirname(pattern)
    return pattern


def is_one(word: str) -> bool:
    """Tell whether a word is a pattern."""
    return bool(_SIGN.search(word))


def match(word: str, path: str) -> bool:
    """Tell whether a pattern may mean a path."""
    return fnmatch(path, _VARIABLE.sub("*", word))


def match_parts(word: str, path: str) -> bool:
    """Tell whether a pattern means a path, part by part, as a shell has it."""
    pairs = list(zip(word.split(os.sep), path.split(os.sep), strict=False))
    return word.count(os.sep) == path.count(os.sep) and all(
        fnmatch(part, sign) and (part[:1] != "." or sign[:1] == ".") for sign, part in pairs
    )


def without_scripts(command: str) -> str:
    """Return a command without what is in quotes and is a script of sed: `s#^data/.*##`.

    It names no files, but texts; a pattern in it is one of sed.
    """

    def kept(quoted: re.Match) -> str:
        return "" if _SCRIPT.match(quoted[1] or quoted[2]) else quoted[0]

    return QUOTED.sub(kept, command)


def meant(path: str) -> tuple[str, ...]:
    """Return what a pattern outside the project means; nothing if the path is none."""
    if not (is_one(path) and os.path.isabs(path)) or os.path.lexists(path):
        return ()
    return tuple(each for each in matching(path) if os.path.exists(each))


def matching(pattern: str) -> tuple[str, ...]:
    """Return the files and folders that a pattern means, sorted."""
    try:
        return tuple(sorted(glob.glob(pattern)))
    except (OSError, ValueError, re.error):
        return ()


def _below(path: str, may: Callable[[str], bool]) -> Iterator[str]:
    """Give a file, or all that lie below a folder."""
    if os.path.isfile(path):
        yield path
    elif os.path.isdir(path) and may(path):
        for folder, _, names in os.walk(path):
            if os.path.basename(folder) != "__pycache__":
                yield from (os.path.join(folder, name) for name in sorted(names))


def _spread(word: str) -> list[str]:
    """Return the words that braces stand for."""
    found = _BRACES.search(word)
    if not found or len(word) > 4096:
        return [word]
    first, last = word[: found.start()], word[found.end() :]
    return [each for part in _parts(found[1]) for each in _spread(first + part + last)]


def _parts(inside: str) -> list[str]:
    if numbers := _RANGE.fullmatch(inside):
        start, end = map(int, numbers.groups())
        return [str(n) for n in range(start, end + 1)] if end - start < _MANY else ["*"]
    return inside.split(",") if "," in inside else ["*"]
