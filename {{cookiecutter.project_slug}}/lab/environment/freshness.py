"""Does `poetry.lock` belong to `pyproject.toml`? Somebody may have edited one of them by hand."""

import contextlib
import hashlib
import json
import re
import sys
from pathlib import Path

_SEEN = "lab-fresh"  # in `.venv`: the pair of files that was compared last and fits


def complaint(folder: Path) -> str:
    """Return a line for a person if the lock is not the one of `pyproject.toml`; "" if it is."""
    try:
        facts = (folder / "pyproject.toml").read_bytes()
        lock = (folder / "poetry.lock").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    found = re.search(r'^content-hash = "(\w+)"', lock[lock.rfind("[metadata]") :], re.MULTILINE)
    if not found or sys.version_info < (3, 11):
        return ""
    pair = hashlib.sha256(facts + found[1].encode()).hexdigest()
    memory = folder / ".venv" / _SEEN
    with contextlib.suppress(OSError):
        if memory.read_text(encoding="utf-8") == pair:
            return ""
    return _compare(facts.decode(errors="replace"), found[1], memory, pair)


def _compare(facts: str, locked: str, memory: Path, pair: str) -> str:
    import tomllib

    try:
        wanted = content_hash(tomllib.loads(facts))
    except ValueError as problem:
        return f"pyproject.toml is no TOML: {problem}"
    if wanted != locked:
        return "pyproject.toml asks for other packages than poetry.lock has: make lock"
    with contextlib.suppress(OSError):
        memory.write_text(pair, encoding="utf-8")
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
