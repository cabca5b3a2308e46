"""Which kinds of source there are: our own, and those that installed packages register.

A package adds a kind by an entry point of the group `labflake.sources`. Its name is the key that
declares such data (`dataverse: …`) or, where the kind has a field `url`, the scheme of the address
(`dataverse://…`). Our own need no entry point, so nobody waits until all packages were looked at.
"""

import importlib
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING

from labflake.data_files.sources.job import Source
from labflake.errors import LabError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "labflake.sources"
KEYS = {
    "file": "local:File",
    "folder": "local:Folder",
    "manual": "local:Manual",
    "function": "function:Function",
    "experiment": "artifact:Artifact",
}
_STORES = ["s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "sftp", "ssh", "ftp", "hdfs"]
_STORES += ["webhdfs", "smb", "oci", "oss", "hf", "dbfs", "memory"]
SCHEMES = {
    "http": "http:Http",
    "https": "http:Http",
    "kaggle": "kaggle:Kaggle",
    "numerai": "numerai:Numerai",
    "postgres": "postgresql:Query",
    "postgresql": "postgresql:Query",
    **dict.fromkeys(sorted(_STORES), "store:Store"),
}
_PARTS = [name for name in vars(Source) if name[0] != "_"]


def of_key(key: str) -> type | None:
    """Return the kind that a key declares, or None."""
    return _own(KEYS[key]) if key in KEYS else _of_others(key)


def of_scheme(scheme: str) -> type | None:
    """Return the kind of an address with this scheme, or None."""
    return _own(SCHEMES[scheme]) if scheme in SCHEMES else _of_others(scheme)


def keys_in(settings: Iterable) -> list[str]:
    """Return those keys of a declaration that say what it is."""
    own = [key for key in settings if key in KEYS or key == "url"]
    return own or [key for key in settings if key in _registered()]


def all_keys() -> list[str]:
    """Return each key that a declaration may begin with."""
    return [*KEYS, *(name for name in _registered() if not _has_address(name)), "url"]


def all_schemes() -> list[str]:
    """Return each scheme that an address may have."""
    return [*SCHEMES, *(name for name in _registered() if _has_address(name))]


def _own(place: str) -> type:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(f"labflake.data_files.sources.{module}"), name)


@cache
def _registered() -> dict[str, "list[EntryPoint]"]:
    """Return what packages register beside our own, by name."""
    from importlib.metadata import entry_points

    found: dict[str, list[EntryPoint]] = {}
    for entry in sorted(entry_points(group=GROUP)):
        if entry.name not in KEYS and entry.name not in SCHEMES:
            found.setdefault(entry.name, []).append(entry)
    return found


def _of_others(name: str) -> type | None:
    """Return the kind that a package registers.

    Raises:
        LabError: it cannot be imported, is no kind of source, or two packages register it.
    """
    entries = _registered().get(name, [])
    if not entries:
        return None
    if len(entries) > 1:
        both = " and ".join(_package(entry) for entry in entries)
        raise LabError(f"{both} register a source {name!r}\n  which is meant? remove one of them")
    return _checked(entries[0])


def _checked(entry: "EntryPoint") -> type:
    try:
        kind: type = entry.load()
    except Exception as error:
        raise LabError(
            f"the source {entry.name!r} of {_package(entry)} cannot be imported\n"
            f"  {type(error).__name__}: {error}"
        ) from None
    missing = [part for part in _PARTS if not _has(kind, part)]
    if not is_dataclass(kind) or missing:
        lacks = f"has no {', '.join(missing)}" if missing else "is no dataclass"
        raise LabError(f"the source {entry.name!r} of {_package(entry)} {lacks}")
    return kind


def _has(kind: type, part: str) -> bool:
    return hasattr(kind, part) or part in getattr(kind, "__dataclass_fields__", {})


def _has_address(name: str) -> bool:
    try:
        kind = _of_others(name)
    except LabError:
        return False
    return kind is not None and "url" in {field.name for field in fields(kind)}


def _package(entry: "EntryPoint") -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
