"""Let git refuse what it should not hold, before each commit (`make hooks`)."""

import os
import shlex
from pathlib import Path

from labflake.content.atomic import replacing
from labflake.errors import LabError
from labflake.project import git, head
from labflake.project.experiments import root

_MARK = "# labflake: git holds code, documents and hashes."
_HOOK = """#!/bin/sh
{mark} To take this out, remove the file.
unset MAKEFLAGS MAKELEVEL MFLAGS GNUMAKEFLAGS
{command}
"""
_FRAMEWORK = """\
  - repo: local
    hooks:
      - id: labflake
        name: what git should not hold
        entry: make --no-print-directory strict STAGED=1
        language: system
        pass_filenames: false
        always_run: true"""


def main(argv: list[str]) -> int:
    """Install the hook; one that somebody else put there stays as it is.

    Raises:
        LabError: there is another hook, or hooks are kept in a folder of the person's.
    """
    top = head.top(root())
    if not top:
        raise LabError("the project is not in git\n  git init, then make hooks")
    hook = (
        Path(os.path.abspath(root() / git.git("rev-parse", "--git-path", "hooks"))) / "pre-commit"
    )
    command = _command(top)
    if git.git("config", "--get", "core.hooksPath", allowed=(0, 1)):
        raise LabError(f"core.hooksPath is set: hooks are in {hook.parent}\n{_way(hook, command)}")
    if os.path.lexists(hook) and _MARK not in _text(hook):
        if "pre-commit.com" in _text(hook):
            raise LabError(
                f"the framework pre-commit is in charge here\n"
                f"  put this below repos: in .pre-commit-config.yaml\n{_FRAMEWORK}"
            )
        raise LabError(f"there is another pre-commit hook, which stays\n{_way(hook, command)}")
    with replacing(hook) as part:
        part.write_text(_HOOK.format(mark=_MARK, command=command), encoding="utf-8")
        part.chmod(0o755)
    print("each commit is looked at first: make strict says the same of all that git holds")
    return 0


def _command(top: Path) -> str:
    """Return the line of the shell that looks at what is staged, from the top of the checkout."""
    inside = os.path.relpath(root(), top)
    there = f"cd {shlex.quote(inside)} && " if inside != "." else ""
    return f"{there}make --no-print-directory strict STAGED=1"


def _way(hook: Path, command: str) -> str:
    return f"  add this line to {hook}:\n    ({command}) || exit 1"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
