"""What the command of a step names by itself: files that are no inputs, programs of the machine.

Words are enough to find them: more is found than is used, and never less than is written there.
"""

import os
import re
import subprocess
import threading
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from labflake.content import patterns
from labflake.programs import asks_git, mentions, packages
from labflake.project.experiments import inside, root

_MODULE = re.compile(r"\s-m\s+([\w.]+)")
_RUNS = re.compile(r"(?:^|[\s;&|(])([\w.+-]+)(?:\s+-\S+)*\s+([^\s;&|<>]+)")
# Programs of every system that run no code: what they read is what they are told by name.
_NAMES = """
b2sum base32 base64 bunzip2 bzcat bzip2 cat cksum cmp comm cp csplit cut diff echo expand
fmt fold grep gunzip gzip head join ln md5sum mv nl od paste pr printf rev sha1sum sha224sum
sha256sum sha384sum sha512sum shuf sort split stat sum tac tail tee touch tr truncate tsort
unexpand uniq unxz wc xz xzcat zcat
"""
_READERS = frozenset(_NAMES.split())
# Options that let them take names from a file, or start another program.
_BY_A_FILE = re.compile(r"sum\b[^|;&]*\s-(?:\w*c|-c)|\s--(?:files0-from|filter|compress-program)")
_reading = threading.Lock()  # of the answer, for which several steps may wait
_DEEP = 2  # separators in the path of a folder that a rule makes


def files(command: str, declared: list[str], generated: str, *folders: Path) -> list[str]:
    """Return the files that a command names and its rule does not, with what they name.

    Args:
        command: the command.
        declared: the inputs, outputs and logs of the rule.
        generated: the folder where steps run.
        folders: others to which its paths may be relative.
    """
    scripts = root() / "scripts" / os.path.basename(generated)
    known = {os.path.normpath(os.path.join(generated, path)) for path in declared}
    places = (Path(generated), scripts, *folders)
    named = sorted(mentions.of(command, *places, but=declared, known=known))
    places = (scripts, root() / "src", root())
    for name in modules_of(command):
        named += sorted(_of_module(name, places))
    named = [path for path in named if not _within(str(path), known)]
    every = [part for path in named for part in run_by(path, Path(generated))]
    return [_name(p, generated) for p in dict.fromkeys(every) if not _within(str(p), known)]


def modules_of(command: str) -> list[str]:
    """Return the modules that a command runs by `python -m`."""
    return _MODULE.findall(command)


def run_by(program: Path, folder: Path | None = None) -> list[Path]:
    """Return a program and what it imports or names: to read Python is slow to import."""
    from labflake.programs import modules

    return modules.programs(program, folder)


def _of_module(name: str, places: tuple[Path, ...]) -> set[Path]:
    """Return the files of ours that `python -m` with this name runs."""
    from labflake.programs import modules

    return {path for each in (name, f"{name}.__main__") for path in modules.files(each, places)}


def parts(command: str, inputs: list[str], generated: str) -> list[str]:
    """Return the files that programs of ours name or import which a command names as its inputs.

    Args:
        command: the command.
        inputs: those of the rule, and what the command names beyond them.
        generated: the folder where it runs.
    """
    named = mentions.words(command) & {*inputs}
    files = (Path(os.path.realpath(os.path.join(generated, path))) for path in sorted(named))
    ours = [file for file in files if mentions.is_ours(file) and packages.may_be_program(file)]
    every = dict.fromkeys(part for file in ours for part in run_by(file, Path(generated)))
    return [_name(part, generated) for part in every if part not in ours]


def stray(command: str, declared: list[str], generated: str, made: Iterable[str] = ()) -> str:
    """Return a result or data that a command names and its rule does not; "" if there is none.

    Args:
        command: the command.
        declared: the inputs, outputs and logs of the rule.
        generated: the folder where it runs.
        made: what rules make, there or not yet.
    """
    known = {os.path.normpath(os.path.join(generated, path)) for path in declared}
    command = patterns.without_scripts(command)
    words = (mentions.words(command) | patterns.words(command)) - {*declared}
    paths = sorted(os.path.normpath(os.path.join(generated, word)) for word in words)
    paths = [p for p in paths if _is_result(p, generated) and not _within(p, known)]
    if paths:  # to ask where links lead takes long
        known |= {os.path.realpath(path) for path in known}
        paths = [path for path in paths if not _within(path, known)]
    # A build of many steps has many results: they are looked at only where there is a reason.
    others = {os.path.normpath(os.path.join(generated, path)) for path in made} if paths else set()
    found = (_foreign(path, generated, known, others - known) for path in paths)
    return next((os.path.relpath(path, generated) for path in found if path), "")


def _foreign(path: str, generated: str, known: set[str], others: set[str]) -> str:
    """Return what a path or pattern means that is there, or is made, and is not known.

    A variable may stand for what is known: then the pattern means nothing else.
    """
    if "$" in path and any(patterns.match(path, each) for each in known):
        return ""
    found = patterns.files(path, generated, lambda f: _is_foreign(f, generated, known))
    found += [each for each in sorted(others) if _means(path, each, generated, known)]
    foreign = next((each for each in found if not _within(each, known)), "")
    return path if foreign and "$" in path else foreign


def _means(path: str, other: str, generated: str, known: set[str]) -> bool:
    """Tell whether a path or pattern means a result that is not there yet, or its folder."""
    if "$" in path:
        return patterns.match(path, other)
    parts = other.split(os.sep)
    place = os.sep.join(parts[: path.count(os.sep) + 1])
    if not patterns.match_parts(path, place):
        return False
    return place == other or _is_foreign(place, generated, known)


def _is_foreign(folder: str, generated: str, known: set[str]) -> bool:
    """Tell whether all in a folder of results is of other rules; `assets/data` is a place."""
    if os.path.relpath(folder, generated).count(os.sep) < _DEEP:
        return False
    return not any(path.startswith(os.path.join(folder, "")) for path in known)


def _is_result(path: str, generated: str) -> bool:
    """Tell whether a path is among the results or the data of an experiment."""
    if path.startswith(os.path.join(root(), "data", "")):
        return True
    parts = os.path.relpath(path, os.path.dirname(generated)).split(os.sep)
    return parts[0] != os.pardir and parts[1:2] in (["assets"], ["outputs"])


def unseen(command: str, generated: str) -> str:
    """Say of which program it is not seen what it reads; "" where a command starts none.

    That is one that runs a file of ours which is no Python.
    """
    for program, file in _RUNS.findall(command):
        if program in _READERS and not _BY_A_FILE.search(command):
            continue
        if program[0] == "-" or os.path.lexists(os.path.join(generated, program)):
            continue  # an option or a file: the shell runs only what is on the PATH by its name
        place = os.path.join(generated, file)  # perhaps a link to a file beside the Snakefile
        path = Path(os.path.realpath(place) if os.path.islink(place) else os.path.normpath(place))
        ours = any(path.is_relative_to(root() / place) for place in ("scripts", "src"))
        if ours and path.suffix != ".py" and path.is_file():
            return f"what {program} reads beyond the files that {path.name} names is not noticed"
    return ""


def programs(command: str) -> dict[str, str]:
    """Return the programs of this machine that a command names: their files by name.

    Those of `.venv` are not among them: the pins of their packages stand for them. The path of one
    of Nix is in its store, and names one build of it with all that it needs.
    """
    own = os.path.join(root(), ".venv", "bin")
    there = _executables(os.pathsep.join([own, os.environ.get("PATH", os.defpath)]))
    words = mentions.words(command)
    named = words & there.keys()
    named -= _of_bash() if named else frozenset()
    places = {word: os.path.join(there[word], word) for word in named}
    places |= {word: word for word in words if word.startswith("/") and os.path.isfile(word)}
    asked = asks_git.files(command) if "git" in named else {}
    ours = (os.path.join(root(), ""), os.path.join(_real(str(root() / ".venv")), ""))
    return asked | {
        name: _real(place)
        for name, place in sorted(places.items())
        if not place.startswith(ours)
        and not _real(place).startswith(ours)
        and os.access(place, os.X_OK)
    }


@cache
def of_script(path: str) -> dict[str, str]:
    """Return the programs that a script of ours names; those of Python are seen when it runs.

    It may be in any language: `system("tool")`, a recipe of make, the first line of a script.
    """
    if path.endswith(".py") or not mentions.is_ours(path):
        return {}
    text = _text(path)
    return programs(text) if text else {}


def _text(path: str) -> str:
    """Return the text of a script; "" of what is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read(mentions.LARGEST)
    except (OSError, ValueError):
        return ""


def asks_git_in(inputs: Iterable[str]) -> str:
    """Return what a script of ours among the inputs asks git that is not committed; "" if none.

    Those of Python are seen when they run.
    """
    places = mentions.ours(os.path.abspath(path) for path in inputs if not path.endswith(".py"))
    return next(filter(None, map(_asks_git, places)), "")


@cache
def _asks_git(path: str) -> str:
    return asks_git.of_what_is_not_committed(_text(path))


_real = cache(os.path.realpath)


@cache
def _executables(path: str) -> dict[str, str]:
    """Return in which folder of a PATH each program is: in the first of several."""
    found: dict[str, str] = {}
    for folder in reversed(path.split(os.pathsep)):
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        found.update(dict.fromkeys(names, folder))
    return found


@cache
def ask_bash() -> subprocess.Popen | None:
    """Begin to ask bash which words it understands itself; it answers while others go on."""
    null, command = subprocess.DEVNULL, ["bash", "-c", "compgen -bk"]
    try:
        return subprocess.Popen(command, stdin=null, stdout=subprocess.PIPE, stderr=null, text=True)
    except OSError:
        return None


def _of_bash() -> frozenset[str]:
    """Return the words that bash understands itself."""
    with _reading:
        return _answer_of_bash()


@cache
def _answer_of_bash() -> frozenset[str]:
    asked = ask_bash()
    return frozenset([*asked.communicate()[0].split(), "bash"]) if asked else frozenset()


def _name(path: Path, generated: str) -> str:
    """Return a path relative to the folder where steps run, if it is in the project."""
    return os.path.relpath(path, generated) if inside(path, root()) is not None else str(path)


def _within(path: str, folders: set[str]) -> bool:
    while path not in folders:
        if path == os.path.dirname(path):
            return False
        path = os.path.dirname(path)
    return True
