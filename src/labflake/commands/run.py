"""Run a program of the project's environment: `python -m labflake run pytest …`."""

import os

from labflake.errors import LabError, meant
from labflake.project.experiments import root


def main(argv: list[str]) -> int:
    """Replace this process by the program.

    Raises:
        LabError: no program is named, or `.venv` does not have it.
    """
    if not argv:
        raise LabError("run needs a program of .venv\n  example: labflake run pytest -q")
    folder = root() / ".venv" / "bin"
    if not (folder / argv[0]).exists():
        there = [path.name for path in folder.iterdir()]
        more = meant(argv[0], there) or "what it has: ls .venv/bin"
        raise LabError(f".venv has no program {argv[0]}\n  {more}")
    program = folder / argv[0]
    path = f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    os.execve(program, argv, os.environ | {"PATH": path})
