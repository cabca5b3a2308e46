"""Does `poetry.lock` belong to `pyproject.toml`? Somebody may have edited one of them by hand."""

import contextlib
import hashlib
import json
import re
import sys
from pathlib import Path

from . import noted

_SEEN = "labflake-fresh"  # in `.venv`: the pair of files that was compared last and fits


def complaint(folder: Path) -> str:
    """Return a line for a person if the lock is not the one of `pyproject.toml`; "" if it is.

    For every command: the lock, which the note in `.venv` names by its hash, is not read again
    where nothing changed.
    """
    try:
        facts = (folder / "pyproject.toml").read_bytes()
    except OSError:
        return ""
    lock, memory = noted(folder)[2], folder / ".venv" / _SEEN
    pair = hashlib.sha256(facts + lock.encode()).hexdigest() if lock else ""
    with contextlib.suppress(OSError):
        if pair and memory.read_text(encoding="utf-8") == pair:
            return ""
    said = _compare(folder, facts.decode(errors="replace"))
    if pair and not said:
        with contextlib.suppress(OSError):
            memory.write_text(pair, encoding="utf-8")
    return said


def _compare(folder: Path, facts: str) -> str:
    try:
        lock = (folder / "poetry.lock").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    found = re.search(r'^content-hash = "(\w+)"', lock[lock.rfind("[metadata]") :], re.MULTILINE)
    if not found or sys.version_info < (3, 11):
        return ""
    import tomllib

    try:
        wanted = content_hash(tomllib.loads(facts))
    except ValueError as problem:
        return f"pyproject.toml is no TOML: {problem}"
    if wanted != found[1]:
        return "pyproject.toml asks for other packages than poetry.lock has: make lock"
    return ""


def content_hash(facts: dict) -> str:
    """Return what Poetry writes into the lock as the hash of all that asks for packages."""
    own, groups = facts.get("project", {}), facts.get("dependency-groups", {})
    poetry = facts.get("tool", {}).get("poetry", {})
    names = ("requires-python", "dependencies", "optional-dependencies")
    project = {name: own[name] for name in names if name in own}
    modern = bool(project or groups)
    legacy = ("dependencies", "source", "extras", "dev-dependencies")
    tool = {n: poetry.get(n) for n in legacy if not modern or poetry.get(n) is not None}
    tool |= {"group": poetry["group"]} if poetry.get("group") is not None else {}
    asked: dict = {"project": project} if project else {}
    asked |= {"dependency-groups": groups} if groups else {}
    content = {**asked, "tool": {"poetry": tool}} if asked else tool
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
