"""The distributions in the `.venv` of a project: what each is, provides, needs and registers.

To read them takes a quarter of a second, so the answer is kept in `.venv`.
"""

import contextlib
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from labflake.content.atomic import replacing
from labflake.environment import NOTE
from labflake.project import packages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.metadata import Distribution

_KEPT = "labflake-installed.json"  # in `.venv`
_FORM = 1  # of that file
_MODULES = (".py", ".so", ".pyd", ".pyx")
_EXTRA = """extra *== *["']([^"']+)"""
NOT_FOR_RESULTS = frozenset({"dev", "build"})  # groups of pyproject.toml


@cache
def of(project: Path) -> dict[str, dict]:
    """Return by its name what is known of each distribution in the `.venv` of a project.

    That is its `pin`: its version, and a hash of the file in the lock that it is from; the
    `modules` by which it is imported; its `scripts`; what it `needs`, for each of its extras and
    without ("") one, as pairs of a name and extras; the groups of entry points that it `registers`
    for; and whether it is only there `for_tools`.
    """
    venv = project / ".venv"
    venv = venv if venv.exists() else Path(sys.prefix)  # what a document is made with, then
    key = _key(project, venv)
    with contextlib.suppress(OSError, ValueError):
        known = json.loads((venv / _KEPT).read_text(encoding="utf-8"))
        if key and known["of"] == key:
            return known["distributions"]
    found = read(sorted(venv.glob("lib/python3*/site-packages")), packages.locked(project))
    with contextlib.suppress(OSError):
        if key:
            with replacing(venv / _KEPT) as part:
                part.write_text(json.dumps({"of": key, "distributions": found}), encoding="utf-8")
    return found


def _key(project: Path, venv: Path) -> str:
    """Return what says that `.venv` has not changed; "" where nothing does."""
    try:
        parts = [(venv / NOTE).read_bytes(), (project / "poetry.lock").read_bytes()]
    except OSError:
        return ""
    return hashlib.sha256(b"%d\n%s" % (_FORM, b"\n".join(parts))).hexdigest()


def read(folders: Iterable[Path], locked: list[dict]) -> dict[str, dict]:
    """Read the distributions in these folders; the packages of the lock say what they are."""
    from importlib.metadata import distributions

    pinned = {(packages.named(p["name"]), p["version"]): p for p in locked}
    found: dict[str, dict] = {}
    for each in distributions(path=[*map(str, folders)]):
        metadata = each.metadata  # reads the file each time
        name = packages.named(metadata["Name"] or "")
        files = [line.rpartition(",")[0].rpartition(",")[0] for line in _lines(each, "RECORD")]
        entries = each.entry_points
        found[name] = {
            "pin": _pin(each, metadata["Version"], pinned.get((name, metadata["Version"]))),
            "modules": sorted({*_modules(files)}),
            "scripts": sorted(os.path.basename(f) for f in files if "/bin/" in f and f[:2] == ".."),
            "needs": _needs(metadata.get_all("Requires-Dist") or ()),
            "registers": sorted({entry.group for entry in entries}),
            "for_tools": _is_for_tools(pinned.get((name, metadata["Version"]))),
        }
    return found


def _lines(distribution: "Distribution", file: str) -> list[str]:
    return [line.strip('"') for line in (distribution.read_text(file) or "").splitlines()]


def _is_for_tools(package: dict | None) -> bool:
    """Tell whether only groups ask for it that have nothing to do with results."""
    return package is not None and {*package.get("groups", ["main"])} <= NOT_FOR_RESULTS


def _modules(files: list[str]) -> Iterator[str]:
    """Give the shortest names under which a distribution is imported: packages, lone modules.

    `google/cloud/storage/__init__.py` gives `google.cloud.storage`: others share what is above.
    """
    code = [f for f in files if f.endswith(_MODULES) and f[:2] != ".." and ".dist-info" not in f]
    packages = {os.path.dirname(file) for file in code if os.path.basename(file)[:9] == "__init__."}
    for file in code:
        parts = file.split("/")
        above = ("/".join(parts[:count]) for count in range(1, len(parts)))
        package = next((folder for folder in above if folder in packages), "")
        yield (package or "/".join([*parts[:-1], parts[-1].split(".")[0]])).replace("/", ".")


def _needs(required: Iterable[str]) -> dict[str, list]:
    """Return what it requires on this machine, without an extra and by each of its extras."""
    from packaging.requirements import InvalidRequirement, Requirement

    needs: dict[str, list] = {"": []}
    for text in required:
        with contextlib.suppress(InvalidRequirement):
            asked = Requirement(text)
            pair = [packages.named(asked.name), sorted(map(packages.named, asked.extras))]
            for extra in ["", *re.findall(_EXTRA, str(asked.marker))]:
                if not asked.marker or asked.marker.evaluate({"extra": extra}):
                    needs.setdefault(packages.named(extra), []).append(pair)
    return needs


def _pin(distribution: "Distribution", version: str, package: dict | None) -> str:
    """Return the version, and what says which file of that version was installed."""
    if not package:
        return version
    source = package.get("source", {}).get("resolved_reference", "")
    hashes = [file["hash"] for file in _installed_from(distribution, package.get("files", []))]
    digest = hashlib.sha256(json.dumps([source, sorted(hashes)]).encode()).hexdigest()
    return f"{version} {digest[:32]}"


def _installed_from(distribution: "Distribution", files: list[dict]) -> list[dict]:
    """Return the one file of the lock that has the tags of the distribution; else all of them."""
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    tags = {
        line.partition(":")[2].strip()
        for line in _lines(distribution, "WHEEL")
        if line.startswith("Tag:")
    }
    found = []
    for file in files:
        with contextlib.suppress(InvalidWheelFilename):
            found += [file] if {*map(str, parse_wheel_filename(file["file"])[3])} == tags else []
    return found if len(found) == 1 else files
