"""What `poetry.lock` says, as requirements with hashes that uv and pip read."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

BUILD = "build"  # the group with the installer, and with what builds packages from source
_FILES = re.compile(
    r'(?<=^files = )\[\n((?: +\{file = "[^"\n]*", hash = "\w+:\w+"\},?\n)+)\]', re.MULTILINE
)
_HASH = re.compile(r'hash = "(\w+:\w+)"\}')


def parsed(lock: str) -> dict:
    """Return what a lock says; of files their hashes alone.

    These are most of a lock: with each list as one text without escapes, that takes a fifth.

    Raises:
        ValueError: it is no TOML.
    """
    short = _FILES.sub(lambda found: f"'{' '.join(_HASH.findall(found[1]))}'", lock)
    try:
        said = tomllib.loads(short)
    except ValueError:
        return tomllib.loads(lock)  # which names the right line
    for package in said.get("package", []):
        if isinstance(package.get("files"), str):
            package["files"] = [{"hash": each} for each in package["files"].split()]
    return said


def wanted_groups(pyproject: dict, optional: list[str]) -> list[str]:
    """Return the groups to install: what is not optional, and what was asked for.

    Raises:
        KeyError: an optional group does not exist; its argument is the name.
    """
    groups = pyproject.get("tool", {}).get("poetry", {}).get("group", {})
    names = {"main", *groups, *pyproject.get("dependency-groups", {})}
    for name in optional:
        if name not in names:
            raise KeyError(name)
    always = [n for n in sorted(names) if not groups.get(n, {}).get("optional")]
    return [*always, *(n for n in optional if n not in always)]


def requirements(lock: dict, groups: list[str], folder: Path) -> Iterator[str]:
    """Yield a line for each package of these groups, with the hashes of its files."""
    for package in lock.get("package", []):
        mine = [g for g in package.get("groups", ["main"]) if g in groups]
        if mine and not package.get("optional") and not _stays(package):
            marker = _marker(package.get("markers", ""), mine)
            hashes = "".join(f" --hash={f['hash']}" for f in package["files"])
            yield f"{_place(package, folder)}{marker}{hashes}"


def beside(lock: dict, folder: Path) -> Iterator[Path]:
    """Yield the folders of packages that are used where they stand, in this project."""
    for package in filter(_stays, lock.get("package", [])):
        yield (folder / package["source"]["url"]).resolve()


def _stays(package: dict) -> bool:
    """Tell whether a package is used where it stands: a copy of a folder has no hash to go by."""
    return package.get("source", {}).get("type") == "directory"


def indexes(lock: dict) -> tuple[str, ...]:
    """Return the further indexes that the lock names for some of its packages."""
    sources = [p.get("source", {}) for p in lock.get("package", [])]
    return tuple(dict.fromkeys(s["url"] for s in sources if s.get("type") == "legacy"))


def _marker(markers: str | dict[str, str], groups: list[str]) -> str:
    """Return the condition under which a package is needed by any of the groups."""
    if isinstance(markers, dict):
        each = [markers.get(g, "") for g in groups]
        markers = "" if "" in each else " or ".join(f"({m})" for m in each)
    return f" ; {markers}" if markers else ""


def _place(package: dict, folder: Path) -> str:
    """Return name and version, or the address of a package that comes from elsewhere."""
    name, source = package["name"], package.get("source", {})
    match source.get("type"):
        case "git":
            at = source["resolved_reference"]
            inside = f"#subdirectory={source['subdirectory']}" if "subdirectory" in source else ""
            return f"{name} @ git+{source['url']}@{at}{inside}"
        case "url":
            return f"{name} @ {source['url']}"
        case "file" | "directory":
            return f"{name} @ {(folder / source['url']).resolve().as_uri()}"
    return f"{name}=={package['version']}"
