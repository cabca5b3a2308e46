"""Run git, with its own words in the error when it fails."""

import os
import subprocess
from pathlib import Path

from lab.errors import LabError


def git(*command: str, cwd: Path, **variables: str) -> str:
    """Return what a git command prints.

    Raises:
        LabError: the command failed; the text is what git wrote.
    """
    done = subprocess.run(
        ["git", *command], cwd=cwd, env=os.environ | variables, capture_output=True, text=True
    )
    if done.returncode:
        raise LabError(f"git {command[0]} failed\n  {done.stderr.strip()}")
    return done.stdout.strip("\n")
