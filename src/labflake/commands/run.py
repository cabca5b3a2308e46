"""Run a program of the project's environment: `python -m labflake run pytest …`."""

import os

from labflake.project.experiments import root


def main(argv: list[str]) -> int:
    """Replace this process by the program."""
    program = root() / ".venv" / "bin" / argv[0]
    path = f"{program.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    os.execve(program, argv, os.environ | {"PATH": path})
