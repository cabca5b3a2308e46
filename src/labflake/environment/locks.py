"""The two locks: newer ones, what they pin, and how two versions of them differ."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from labflake import environment
from labflake.environment import poetry
from labflake.errors import LabError, meant
from labflake.project import packages

LOCKS = ("flake.lock", "poetry.lock")
NEEDED = (*LOCKS, "flake.nix", "pyproject.toml", "README.md")
NIX = ("nix", "--extra-experimental-features", "nix-command flakes")


def renew(project: Path, folder: Path, only: Sequence[str] = ()) -> None:
    """Write newer locks for a project into another folder.

    Args:
        project: has the locks as they are.
        folder: gets the newer ones.
        only: the packages to renew, with what they need; without any, all software is.

    Raises:
        LabError: the lock does not have such a package, or Poetry or Nix could not do it; without
            a network they cannot.
    """
    _refuse_others(project, only)
    for name in NEEDED:
        if (project / name).exists():
            shutil.copy2(project / name, folder)
    print("asking the Python index for newer packages", flush=True)
    try:
        wanted = ["update", "--lock", *only] if only else ["lock", "--regenerate"]
        lock = [*poetry.command(), *wanted, "--no-interaction", "--no-ansi"]
    except environment.PreparationError as problem:
        raise LabError(f"newer software could not be found; nothing changed\n{problem}") from None
    _run(lock, folder, poetry.variables())
    if only:
        return
    if not shutil.which("nix"):
        print("flake.lock stays as it is: there is no Nix on this machine")
        return
    print("asking for a newer nixpkgs", flush=True)
    _run([*NIX, "flake", "update"], folder, dict(os.environ))


def _refuse_others(project: Path, names: Sequence[str]) -> None:
    """Stop where the lock does not have one of these packages."""
    known = [package["name"] for package in packages.locked(project)]
    for name in names:
        if packages.named(name) not in known:
            raise LabError(
                f"poetry.lock has no package {name}; nothing changed\n  "
                + (
                    meant(name, known)
                    or f"to add one, or ask for a version: make add PACKAGE='{name}'"
                )
            )


def _run(command: list[str], folder: Path, variables: dict[str, str]) -> None:
    """Run a command that needs the network; its failure leaves the project as it was."""
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
    if done.returncode:
        printed = [f"  {line}" for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        end = "\n".join(printed[-4:])
        raise LabError(f"newer software could not be found; nothing changed\n{end}\n  no network?")


def differences(old: Path, new: Path) -> list[str]:
    """Return a line for each pin that differs between the locks of two folders."""
    before, after = pins(old), pins(new)
    names = [name for name in after | before if before.get(name) != after.get(name)]
    width = max(map(len, names), default=0)
    return [
        f"{name:{width}}  {before.get(name, '(new)')} → {after.get(name, '(removed)')}"
        for name in names
    ]


def pins(folder: Path) -> dict[str, str]:
    """Return the day of each input of the flake and the version of each Python package."""
    found: dict[str, str] = {}
    if (folder / "flake.lock").exists():
        nodes = json.loads((folder / "flake.lock").read_text(encoding="utf-8"))["nodes"]
        found |= {
            name: _revision(node["locked"]) for name, node in nodes.items() if "locked" in node
        }
    for package in packages.locked(folder):
        versions = found.get(package["name"], ""), package["version"]
        found[package["name"]] = ", ".join(filter(None, versions))
    return found


def _revision(locked: dict) -> str:
    """Return the day of a pinned revision, and its first digits where it has a number."""
    day = datetime.fromtimestamp(locked["lastModified"], UTC).date().isoformat()
    return " ".join([day, locked.get("rev", "")[:12]]).rstrip()
