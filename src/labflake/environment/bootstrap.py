"""From the wheel in `vendor/` to labflake in `.venv`, with nothing but Python on the machine.

The wheel that `poetry.lock` names makes `.venv`: another version that is installed there would do
it as it was right before. Once all is in place, what runs is the one of `.venv`.
"""

import os
import sys
from pathlib import Path

import labflake
from labflake.content.digests import sha256
from labflake.environment import MADE, PreparationError

_OURS = Path(labflake.__file__).resolve().parent.parent  # where this labflake is imported from
_FROM = "LABFLAKE_STARTED_FROM"  # variable, and no option: nobody starts itself for ever


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
        if sha256(path) in lock:
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
    if path is None or os.environ.get(_FROM) == str(path):
        return
    if (path / "labflake").resolve().parent == _OURS:  # of a wheel, a folder, or a link there
        return
    _replace([sys.executable, *argv], {"PYTHONPATH": str(path), _FROM: str(path)})


def enter(folder: Path, argv: list) -> None:
    """Go on with the Python of `.venv`, and with the labflake that is installed there.

    Raises:
        PreparationError: that was done already, and `.venv` is not right yet.
    """
    if os.environ.get(MADE):
        raise PreparationError(
            ".venv was just made, and is not what poetry.lock asks for: something changes it"
            "\n  when that has ended: rm -r .venv, then make"
        )
    python = str(folder / ".venv" / "bin" / "python")
    for name in ("PYTHONPATH", _FROM):
        os.environ.pop(name, None)
    _replace([python, *argv], {MADE: "1"})


def _replace(command: list, variables: dict) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], command, {**os.environ, **variables})
