"""Which Python `.venv` is made of; this file is read by older ones, too."""

import os
import platform
import shutil
import sys
from pathlib import Path

from . import PreparationError

OLDEST, NEWEST = (3, 11), (3, 13)


def chosen() -> str:
    """Return an interpreter that the lock allows.

    Raises:
        PreparationError: there is none.
    """
    asked = os.environ.get("PROJECT_PYTHON")
    if asked:
        return asked
    own = getattr(sys, "_base_executable", sys.executable)
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return own
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            return found
    raise PreparationError(
        f"this project needs Python 3.{OLDEST[1]} to 3.{NEWEST[1]};"
        f" {own} is {platform.python_version()}\n"
        "  install one of them, or enter the project with: nix develop"
    )


def continue_with_a_suitable_one(argv: list) -> None:
    """Start again in an interpreter that the lock allows, if this one is too old to go on."""
    if sys.version_info >= OLDEST:
        return
    home = str(Path(__file__).resolve().parent.parent.parent)
    code = f"import sys; sys.path.insert(0, {home!r}); from {__package__} import main;"
    sys.stdout.flush()
    python = chosen()
    os.execv(python, [python, "-c", f"{code} sys.exit(main({argv!r}))"])
