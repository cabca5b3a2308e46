"""Says where a document comes from: experiment, commit, data, locks, software, how to rebuild it.

Nothing here depends on the clock, the machine or the folder: the same commit gives the same bytes.
"""

import functools
import hashlib
import json
import platform
import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from labflake import git, uncommitted
from labflake.experiments import Experiment, head_commit, relative, root
from labflake.gate import record, wording
from labflake.git import GitError
from labflake.settings import as_words, overrides

_LOCKS = ("poetry.lock", "flake.lock")
FONTS = "fonts"  # a folder of the project: for characters that the fonts of the PDF lack
_NO_GIT = "not under version control"
_EMPTY = "no commit yet"
_NO_COMMIT = "its repository does not hold this project"
_FAILED = "git could not say"
_SHARED = ("src", "vendor", FONTS, "pyproject.toml", *_LOCKS)


class Origin(NamedTuple):
    """What git knows of an experiment: its commit, or why there is none."""

    commit: str | None = None
    uncommitted: tuple[str, ...] = ()
    shallow: bool = False
    why: str = ""
    problem: str = ""


def provenance(experiment: Experiment, outputs: list[Path]) -> dict:
    """Return the provenance of a document of the experiment as plain values."""
    origin = _origin(experiment)
    return {
        "experiment": experiment.name,
        "commit": origin.commit,
        **({"no_commit": origin.why} if origin.why else {}),
        "shallow_clone": origin.shallow,
        "uncommitted": list(origin.uncommitted),
        "data": _recorded(experiment),
        "locks": {name: _sha256(root() / name) for name in _LOCKS if (root() / name).exists()},
        "settings": json.loads(json.dumps(overrides(), default=str)),
        "rebuild": _rebuild(origin.commit, outputs),
        "software": _software(),
    }


def stamp(experiment: Experiment) -> str:
    """Return what of git and of the command line enters a document; one with another is stale."""
    return repr((*_origin(experiment), overrides()))


@functools.cache
def _origin(experiment: Experiment) -> Origin:
    """Return what git says; where it cannot say anything, a document is made all the same."""
    if not git.is_here():
        return Origin(why=_NO_GIT)
    try:
        return _asked(experiment)
    except GitError as error:
        return Origin(why=_FAILED, problem=str(error))


def head(experiment: Experiment) -> str:
    """Return what is checked out; if git cannot say more, that: then the next build asks again."""
    return _FAILED if _origin(experiment).problem else head_commit()


def warn(experiment: Experiment) -> None:
    """Say it if documents that are made now cannot name their commit, though git is here."""
    if problem := _origin(experiment).problem:
        print(f"warning: documents will not name their commit\n  {problem}", file=sys.stderr)


def _asked(experiment: Experiment) -> Origin:
    """Return the last commit that changed what the experiment is made from, and what is not in it.

    Commits that only touch other experiments do not count: they cannot change the document.

    Raises:
        GitError: git refuses the repository, or is not installed.
    """
    paths = [f"scripts/{experiment.name}", *_SHARED]
    first = git.git("rev-parse", "--verify", "--quiet", "HEAD^{commit}", allowed=(0, 1))
    held = first and git.git("ls-tree", "HEAD")
    commit = git.git("rev-list", "-1", "HEAD", "--", *paths) if held else ""
    if not commit:
        return Origin(why=_NO_COMMIT if first else _EMPTY)
    names = tuple(wording.shown(name) for name in uncommitted.files(paths))
    return Origin(commit, names, git.git("rev-parse", "--is-shallow-repository") == "true")


def _recorded(experiment: Experiment) -> dict[str, str]:
    """Return the recorded hash of each file of data."""
    known = record.read(experiment.scripts / "hashes.txt").digests
    return {wording.shown(name): digest for name, digest in known.items()}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _rebuild(commit: str | None, outputs: list[Path]) -> str:
    """Return the command that makes the first output again, from a clean copy."""
    make = f"make {relative(outputs[0])} {as_words(overrides())}".rstrip()
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
        "Settings": f"`{as_words(found['settings'])}`" if found["settings"] else "",
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
        return f"none ({found.get('no_commit', _NO_GIT)})"
    text = f"`{found['commit']}`"
    if found["shallow_clone"]:
        text += " (in a shallow clone: the change itself may be older)"
    if found["uncommitted"]:
        text += ", with changes that are not committed in " + ", ".join(
            f"`{name}`" for name in found["uncommitted"]
        )
    return text
