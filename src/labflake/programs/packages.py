"""What the command of a step asks for of the packages in `.venv`.

A program of Python asks for what it imports, and so do the local modules that it imports; one that
a package installs, for that package. A command of nothing but programs of the machine asks for no
package. Where neither can be followed, it asks for all: another language, `python -c`, a module of
a package (`python -m`), an import whose name is put together.
"""

import os
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from labflake.io import formats
from labflake.programs import installed, mentions
from labflake.programs.pins import Asked
from labflake.project.experiments import inside, root

_PYTHON = re.compile(r"python[\d.]*")
_INLINE = re.compile(r"\bpython[\d.]*\s(?:[^;&|\n]*\s)?-(?:\w*c\b|\s|$)")
_MODULE = re.compile(r"\bpython[\d.]*\s(?:[^;&|\n]*\s)?-m\s*([\w.]+)")
_RUN = re.compile(r"(?:^|[\s;&|(])[\w.+-]+(?:\s+-\S+)*\s+([^\s;&|<>]+)")
_SHELLS = (".sh", ".bash")
_BY_A_SHELL = re.compile(rb"#!.*\b(ba|da|z|k)?sh\b")
# Files that programs read and that are none; any other file of ours may be one.
_NO_PROGRAMS = formats.SUFFIXES | {
    *(
        "bib",
        "cfg",
        "gz",
        "html",
        "ini",
        "lock",
        "md",
        "rst",
        "tex",
        "toml",
        "tsv",
        "txt",
        "typ",
        "xml",
    ),
    *("yaml", "yml", "zip"),
}


def asked(command: str, inputs: Iterable[str], generated: str, container: str = "") -> Asked:
    """Return what a step asks for of the packages; nothing if it runs in a container.

    Args:
        command: its command.
        inputs: its inputs, declared or named by the command, relative to the generated folder.
        generated: the folder where it runs.
        container: the image, which has packages of its own.
    """
    if container:
        return Asked()
    paths = [os.path.normpath(os.path.join(generated, path)) for path in inputs]
    own = {*mentions.ours(paths)}
    paths = [path for path in paths if path in own or path.endswith(".py")]
    ours = [Path(p) for p in paths if inside(p, root()) is not None and os.path.isfile(p)]
    code = [path for path in ours if str(path) in own]
    texts = [command, *(_text(path) for path in code if _is_shell(path))]
    found = Asked()
    for text in texts:
        found |= _of_text(text, generated)
    programs = [path for path in code if path.suffix == ".py"]
    for path in programs:
        places = (path.parent, root() / "src", root())
        found |= _of_program(path, places)
    others = [path for path in code if path.suffix != ".py" and _is_unknown(path)]
    run = {os.path.basename(file) for text in texts for file in _RUN.findall(text)}
    unknown = [path for path in others if not programs or path.name in run]
    unfollowed = [path for path in ours if path.suffix == ".py" and path not in code]
    hidden = not programs and any(map(_PYTHON.fullmatch, _names(texts)))
    return found | Asked(everything=bool(unknown or unfollowed or hidden))


def _of_text(text: str, generated: str) -> Asked:
    """Return what a command or a script of a shell asks for by itself."""
    places = (root() / "scripts" / os.path.basename(generated), root() / "src", root())
    called = _MODULE.findall(text)
    foreign = [name for name in called if not is_local(name, places)]
    everything = bool(foreign or _INLINE.search(text))
    return Asked(packages=of_programs(text), everything=everything)


def is_local(module: str, places: tuple[Path, ...]) -> bool:
    """Tell whether a module of this name is in one of these folders, and of no package."""
    from labflake.programs import modules

    return any(modules.files(module, places))


def _of_program(program: Path, places: tuple[Path, ...]) -> Asked:
    """Return what a program of Python asks for: to read it is slow to import."""
    from labflake.programs import modules

    return modules.asked(program, places)


def of_programs(text: str) -> frozenset[str]:
    """Return the packages of the programs that a command or a script of a shell names."""
    scripts = _scripts(root())
    return frozenset(scripts[word] for word in _names([text]) if word in scripts)


def _names(texts: list[str]) -> set[str]:
    """Return the words of texts, and the last part of those that are paths."""
    return {os.path.basename(word) for text in texts for word in mentions.words(text)}


@cache
def _scripts(project: Path) -> dict[str, str]:
    """Return the packages that install a program, by its name."""
    return {n: name for name, each in installed.of(project).items() for n in each["scripts"]}


def may_be_program(path: Path) -> bool:
    """Tell whether a file of ours may be a program, in whatever language, and is no data."""
    return path.is_file() and path.suffix[1:].lower() not in _NO_PROGRAMS


def _is_shell(path: Path) -> bool:
    """Tell whether a file is a script of a shell."""
    return path.suffix in _SHELLS or bool(_BY_A_SHELL.match(_start(path)))


def _is_unknown(path: Path) -> bool:
    """Tell whether a file of ours may be a program of another language."""
    if path.name == "Snakefile" or path.suffix[1:].lower() in _NO_PROGRAMS or _is_shell(path):
        return False
    return not path.suffix or path.suffix not in _SHELLS


@cache
def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(200)
    except OSError:
        return b""


@cache
def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
