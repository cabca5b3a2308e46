"""The command line of the equipment: `python -m lab COMMAND`; people use it through `make`."""

import importlib
import os
import sys

from lab import environment
from lab.errors import LabError
from lab.experiments import root

_NO_COLON = """error: the path of this project has a {1!r} in it: {0}
  programs take it for the end of a folder's name, and would use another Python and other modules
  move the project: mv, then make"""


def main() -> int:
    """Run the command that the first argument names, in the project's own environment."""
    command, *argv = sys.argv[1:] or ["help"]
    os.chdir(root())
    if os.pathsep in str(root()):
        print(_NO_COLON.format(root(), os.pathsep), file=sys.stderr)
        return 1
    if not environment.is_current(root()):
        code = environment.main([])
        if code:
            return code
        python = str(root() / ".venv" / "bin" / "python")
        os.execv(python, [python, "-m", "lab", *sys.argv[1:]])
    environment.complain(root())
    try:
        module = importlib.import_module(f"lab.{command.replace('-', '_')}")
        return module.main(argv) or 0
    except LabError as error:
        from lab.sources.secrecy import hidden

        sys.stdout.flush()
        print(f"error: {hidden(str(error)).removeprefix('error: ')}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # Snakemake leaves timers behind that would hold the process for a second
