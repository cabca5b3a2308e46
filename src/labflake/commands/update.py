"""Take newer software in one commit, then build and say what changed (`make update`)."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from labflake import environment
from labflake.command_line import table as commands
from labflake.content.atomic import rewrite
from labflake.environment import locks
from labflake.errors import LabError
from labflake.project import git
from labflake.project.experiments import Experiment, current, root
from labflake.project.git import GitError
from labflake.project.options import option
from labflake.verify.artifacts import last_made


def main(argv: list[str]) -> int:
    """Renew the locks, commit them, rebuild the current experiment and compare its artifacts."""
    experiment = current()
    _refuse_changed_locks()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        locks.renew(root(), scratch, option("PACKAGE").split())
        changes = locks.differences(root(), scratch)
        if not changes:
            print("the locks are up to date: there is nothing newer")
            return 0
        print("\n".join(changes), flush=True)
        before = _baseline(experiment)
        tools = _read("flake.lock") != _read(scratch / "flake.lock")
        _take_over(scratch)
    _commit(changes)
    if _make(_new_shell() if tools else []):
        raise LabError(
            "with the new locks the build fails (see above)\n"
            "  they are in the last commit; to go back: git revert HEAD, then make"
        )
    print(_comparison(before, artifacts(experiment)))
    return 0


def artifacts(experiment: Experiment) -> dict[str, str]:
    """Return the digest of every file that the steps and documents of the experiment made."""
    found = {}
    for name, path in sorted(last_made(experiment.generated).items()):
        with path.open("rb") as file:
            found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _refuse_changed_locks() -> None:
    """Stop where the commit would not be about the locks alone."""
    if not git.is_here():
        raise LabError("the project is not in git, so an update could not be taken back")
    files = (*locks.LOCKS, "pyproject.toml", "flake.nix")
    if changed := git.git("status", "--porcelain", "--", *files):
        raise LabError(f"commit or restore these files first\n{changed}")


def _baseline(experiment: Experiment) -> dict[str, str]:
    """Build with the old locks, unless it is built, and return the digests of the artifacts."""
    if _make([]):
        raise LabError("the build fails with the old locks already (see above); nothing changed")
    return artifacts(experiment)


def _take_over(folder: Path) -> None:
    """Copy the new locks and install from them; put the old ones back if that fails."""
    old = {name: data for name in locks.LOCKS if (data := _read(name))}
    for name in old:
        shutil.copyfile(folder / name, root() / name)
    try:
        environment.make(root())
    except environment.PreparationError as problem:
        for name, data in old.items():
            rewrite(root() / name, data)
        raise LabError(
            f"the new packages could not be installed, nothing changed\n{problem}"
        ) from None


def _commit(changes: list[str]) -> None:
    """Put the locks into one commit that lists what it pins; it is yours to review."""
    title = f"Update {changes[0].split()[0]}" if len(changes) == 1 else "Update the pinned software"
    message = "\n".join([title, "", *changes])
    files = [name for name in locks.LOCKS if _read(name)]
    try:
        git.git("commit", "--quiet", "--message", message, "--", *files)
    except GitError as error:
        raise LabError(f"the new locks are in place, but there is no commit\n{error}") from None
    print("committed the locks; to review it: git show", flush=True)


def _new_shell() -> list[str]:
    """Return the command before `make` that enters the shell of the new flake.lock."""
    if not os.environ.get("PROJECT_PYTHON"):
        return []
    print("leave this shell and enter it again: nix develop", flush=True)
    return [*locks.NIX, "develop", "--command"]


def _make(shell: list[str]) -> int:
    """Run `make` as a person would, and return its exit code."""
    asked = commands.as_make_words(commands.given("build"))
    inherited = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL")}
    return subprocess.run([*shell, "make", *asked], cwd=root(), env=inherited).returncode


def _comparison(before: dict[str, str], after: dict[str, str]) -> str:
    """Return which artifacts differ; those that name the commit always do."""
    names = sorted(before | after)
    changed = [n for n in names if before.get(n) != after.get(n)]
    results = [n for n in changed if n.startswith(("assets/data/", "assets/figures/"))]
    lines = [f"  {n}" for n in results] or ["  no data, no figure"]
    documents = len(changed) - len(results)
    return "\n".join(
        [
            f"{len(names) - len(changed)} of {len(names)} artifacts have the same bytes; changed:",
            *lines,
            *([f"  {documents} files of documents, which name the commit"] if documents else []),
        ]
    )


def _read(name: str | Path) -> bytes:
    """Return the content of a file of the project; nothing where there is none."""
    path = root() / name
    return path.read_bytes() if path.exists() else b""
