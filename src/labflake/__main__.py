"""The command line: `labflake COMMAND`; people use it through `make`.

A build that has nothing to do ends within this file and what it imports at once: options are read
(`labflake.command_line.parsing`) only where there are any.
"""

import importlib
import os
import sys

from labflake import environment
from labflake.content import elsewhere
from labflake.errors import LabError
from labflake.project import options
from labflake.project.experiments import enter, root
from labflake.project.surroundings import explained, mind_readers, refuse_place, settle_in

# What makes or mends `.venv` does not wait for it.
_ENVIRONMENT = ("env", "add", "lock")
_ALONE = ("strict", "hooks")  # need no packages
_ORDER = "PYTHONHASHSEED"


def main() -> int:
    """Run the command that the first argument names, in the project's own environment."""
    mind_readers()
    try:
        command, words, given = _understood(sys.argv[1:])
        if command == "completion":
            return _module(command).main(words)
        place = os.getcwd()
        enter()
        options.take(given)
        return _run(command, words, place)
    except (LabError, environment.PreparationError) as error:
        return _failed(error, str(error))
    except OSError as error:
        text = explained(error)
        if text is None:
            raise
        return _failed(error, text)
    except KeyboardInterrupt:
        return 130


def _understood(words: list[str]) -> tuple[str, list[str], dict[str, str]]:
    """Return the command, its words and its options; `--make`: these are on make's command line."""
    by_make = words[:1] == ["--make"]
    words = words[1:] if by_make else words
    given = options.make_words() if by_make else []
    # make takes an artifact with a `=` in its name for a variable
    words += [word for word in given if word.startswith("generated/") and word not in words]
    plain = all(word.startswith("generated/") for word in [*given, *words[1:]])
    if words[:1] == ["build"] and plain and (by_make or len(words) == 1):
        return "build", words[1:], {}
    from labflake.command_line import parsing as cli

    if by_make:
        return words[0], words[1:], cli.from_make(words[0], given)
    return cli.understood(words)


def _run(command: str, words: list[str], place: str) -> int:
    """Run a command, in the environment that is made first where it is not right."""
    if command in _ALONE:
        return _module(command).main(words) or 0
    if command in _ENVIRONMENT:
        return environment.main([] if command == "env" else [command])
    refuse_place(root())
    if not environment.is_current(root()):
        _make_environment(place)
    os.environ.pop(environment.MADE, None)
    environment.complain(root())
    settle_in()
    elsewhere.settle(root())
    return _module(command).main(words) or 0


def _make_environment(place: str) -> None:
    """Make the environment, and start this command again in it, where the person is."""
    from labflake.environment import bootstrap

    again = ["-m", "labflake", *sys.argv[1:]]
    os.chdir(place)
    bootstrap.use_wheel(root(), again)
    os.chdir(root())
    if code := environment.main([]):
        sys.exit(code)
    os.chdir(place)
    bootstrap.enter(root(), again)


def _module(command: str):
    if command == "build":
        return importlib.import_module("labflake.commands.build")
    from labflake.command_line.table import COMMANDS

    return importlib.import_module(COMMANDS[command].module or f"labflake.commands.{command}")


def _failed(error: Exception, text: str) -> int:
    from labflake.data_files.sources.secrecy import hidden

    sys.stdout.flush()
    if options.is_debugging():
        print(hidden(_traceback(error)), file=sys.stderr, end="")
    from labflake.content.printed import tamed

    print(f"error: {tamed(hidden(text)).removeprefix('error: ')}", file=sys.stderr)
    return getattr(error, "code", 1)


def _traceback(error: BaseException) -> str:
    """Return where an error comes from, with all that it was made of."""
    import traceback

    inside: BaseException | None = error
    while inside:
        inside.__suppress_context__ = False  # people are spared it: `raise … from None`
        inside = inside.__cause__ or inside.__context__
    return "".join(traceback.format_exception(error))


def _order_sets() -> None:
    """Start again where Python would order sets in its own way: a Snakefile may ask one for steps.

    The Makefile sets the variable, so this is for those who start labflake themselves.
    """
    if sys.flags.hash_randomization and os.environ.get(_ORDER) != "0":
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | {_ORDER: "0"})


def run() -> None:
    """Run the command and leave at once: Snakemake's timers would hold the process for a second."""
    _order_sets()
    try:
        code = main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    run()
