"""Says where a document comes from: experiment, commit, data, locks, software, how to rebuild it.

Nothing here depends on the clock, the machine or the folder: the same commit gives the same bytes.
"""

import functools
import hashlib
import platform
import re
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lab.experiments import Experiment, relative, root
from lab.gate import record, wording

_LOCKS = ("poetry.lock", "flake.lock")
FONTS = "fonts"  # a folder of the project: for characters that the fonts of the PDF lack
_SHARED = ("src", "lab", FONTS, "pyproject.toml", *_LOCKS)


def provenance(experiment: Experiment, outputs: list[Path]) -> dict:
    """Return the provenance of a document of the experiment as plain values."""
    commit, uncommitted, shallow = _git(experiment)
    return {
        "experiment": experiment.name,
        "commit": commit,
        "shallow_clone": shallow,
        "uncommitted": uncommitted,
        "data": _recorded(experiment),
        "locks": {name: _sha256(root() / name) for name in _LOCKS if (root() / name).exists()},
        "rebuild": _rebuild(commit, outputs),
        "software": _software(),
    }


def stamp(experiment: Experiment) -> str:
    """Return what of git enters a document; a document with another stamp is out of date."""
    return repr(_git(experiment))


@functools.cache
def _git(experiment: Experiment) -> tuple[str | None, list[str], bool]:
    """Return the last commit that changed what the experiment is made from, and what is not in it.

    Commits that only touch other experiments do not count: they cannot change the document.
    """
    paths = [f"scripts/{experiment.name}", *_SHARED]
    commit = _ask_git("log", "-1", "--format=%H", "--", *paths)
    if not commit:
        return None, [], False
    changed = _ask_git("status", "--porcelain", "--untracked-files=all", "-z", "--", *paths) or ""
    names = sorted(
        entry[3:] for entry in changed.split("\0") if re.match(r"[ MADRCU?T]{2} ", entry)
    )
    shallow = _ask_git("rev-parse", "--is-shallow-repository") == "true"
    return commit, names, shallow


def _ask_git(*arguments: str) -> str | None:
    """Return the answer of git; None without git, outside a repository, or in an empty one."""
    command = ["git", "-c", "core.quotePath=off", *arguments]
    try:
        done = subprocess.run(command, cwd=root(), capture_output=True, text=True, encoding="utf-8")
    except FileNotFoundError:
        return None
    return done.stdout.strip("\n") if done.returncode == 0 else None


def _recorded(experiment: Experiment) -> dict[str, str]:
    """Return the recorded hash of each file of data."""
    known = record.read(experiment.scripts / "hashes.txt").digests
    return {wording.shown(name): digest for name, digest in known.items()}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _rebuild(commit: str | None, outputs: list[Path]) -> str:
    """Return the command that makes the first output again, from a clean copy."""
    make = f"make {relative(outputs[0])}"
    return f"git checkout {commit[:12]} && {make}" if commit else make


def _software() -> dict[str, str]:
    """Return the versions of what made the document.

    Python is without its patch level: it differs between machines with the same lock, and does
    not change any bytes.
    """
    found = {"Python": ".".join(platform.python_version_tuple()[:2])}
    names = [*_dependencies(), "pypandoc-binary", "typst", "snakemake"]
    for name in sorted(set(names), key=str.lower):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _dependencies() -> list[str]:
    """Return the names of the packages that the project asks for."""
    try:
        project = tomllib.loads((root() / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        return []
    return [re.match(r"[\w.-]+", d)[0].lower() for d in project.get("dependencies", [])]


def as_markdown(found: dict) -> str:
    """Return the provenance as the last section of a report."""
    rows = {
        "Experiment": found["experiment"],
        "Commit": _commit(found),
        "Data": _digests(found["data"]),
        "Locks": _digests(found["locks"]),
        "Rebuild": f"`{found['rebuild']}`",
        "Software": ", ".join(f"{k}\u00a0{v}" for k, v in found["software"].items()),
    }
    return "\n".join(f"{name}\n:   {text}\n" for name, text in rows.items() if text)


def _digests(found: dict[str, str]) -> str:
    """Return names with the beginning of their hashes; the JSON file beside has the whole."""
    return ", ".join(f"{name} `{digest[:16]}`" for name, digest in found.items())


def _commit(found: dict) -> str:
    """Return the commit in words, with what was not committed."""
    if not found["commit"]:
        return "none (not under version control)"
    text = f"`{found['commit']}`"
    if found["shallow_clone"]:
        text += " (in a shallow clone: the change itself may be older)"
    if found["uncommitted"]:
        text += ", with changes that are not committed in " + ", ".join(
            f"`{name}`" for name in found["uncommitted"]
        )
    return text
