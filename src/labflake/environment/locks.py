"""The two locks: newer ones, what they pin, and how two versions of them differ."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from labflake import environment
from labflake.environment import failures, locking
from labflake.errors import LabError, meant
from labflake.project import packages

LOCKS = ("flake.lock", "poetry.lock")
_ALL = ("lock", "--regenerate")
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
    print("asking the Python index for newer packages", flush=True)
    try:
        answer = locking.ask(project, *(["update", "--lock", *only] if only else _ALL))
    except environment.PreparationError as problem:
        raise LabError(f"newer software could not be found; nothing changed\n{problem}") from None
    if answer.files is None:
        raise _not_found(answer.lines)
    for name in ("flake.lock", "flake.nix"):
        if (project / name).exists():
            shutil.copy2(project / name, folder)
    (folder / "poetry.lock").write_bytes(answer.files["poetry.lock"])
    if only:
        return
    if not shutil.which("nix"):
        print("flake.lock stays as it is: there is no Nix on this machine")
        return
    print("asking for a newer nixpkgs", flush=True)
    command = [*NIX, "flake", "update"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise _not_found((done.stdout + done.stderr).splitlines())


def _refuse_others(project: Path, names: Sequence[str]) -> None:
    """Stop where the lock does not have one of these packages."""
    known = [package["name"] for package in packages.locked(project)]
    for name in names:
        if packages.named(name) not in known:
            other = f"to add one, or ask for a version: make add PACKAGE='{name}'"
            raise LabError(
                f"poetry.lock has no package {name}; nothing changed"
                f"\n  {meant(name, known) or other}"
            )


def _not_found(lines: list[str]) -> LabError:
    """Say how a tool that needs the network failed; it left the project as it was."""
    end = [f"  {line}" for line in map(failures.without_secrets, lines) if line.strip()][-4:]
    said = "\n".join(["newer software could not be found; nothing changed", *end])
    return LabError(f"{said}\n  no network?")


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
