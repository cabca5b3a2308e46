"""Find the files that a text names: scripts that it starts, sources that it includes, tables.

Any word or quoted text that is the path of a file of ours, or outside the project, counts, and so
does its name alone (`file.path(here, "fit.R")`), with or without its suffix where a script loads
it, all that a pattern matches and all in a folder. Paths may be relative to any folder that is
named, since a command may go there, and below any variable. Outside the project a pattern or a
folder stands for itself: a file that is new there counts as one that changed. That is more than is
read, never less than what is written there. A name that a program puts together while it runs is
not found; in programs of Python it is seen then.
"""

import os
import re
from collections.abc import Iterable, Set
from functools import cache, lru_cache
from pathlib import Path

from labflake.content import patterns
from labflake.content.folders import names as names_in
from labflake.project.experiments import inside, root

LARGEST = 1_000_000  # bytes of a text that is searched
_WORD = re.compile(r"[\w./~+@%=,:-]+")
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)
_APART = re.compile(r"[=,:@]")
_LOADS = (
    r"\b(?:use|require|require_relative|import|from|using|include|source|library)"
    r"\b[\s(]*[\"']?([\w./:-]+)"
)
_MACHINES = ("", "generated", "data", "vendor", ".venv", ".git")
_VARIABLE = re.compile(r"\$(\w+|\{\w+\})/")  # before a path: what it holds is a folder somewhere
_SOFTWARE = re.compile(r"/(usr|lib|lib64|bin|sbin|etc|nix|proc|sys|dev(?!/shm))/")


@cache
def in_file(file: Path, generated: Path) -> frozenset[Path]:
    """Return the files that a text file names, relative to itself or to where steps run."""
    try:
        if file.stat().st_size > LARGEST:
            return frozenset()
        text = file.read_bytes()
    except OSError:
        return frozenset()
    if b"\0" in text:
        return frozenset()
    words = text.decode(errors="replace")
    found = of(words, generated, file.parent) | _loaded(words, generated)
    return frozenset((found | _whole(words, generated, file.parent)) - {file})


def _loaded(text: str, generated: Path) -> set[Path]:
    """Return the files that a script loads by a name without suffix: `use My::Module`."""
    stems = _stems(generated.name)
    names = {
        *re.findall(_LOADS, text),
        *(part for pair in patterns.QUOTED.findall(text) for part in pair),
    }
    slashed = {name.replace("::", "/").lstrip("./") for name in names}
    slashed |= {name.replace(".", "/") for name in slashed}
    return {
        path
        for name in slashed - {""}
        for path in stems.get(os.path.basename(name), ())
        if _is_other(path) and str(path.with_suffix("")).endswith(f"/{name}")
    }


@cache
def _stems(experiment: str) -> dict[str, list[Path]]:
    """Return the files of `src/` and of an experiment by their names without suffix."""
    stems: dict[str, list[Path]] = {}
    for folder in (root() / "src", root() / "scripts" / experiment):
        for path in _files(folder):
            stems.setdefault(path.stem, []).append(path)
    return stems


def _called(names: set[str], experiment: str) -> set[Path]:
    """Return the files of these names, each of an experiment if it has one, else of `src/`."""
    own, shared = _names(root() / "scripts" / experiment), _names(root() / "src")
    return {p for name in names for p in _there(own.get(name)) or _there(shared.get(name))}


def _whole(text: str, *places: Path) -> set[Path]:
    """Return all in an experiment or `src/` that a script names as a whole: it may list it.

    Python is seen when it runs, unless the script gives it a path of modules.
    """
    own = {root() / "src", root() / "scripts" / places[0].name}
    named = _folders(words(text), *places) & own
    unseen = "PYTHONPATH" in text
    every = (path for folder in named for path in _files(folder))
    return {p for p in every if _is_other(p) or (unseen and p.suffix == ".py")}


def _is_other(path: Path) -> bool:
    """Tell whether a file is neither Python, which is seen when it runs, nor the equipment's."""
    return path.suffix not in (".py", ".md") and path.name not in ("config.yaml", "hashes.txt")


def of(
    text: str,
    generated: Path,
    *folders: Path,
    but: Iterable[str] = (),
    known: Set[str] = frozenset(),
) -> set[Path]:
    """Return the files that a script or a command names.

    Args:
        text: its text.
        generated: the folder where it runs.
        folders: others to which its paths may be relative.
        but: words that are known.
        known: whole paths of files and folders that are known.
    """
    if "$" in text:
        text = f"{text}\n{os.path.expandvars(text)}\n{_VARIABLE.sub(' ', text)}"
    found = words(text) - {*but}
    named = _called({os.path.basename(word) for word in found}, generated.name)
    places = (generated, *folders)
    there = sorted(_folders(found, *places) - {*places})
    many = "\n".join(word for word in patterns.words(text) if word[0] not in "/~")
    named |= _spread(text, found, known, *places) | _spread(many, set(), known, *there)
    return named | among(found, *places) | _below(found, *there)


def _below(found: Set[str], *folders: Path) -> set[Path]:
    """Return the files that words name from one of the folders, looking at what there is."""
    starts: dict[str, list[str]] = {}
    for word in found:
        starts.setdefault(word.removeprefix("./").partition("/")[0], []).append(word)
    there = {folder: starts.keys() & names_in(folder) for folder in folders}
    return {
        path
        for folder, names in there.items()
        for path in among((word for name in names for word in starts[name]), folder)
    }


def _folders(found: Set[str], *places: Path) -> set[Path]:
    """Return the folders that words name: paths may be relative to them, too, as after `cd`."""
    paths = {
        os.path.abspath(os.path.join(place, os.path.expanduser(word)))
        for word in found
        for place in places
        if "/" in word and len(word) < 4096 and "\n" not in word
    }
    return {Path(path) for path in paths if path.strip("/") and _is_place(path)}


@cache
def _is_place(path: str) -> bool:
    """Tell whether a path is a folder with files that may change."""
    try:
        return _may_change(path) and os.path.isdir(path)
    except ValueError:
        return False


def _spread(text: str, found: Set[str], known: Set[str], *places: Path) -> set[Path]:
    """Return the files that patterns mean, and those in the folders that words name."""
    folders = {word for word in found if "/" in word and len(word) < 4096 and "\n" not in word}
    named = [(word, str(place)) for word in folders | patterns.words(text) for place in places]
    bare = _COMMENT.sub("", text)  # a folder that only a comment names is too much to read
    said = patterns.paths(bare) | patterns.words(bare)
    wholes = {patterns.whole(word, str(place)) for word in said for place in places}
    outside = {Path(path) for path in wholes if _is_outside(path)}
    files = (patterns.files(word, place, _is_part, known) for word, place in named)
    paths = {Path(path) for each in files for path in each if inside(path, root()) is not None}
    return outside | {path for path in paths if path.name[0] != "." and _may_change(path)}


def _is_outside(path: str) -> bool:
    """Tell whether this is a folder outside the project that holds data, or a pattern in one.

    A folder that has the project in it, a home or all that is temporary is none.
    """
    if not os.path.isabs(path) or inside(path, root()) is not None or is_software(path):
        return False
    import tempfile

    folder = patterns.folder_of(path)
    places = (str(root()), os.path.expanduser("~"), tempfile.gettempdir(), "/dev/shm", "/var/tmp")
    if any(f"{place}/".startswith(f"{folder.rstrip('/')}/") for place in places):
        found = patterns.meant(path) if os.path.basename(path).strip("*") else ()
        return bool(found) and not any(map(os.path.isdir, found))
    return os.path.isdir(folder)


def _is_part(folder: str) -> bool:
    """Tell whether a folder is one of an experiment or of `src/`, and not all of them."""
    below = inside(folder, root())
    if below is None or not _may_change(folder):
        return False
    parts = Path(below).parts
    return len(parts) > {"src": 1, "scripts": 2}.get("".join(parts[:1]), 0)


@cache
def _names(folder: Path) -> dict[str, list[str]]:
    """Return what is below a folder by its name; a name without a suffix may be any word."""
    found: dict[str, list[str]] = {}
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(name for name in files if "." in name[1:] and name[0] != "."):
            found.setdefault(name, []).append(f"{place}/{name}")
    return found


def _there(paths: Iterable[str] | None) -> list[Path]:
    """Return those of the paths that are files: of many that have names, few are asked for."""
    return [Path(path) for path in paths or () if os.path.isfile(path)]


@cache
def _files(folder: Path) -> list[Path]:
    """Return the files below a folder."""
    return _there(path for paths in _names(folder).values() for path in paths)


@lru_cache(maxsize=16)  # of one step, several ask in a row
def words(text: str) -> frozenset[str]:
    """Return the words of a text, those inside other words, and what stands in quotes."""
    found = {part for pair in patterns.QUOTED.findall(text) for part in pair if part}
    for word in _WORD.findall(text):
        found.add(word)
        found.update(_APART.split(word))
    return frozenset(found)


def among(texts: Iterable[str], *folders: Path) -> set[Path]:
    """Return the files that these texts name, absolutely or relative to one of the folders."""
    candidates = [text for text in texts if 0 < len(text) < 4096 and "\n" not in text]
    return {path for text in candidates for place in folders if (path := _file(text, place))}


@cache
def _file(text: str, place: Path) -> Path | None:
    """Return the file that a text names from a folder, if it is one that may change."""
    path = os.path.abspath(os.path.join(place, os.path.expanduser(text)))
    try:
        may_change = _may_change(path) or f"{path}/".startswith(f"{root()}/.git/")
        return Path(path) if may_change and os.path.isfile(path) else None
    except ValueError:
        return None


def is_software(path: str | Path) -> bool:
    """Tell whether a path is in the folders of the machine's own programs."""
    return bool(_SOFTWARE.match(f"{path}/"))


def _may_change(path: str | Path) -> bool:
    """Tell whether a path is one of ours, also a lock, or outside the project and no software."""
    below = inside(path, root())
    return not is_software(path) if below is None else _is_of_people(below)


def is_ours(path: str | Path) -> bool:
    """Tell whether people write what is there: it is of the project, and no machine's."""
    below = inside(path, root())
    return below is not None and _is_of_people(below)


def ours(paths: Iterable[str]) -> list[str]:
    """Return those of many absolute paths that are ours."""
    top = os.path.join(root(), "")
    return [p for p in paths if p.startswith(top) and _is_of_people(p[len(top) :])]


def _is_of_people(below: str) -> bool:
    return below.partition(os.sep)[0] not in _MACHINES
