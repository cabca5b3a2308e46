"""What a project asks for, and what is locked, read in one way: none is no error here."""

from pathlib import Path

FACTS, LOCK = "pyproject.toml", "poetry.lock"


def facts(project: Path) -> dict:
    """Return what `pyproject.toml` says; nothing if it cannot be read."""
    return _read(project / FACTS)


def locked(project: Path) -> list[dict]:
    """Return the packages of the lock; none if it cannot be read."""
    return _read(project / LOCK).get("package", [])


def named(name: str) -> str:
    """Return the name of a distribution as all agree to write it (the rule of PEP 503)."""
    import re

    return re.sub(r"[-_.]+", "-", name).lower()


def _read(path: Path) -> dict:
    import tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
