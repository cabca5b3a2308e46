"""Which parts of the object `snakemake` a script names: of what is optional, it is given these."""

import json
import os
import re
from pathlib import Path

from labflake.processes import scripted
from labflake.programs.commands import run_by

OPTIONAL = ("config", "resources", "rule", "threads")  # the rest is always given
_USED = r"\bsnakemake\b(?:\s*[.@]\s*|\[)?(\w+)?|\bsnakemake_(\w+)"
_IMPORTED = r"(?m)^\s*(from|import)\s+snakemake\b.*$"


def of(file: Path) -> list[str]:
    """Return the optional parts that a script names, or what it imports or names."""
    used = set().union(*(_of_text(_text(path)) for path in run_by(file)))
    return [name for name in OPTIONAL if name in used or "" in used]


def deciding(file: Path, folder: str) -> dict[str, list[str]]:
    """Return what of a source decides the command of a step, by its path from a folder.

    That is what it imports or names, which parts of `snakemake` it is given, and its language.
    """
    parts = [os.path.relpath(path, folder) for path in run_by(file)]
    return {parts[0]: [*parts, *of(file), language_of(file)]}


def language_of(notebook: Path) -> str:
    """Return the language of a notebook; "" of what is none."""
    if notebook.suffix != ".ipynb":
        return ""
    try:
        said = json.loads(notebook.read_text(encoding="utf-8")).get("metadata", {})
    except (OSError, ValueError, AttributeError):
        return "python"
    return scripted.language_in(said)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _of_text(text: str) -> set[str]:
    """Return the parts of `snakemake` that a text names; "" where it hands on the whole object."""
    found = re.findall(_USED, re.sub(_IMPORTED, "", text))
    return {"" if dot == own == "" else dot or own for dot, own in found}
