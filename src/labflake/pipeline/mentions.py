"""Find the files that a text names: scripts that it starts, sources that it includes, tables.

Any word or quoted text that is the path of a file of the experiment, of `src/`, or outside the
project counts, and so does its name alone (`file.path(here, "fit.R")`), all that a pattern matches
and all in a folder. That is more than is read, never less than what is written there. A name that a
program puts together while it runs is not found; in programs of Python it is seen then.
"""

import os
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from labflake.experiments import root
from labflake.pipeline import patterns

_LARGEST = 1_000_000  # bytes of a text that is searched
_QUOTED = re.compile(r"\"([^\"\n]+)\"|'([^'\n]+)'")
_WORD = re.compile(r"[\w./~+@%=,:-]+")
_APART = re.compile(r"[=,:@]")
_SOFTWARE = re.compile(r"/(usr|lib|lib64|bin|sbin|etc|nix|proc|sys|dev(?!/shm))/")


@cache
def in_file(file: Path, generated: Path) -> frozenset[Path]:
    """Return the files that a text file names, relative to itself or to where steps run."""
    try:
        if file.stat().st_size > _LARGEST:
            return frozenset()
        text = file.read_bytes()
    except OSError:
        return frozenset()
    if b"\0" in text:
        return frozenset()
    return frozenset(of(text.decode(errors="replace"), generated, file.parent) - {file})


def of(text: str, generated: Path, *folders: Path, but: Iterable[str] = ()) -> set[Path]:
    """Return the files that a script or a command names.

    Args:
        text: its text.
        generated: the folder where it runs.
        folders: others to which its paths may be relative.
        but: words that are known.
    """
    found = words(text) - {*but}
    known = _names(root() / "src") | _names(root() / "scripts" / generated.name)
    names = {os.path.basename(word) for word in found} & known.keys()
    named = {path for name in names for path in known[name]}
    return named | among(found, generated, *folders) | _spread(text, found, generated, *folders)


def _spread(text: str, found: set[str], *places: Path) -> set[Path]:
    """Return the files that patterns mean, and those in the folders that words name."""
    folders = {word for word in found if "/" in word and len(word) < 4096 and "\n" not in word}
    paths = {
        Path(path)
        for word in folders | patterns.words(text)
        for place in places
        for path in patterns.files(word, str(place), _is_part)
    }
    return {path for path in paths if path.name[0] != "." and _may_change(path)}


def _is_part(folder: str) -> bool:
    """Tell whether a folder is one of an experiment or of `src/`, and not all of them."""
    path = Path(folder)
    parts = path.relative_to(root()).parts if path.is_relative_to(root()) else ()
    return len(parts) > {"src": 1, "scripts": 2}.get("".join(parts[:1]), len(parts))


@cache
def _names(folder: Path) -> dict[str, list[Path]]:
    """Return the files below a folder by their names; a name without a suffix may be any word."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*.*")):
        if "__pycache__" not in path.parts and path.name[0] != "." and path.is_file():
            found.setdefault(path.name, []).append(path)
    return found


def words(text: str) -> set[str]:
    """Return the words of a text, those inside other words, and what stands in quotes."""
    found = {part for pair in _QUOTED.findall(text) for part in pair if part}
    for word in _WORD.findall(text):
        found |= {word, *_APART.split(word)}
    return found


def among(texts: Iterable[str], *folders: Path) -> set[Path]:
    """Return the files that these texts name, absolutely or relative to one of the folders."""
    candidates = [text for text in texts if 0 < len(text) < 4096 and "\n" not in text]
    return {path for text in candidates for place in folders if (path := _file(text, place))}


@cache
def _file(text: str, place: Path) -> Path | None:
    """Return the file that a text names from a folder, if it is one that may change."""
    path = Path(os.path.abspath(place / os.path.expanduser(text)))
    if not _may_change(path):
        return None
    try:
        return path if path.is_file() else None
    except (OSError, ValueError):
        return None


def _may_change(path: Path) -> bool:
    """Tell whether a path is in the experiment, in `src/` or outside the project."""
    if not path.is_relative_to(root()):
        return not _SOFTWARE.match(f"{path}/")
    return path.relative_to(root()).parts[:1] in (("scripts",), ("src",))
