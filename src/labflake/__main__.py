"""The command line: `python -m labflake COMMAND`; people use it through `make`."""

import importlib
import os
import sys

from labflake import bootstrap, elsewhere, environment
from labflake.errors import LabError
from labflake.experiments import enter, root
from labflake.surroundings import explained, refuse_place, settle_in


def main() -> int:
    """Run the command that the first argument names, in the project's own environment."""
    command, *argv = sys.argv[1:] or ["help"]
    try:
        enter()
        return _run(command, argv)
    except LabError as error:
        return _failed(str(error))
    except OSError as error:
        text = explained(error)
        if text is None:
            raise
        return _failed(text)
    except KeyboardInterrupt:
        return 130


def _run(command: str, argv: list[str]) -> int:
    """Run a command, in the environment that is made first where it is not right."""
    refuse_place(root())
    if not environment.is_current(root()):
        bootstrap.use_wheel(root(), ["-m", "labflake", *sys.argv[1:]])
        code = environment.main([])
        if code:
            return code
        bootstrap.enter(root(), ["-m", "labflake", *sys.argv[1:]])
    environment.complain(root())
    settle_in()
    elsewhere.settle(root())
    module = importlib.import_module(f"labflake.{command.replace('-', '_')}")
    return module.main(argv) or 0


def _failed(text: str) -> int:
    from labflake.sources.secrecy import hidden

    sys.stdout.flush()
    print(f"error: {hidden(text).removeprefix('error: ')}", file=sys.stderr)
    return 1


def run() -> None:
    """Run the command and leave at once: Snakemake's timers would hold the process for a second."""
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    run()
