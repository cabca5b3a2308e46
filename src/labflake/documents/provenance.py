"""Says where a document comes from: experiment, commit, data, packages, how to rebuild it.

Nothing here depends on the clock, the machine or the folder: the same commit gives the same bytes.
"""

import hashlib
import json
import platform
import sys
from collections.abc import Collection
from pathlib import Path

from labflake.data_files.gate import record, wording
from labflake.documents import origin
from labflake.programs import pins
from labflake.project.experiments import Experiment, head_commit, relative, root
from labflake.project.settings import as_words, overrides

_SHOWN = 3  # of many files


def provenance(experiment: Experiment, outputs: list[Path], packages: dict[str, str]) -> dict:
    """Return the provenance of a document of the experiment as plain values.

    Args:
        experiment: its experiment.
        outputs: its files.
        packages: the pins of all that it, and the steps before it, can see.
    """
    made = origin.of(experiment, packages)
    return {
        "experiment": experiment.name,
        "commit": made.commit,
        **({"no_commit": made.why} if made.why else {}),
        "shallow_clone": made.shallow,
        "uncommitted": list(made.uncommitted),
        "data": _recorded(experiment),
        "packages": packages,
        "settings": json.loads(json.dumps(overrides(), default=str)),
        "rebuild": _rebuild(made.commit, outputs),
        "software": _software(packages),
    }


def stamp(experiment: Experiment, packages: Collection[str]) -> str:
    """Return what of git and of the command line enters a document; one with another is stale."""
    return repr((*origin.of(experiment, packages), overrides()))


def head(experiment: Experiment) -> str:
    """Return what is checked out; if git cannot say more, that: then the next build asks again."""
    return origin.FAILED if origin.of_code(experiment).problem else head_commit()


def warn(experiment: Experiment) -> None:
    """Say it if documents that are made now cannot name their commit, though git is here."""
    if problem := origin.of_code(experiment).problem:
        print(f"warning: documents will not name their commit\n  {problem}", file=sys.stderr)


def _recorded(experiment: Experiment) -> dict[str, str]:
    """Return the recorded hash of each file of data."""
    known = record.read(experiment.scripts / "hashes.txt").digests
    return {wording.shown(name): digest for name, digest in known.items()}


def _rebuild(commit: str | None, outputs: list[Path]) -> str:
    """Return the command that makes the first output again, from a clean copy."""
    make = f"make {relative(outputs[0])} {as_words(overrides())}".rstrip()
    return f"git checkout {commit[:12]} && {make}" if commit else make


def _software(packages: dict[str, str]) -> dict[str, str]:
    """Return the versions of what people know by name: what they asked for, and what renders.

    Python is without its patch level: it differs between machines with the same lock, and does
    not change any bytes.
    """
    found = {"Python": ".".join(platform.python_version_tuple()[:2])}
    asked = pins.wanted(root()) | {"pypandoc-binary", "typst"}
    names = sorted(asked & packages.keys(), key=str.lower)
    return found | {name: packages[name].partition(" ")[0] for name in names}


def as_markdown(found: dict, beside: str) -> str:
    """Return the provenance as the last section of a report.

    Args:
        found: all that is known.
        beside: the name of the file that has all of it; the section has the first of many things.
    """
    rows = {
        "Experiment": found["experiment"],
        "Commit": _commit(found, beside),
        "Data": _digests(found["data"], beside),
        "Settings": f"`{as_words(found['settings'])}`" if found["settings"] else "",
        "Rebuild": f"`{found['rebuild']}`",
        "Software": _software_in_words(found),
    }
    return "\n".join(f"{name}\n:   {text}\n" for name, text in rows.items() if text)


def _software_in_words(found: dict) -> str:
    """Return what people know by name; the JSON file beside has all packages, hashed together."""
    named = ", ".join(f"{k}\u00a0{v}" for k, v in found["software"].items())
    packages = json.dumps(found["packages"], sort_keys=True).encode()
    return f"{named}; all packages `{hashlib.sha256(packages).hexdigest()[:16]}`"


def _digests(found: dict[str, str], beside: str) -> str:
    """Return names with the beginning of their hashes."""
    return _first([f"{name} `{digest[:16]}`" for name, digest in found.items()], beside)


def _first(texts: list[str], beside: str) -> str:
    """Return the first of many texts, and where the others are."""
    kept = texts if len(texts) <= _SHOWN + 1 else texts[:_SHOWN]
    more = len(texts) - len(kept)
    return ", ".join(kept) + (f" and [{more} more]({beside})" if more else "")


def _commit(found: dict, beside: str) -> str:
    """Return the commit in words, with what was not committed."""
    if not found["commit"]:
        return f"none ({found.get('no_commit', origin.NO_GIT)})"
    text = f"`{found['commit']}`"
    if found["shallow_clone"]:
        text += " (in a shallow clone: the change itself may be older)"
    if found["uncommitted"]:
        names = _first([f"`{name}`" for name in found["uncommitted"]], beside)
        text += f", with changes that are not committed in {names}"
    return text
