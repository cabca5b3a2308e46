"""Make the new project a git repository with one commit, and print what comes next."""

# cookiecutter may run on an older Python than the project.
from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

# tojson writes ASCII and escapes quotes and angle brackets: what was answered arrives as data.
ANSWERS = r"""{{ cookiecutter | tojson }}"""

# Of git's variables only these: the others are those of a git hook in which cookiecutter runs, and
# point at another repository.
OURS = ("GIT_AUTHOR_", "GIT_COMMITTER_", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_EXEC_PATH")
# The first commit holds every file as it was rendered, whatever the user has set up: no hook
# changes or refuses it, no private ignore file leaves one out, and no identity is guessed.
SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.excludesFile": os.devnull,
    "user.useConfigOnly": "true",
}
UNKNOWN_IDENTITY = """\
The files are staged, not committed: git does not know who you are. In the project:
  git config --global user.name "Your Name"
  git config --global user.email you@example.org
  git commit --message "Start the project"
"""


class GitError(Exception):
    """A git command failed; the text is what it wrote."""


def main() -> None:
    """Commit the files and show the next two commands."""
    sys.stdout.reconfigure(errors="backslashreplace")
    answers = json.loads(ANSWERS)
    print(start_history())
    here = os.environ.get("PWD") == answers.get("_output_dir")
    print("Next:")
    print(f"  cd {shlex.quote(Path.cwd().name if here else str(Path.cwd()))}")
    print(f"  {'nix develop' if shutil.which('nix') else 'make'}")


def start_history() -> str:
    """Make a repository with one commit where that is possible, and say what was done."""
    if Path(".git").exists():
        return "This folder was a git repository before: nothing is committed.\n"
    if shutil.which("git") is None:
        return "git is not installed: the project has no history yet.\n"
    try:
        return first_commit()
    except GitError as error:
        return f"git made no commit, it says:\n{error}\n"


def first_commit() -> str:
    """Put every file into one commit on the branch main, or only stage them."""
    git("init", "--quiet")
    git("symbolic-ref", "HEAD", "refs/heads/main")  # `init --initial-branch` needs git 2.28
    git("add", "--all")
    try:
        git("var", "GIT_AUTHOR_IDENT")
        git("var", "GIT_COMMITTER_IDENT")
    except GitError:
        return UNKNOWN_IDENTITY
    git("commit", "--quiet", "--message", "Start the project from labflake")
    return "The project is a git repository with one commit on the branch main.\n"


def git(*command: str) -> None:
    """Run one git command in the project."""
    settings = [word for item in SETTINGS.items() for word in ("-c", "=".join(item))]
    own = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k.startswith(OURS)}
    run = subprocess.run(["git", *settings, *command], env=own, capture_output=True)
    if run.returncode != 0:
        raise GitError((run.stderr or run.stdout).decode(errors="replace").strip())


if __name__ == "__main__":
    main()
