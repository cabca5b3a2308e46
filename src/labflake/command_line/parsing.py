"""The command line of `labflake`: which command and options the words mean, and help about them."""

import argparse
import os
import shlex
import sys
from pathlib import Path
from typing import NoReturn

from labflake.command_line.table import (
    COMMANDS,
    INSTEAD,
    NOT_BY_MAKE,
    OPTIONS,
    Command,
    called,
    spelt,
)
from labflake.errors import LabError, meant
from labflake.project import experiments

_ONE = ("NAME", "SHELL", "STEP", "VERSION")  # words of which there can be one
_HELP, _VERSION = ("-h", "--help", "help"), ("-V", "--version")


class UsageError(LabError):
    """The command line has a word that means nothing here."""

    code = 2


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Refuse the command line.

        Raises:
            UsageError: always.
        """
        text = message.removeprefix("argument ")
        raise UsageError(f"{text}\n  its options: {self.prog} --help")


def understood(words: list[str]) -> tuple[str, list[str], dict[str, str]]:
    """Return the command, its words and its options; help and version are printed, and that's it.

    Raises:
        UsageError: an unknown command or option, with those that are like it.
        SystemExit: help was asked for.
    """
    if not words or words[0] in _HELP:
        if len(words) > 1:
            return understood([words[1], "--help"])
        _leave(overview())
    if words[0] in _VERSION:
        _leave(version())
    name, rest = words[0], words[1:]
    command = COMMANDS.get(name) or _unknown(name)
    parser = _parser(name, command)
    if command.all_words and rest[:1] not in (["-h"], ["--help"]):
        return name, rest, {}
    found, left = parser.parse_known_intermixed_args(rest)
    if left:
        _refuse(name, left[0])
    return name, *_values(command, vars(found))


def from_make(name: str, words: list[str]) -> dict[str, str]:
    """Return the options among the words of make's command line; others are for the programs.

    Raises:
        UsageError: a word is almost an option, or one of other commands alone.
    """
    if name not in COMMANDS or name in NOT_BY_MAKE:
        _unknown(name, by_make=True)
    given = dict(word.split("=", 1) for word in words if not word.startswith("generated/"))
    given = {name.rstrip(":+?! "): value for name, value in given.items()}
    for other in given.keys() - OPTIONS.keys():
        alike = [option for option in OPTIONS if abs(len(option) - len(other)) < 2]
        if like := meant(other.upper(), alike, cutoff=0.75):
            raise UsageError(f"there is no option {other} of make\n  {like}")
        os.environ[other] = given.pop(other)
    taken = {*COMMANDS[name].options, *COMMANDS["build"].options}
    for other in given.keys() - taken:
        have = [each for each, command in COMMANDS.items() if other in command.options]
        raise UsageError(f"make {name} has no use for {other}\n  it is for: {', '.join(have)}")
    return given


def overview() -> str:
    """Return the help about all commands."""
    rows = [f"  {name:<17}{command.sentence}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "usage: labflake COMMAND [OPTION …]",
            "",
            *rows,
            "",
            "labflake COMMAND --help tells its options; labflake --version the version.",
            "They work in every folder of a project; in that of an experiment they mean that one.",
            "Options of a machine can be exported, such as LABFLAKE_CACHE=/group/cache.",
            "LABFLAKE_DEBUG=1 shows tracebacks and Snakemake's own log.",
        ]
    )


def version() -> str:
    """Return name and version of this package."""
    from importlib import metadata

    return f"labflake {metadata.version('labflake')}"


def _parser(name: str, command: Command) -> _Parser:
    more = [f"[{command.words}{'' if command.words in _ONE else ' …'}]"] if command.words else []
    parser = _Parser(
        prog=f"labflake {name}",
        usage=" ".join(["labflake", name, *["[OPTION …]"][: len(command.options)], *more]),
        description=command.sentence,
        epilog=_by_make(name, command),
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if command.words:
        count = "?" if command.words in _ONE else "*"
        parser.add_argument("words", metavar=command.words, nargs=count, default=[])
    for option in command.options:
        metavar, sentence = OPTIONS[option]
        kind = {"metavar": metavar} if metavar else {"action": argparse.BooleanOptionalAction}
        parser.add_argument(spelt(option), dest=option, help=sentence, **kind)
    return parser


def _by_make(name: str, command: Command) -> str:
    """Return how the same is said to make."""
    if name in NOT_BY_MAKE:
        return ""
    own = [option for option in command.options if option not in COMMANDS["build"].options]
    words = [f"{option}={'…' if OPTIONS[option][0] else 1}" for option in own]
    return f"with make: make {' '.join([name, *words])}"


def _values(command: Command, found: dict) -> tuple[list[str], dict[str, str]]:
    """Return the words and the options that argparse found, as commands take them."""
    words = found.pop("words", None) or []
    words = [words] if isinstance(words, str) else words
    given = {n: _text(n, value) for n, value in found.items() if value is not None}
    if command.become and words:
        if command.become in given:
            twice = f"{given[command.become]} and {' '.join(words)}"
            raise UsageError(f"{command.become.lower()} is given twice: {twice}")
        return [], given | {command.become: _text(command.become, " ".join(words))}
    return [_from_project(w) if command.are_paths else w for w in words], given


def _text(name: str, value: str | bool) -> str:
    """Return the value of an option; places are those of the folder we are in."""
    if isinstance(value, bool):
        return str(int(value))
    is_path = OPTIONS[name][0] == "PLACE" and value not in ("", "off") and "://" not in value
    if is_path or (OPTIONS[name][0] in ("ADDRESS", "VERSION") and os.path.exists(value)):
        return os.path.abspath(os.path.expanduser(value))
    return value


def _from_project(word: str) -> str:
    """Return a path of the folder we are in as one of the project; others are that already."""
    project = experiments.project_above(Path.cwd())
    path = os.path.abspath(word)
    if word.startswith(("generated/", "scripts/")) and not os.path.lexists(path):
        return word
    inside = project and any(
        path.startswith(os.path.join(project, part, "")) for part in ("generated", "scripts")
    )
    return os.path.relpath(path, project) if inside else word


def _unknown(name: str, by_make: bool = False):
    kind = "option" if name.startswith("-") else "command"
    known = [each for each in COMMANDS if not by_make or each not in NOT_BY_MAKE]
    others = ("help",) if by_make else (*_HELP, *_VERSION)
    same = [f"did you mean {' or '.join(called(name))}?"] if called(name) else []
    like = [INSTEAD.get(name, ""), *same, meant(name, [*known, *others]), _as_experiment(name)]
    asked = "make help" if by_make else "labflake --help"
    hint = next(filter(None, like), f"all commands: {asked}")
    raise UsageError(f"there is no {kind} {name}\n  {hint}")


def _as_experiment(word: str) -> str:
    """Return how to build the experiment that a word names, or whose folder it is."""
    name = Path(word).name
    project = experiments.project_above(Path.cwd())
    is_one = project and name and os.path.isdir(os.path.join(project, "scripts", name))
    return f"an experiment is built by: make EXPERIMENT={shlex.quote(name)}" if is_one else ""


def _refuse(name: str, word: str) -> None:
    command = COMMANDS[name]
    if not word.startswith("-"):
        raise UsageError(f"{name} has no use for {word!r}\n  its options: labflake {name} --help")
    known = [spelt(option) for option in command.options] + ["--help"]
    like = meant(word.partition("=")[0], known)
    more = like or f"its options: labflake {name} --help"
    raise UsageError(f"{name} has no option {word.partition('=')[0]}\n  {more}")


def _leave(text: str) -> None:
    print(text)
    sys.exit(0)
