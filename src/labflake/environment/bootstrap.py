"""From the wheel in `vendor/` to labflake in `.venv`, with nothing but Python on the machine.

The wheel that `poetry.lock` names makes `.venv`: another version that is installed there would do
it as it was right before. Once all is in place, what runs is the one of `.venv`.
"""

import hashlib
import os
import sys
from pathlib import Path

from labflake.environment import PreparationError

_HERE = Path(__file__).resolve().parent


def wheel(folder: Path):
    """Return the wheel of labflake in a project, or the folder where it was unpacked.

    None where labflake comes from elsewhere.

    Raises:
        PreparationError: it is not the file whose hash the lock has.
    """
    if (folder / "vendor" / "labflake" / "__init__.py").exists():
        return folder / "vendor"
    found = sorted(folder.glob("vendor/labflake-*.whl"))
    if not found:
        return None
    lock = (folder / "poetry.lock").read_text(encoding="utf-8")
    for path in found:
        if hashlib.sha256(path.read_bytes()).hexdigest() in lock:
            return path
    raise PreparationError(
        f"vendor/{found[-1].name} is not the file that poetry.lock names by its hash"
        "\n  nothing of it was run; restore it: git checkout -- vendor poetry.lock"
    )


def use_wheel(folder: Path, argv: list) -> None:
    """Go on with the wheel of the project, unless what runs is from there or it has none.

    Raises:
        PreparationError: it is not the file whose hash the lock has.
    """
    path = wheel(folder)
    if path is None or _HERE.parent == path.resolve():
        return
    _replace([sys.executable, *argv], {"PYTHONPATH": str(path)})


def enter(folder: Path, argv: list) -> None:
    """Go on with the Python of `.venv`, and with the labflake that is installed there."""
    python = str(folder / ".venv" / "bin" / "python")
    os.environ.pop("PYTHONPATH", None)
    _replace([python, *argv], {})


def _replace(command: list, variables: dict) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], command, {**os.environ, **variables})
