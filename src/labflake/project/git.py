"""Run git: nothing else does, and nothing that a person or a hook has set up changes the answer."""

import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from labflake.errors import LabError
from labflake.project import head
from labflake.project.experiments import root

# What people set for their own eyes, and programs of theirs that git would start to answer us.
_SETTINGS = {
    "color.ui": "false",
    "core.fsmonitor": "false",
    "core.quotePath": "false",
    "i18n.logOutputEncoding": "UTF-8",
    "log.showSignature": "false",
    "submodule.recurse": "false",
}
# Of git's variables only those that say who somebody is, where the settings are, how far to look
# and how to reach a server. The others are those of a hook, and point at the hook's repository.
_KEPT = re.compile(
    r"GIT_(AUTHOR_.*|COMMITTER_.*|CONFIG_(GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+)"
    r"|CEILING_DIRECTORIES|DISCOVERY_ACROSS_FILESYSTEM|EXEC_PATH|SSH.*|SSL_.*|HTTP_.*|ASKPASS)"
)


class GitError(LabError):
    """Git is missing, refuses the repository, or a command failed: not "there is no git here"."""


def git(
    *command: str,
    cwd: Path | None = None,
    given: str = "",
    allowed: Collection[int] = (0,),
    variables: Mapping[str, str] | None = None,
) -> str:
    """Return what a git command prints, without the last line break.

    Args:
        command: the words after `git`.
        cwd: where; in the project if it is not said.
        given: what the command reads.
        allowed: the exit codes that are answers.
        variables: variables of git for this command.

    Raises:
        GitError: git is not installed, or ended with another exit code.
    """
    code, printed, errors = run(*command, cwd=cwd, given=given, variables=variables)
    if code not in allowed:
        said = errors or printed or f"it said nothing; its exit code is {code}"
        raise GitError(_explained(command, cwd or root(), said))
    return printed.removesuffix("\n")


def run(
    *command: str,
    cwd: Path | None = None,
    given: str = "",
    variables: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> tuple[int, str, str]:
    """Run git; return its exit code, what it printed, and what it said.

    Raises:
        GitError: git is not installed, or did not answer in so many seconds.
    """
    import subprocess

    settings = [word for item in _SETTINGS.items() for word in ("-c", "=".join(item))]
    words = ["git", "-C", str(cwd or root()), "--no-optional-locks", *settings, *command]
    try:
        done = subprocess.run(
            words,
            env={**environment(), **(variables or {})},
            input=os.fsencode(given),
            capture_output=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise GitError(f"git {command_of(command)} did not answer in {seconds:g} s") from None
    except (FileNotFoundError, PermissionError):
        raise GitError("git is not installed, or not on the PATH\n  install it") from None
    return done.returncode, os.fsdecode(done.stdout), os.fsdecode(done.stderr).strip()


def environment() -> dict[str, str]:
    """Return our environment for git: without what belongs to another repository, in English."""
    return without_hooks() | {
        "LC_ALL": "C.UTF-8",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
    }


def without_hooks() -> dict[str, str]:
    """Return our environment without the variables by which git tells a hook where it is."""
    return {k: v for k, v in os.environ.items() if k[:4] != "GIT_"} | settings()


def settings() -> dict[str, str]:
    """Return the variables of git in our environment that hold for any repository."""
    return {k: v for k, v in os.environ.items() if k[:4] == "GIT_" and _KEPT.fullmatch(k)}


def is_here() -> bool:
    """Tell whether the project is in a git repository, whatever state that is in."""
    return head.top(root()) is not None


def command_of(words: tuple[str, ...]) -> str:
    """Return which command of git these words start."""
    return next(word for word in words if not word.startswith("-") and "=" not in word)


def _explained(command: tuple[str, ...], folder: Path, said: str) -> str:
    """Say why git failed; the usual reason is a repository that belongs to somebody else."""
    name = command_of(command)
    lines = "\n".join(f"  {line}" for line in said.splitlines()[:6])
    text = f"git {name} failed\n{lines}"
    top = head.top(folder)
    owner = (top / ".git").lstat().st_uid if top else os.geteuid()
    if owner == os.geteuid():
        return text
    return (
        f"git refuses the repository {top}: it belongs to user {owner}, and you are"
        f" {os.geteuid()}\n  if you trust it: git config --global --add safe.directory '{top}'\n"
        f"{lines}"
    )
