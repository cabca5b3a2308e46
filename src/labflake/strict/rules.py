"""Why git should not hold a file, and where it belongs instead."""

import fnmatch
import re
import tomllib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from labflake.content import unmerged
from labflake.content.meter import size
from labflake.errors import LabError
from labflake.project.experiments import root
from labflake.strict import secrets
from labflake.strict.held import LARGE, Held

_KINDS = {
    "data": "csv tsv parquet feather arrow orc avro h5 hdf5 nc nc4 npy npz mat rds rda rdata sav"
    " por dta sas7bdat xls xlsx xlsb ods sqlite sqlite3 db duckdb jsonl ndjson fits wav zip tar gz"
    " tgz bz2 xz zst 7z rar",
    "a figure": "png jpg jpeg gif svg eps tif tiff webp bmp heic",
    "a PDF": "pdf ps",
    "a notebook": "ipynb",
    "a model": "pickle pkl joblib skops pt pth ckpt onnx safetensors keras tflite gguf pb",
}
_SUFFIXES = {suffix: kind for kind, names in _KINDS.items() for suffix in names.split()}
_WAYS = {
    "data": "put it into data/<experiment>/, and say under data: in config.yaml where it is from",
    "a figure": "let a step save it in assets/figures",
    "a PDF": "let a document or a step make it",
    "a notebook": "write it as Markdown with cells: make notebook makes it again",
    "a model": "let a step save it in assets/data",
}
# What a project has by its design: fonts for documents, labflake itself, locks with all hashes.
_DESIGNED = ("fonts/*", "vendor/labflake-*.whl", "vendor/labflake/*", "poetry.lock", "flake.lock")


class Refusal(NamedTuple):
    """A file, the line in it if one is meant, what it is, and what to do instead."""

    path: str
    line: int
    what: str
    way: str


def refused(files: list[Held]) -> Iterator[Refusal]:
    """Give what git should not hold of these files, but for what `pyproject.toml` allows."""
    patterns = allowed()
    for held in files:
        if any(fnmatch.fnmatchcase(held.path, pattern) for pattern in patterns):
            continue
        if refusal := _refusal(held):
            yield refusal


def allowed() -> list[str]:
    """Return the patterns of paths that people want in git all the same.

    Raises:
        LabError: they are no list of texts.
    """
    text = (root() / "pyproject.toml").read_text(encoding="utf-8")
    found = tomllib.loads(text).get("tool", {}).get("labflake", {}).get("allowed", [])
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise LabError('pyproject.toml: allowed is a list of paths: allowed = ["tests/*.csv"]')
    return found


def _refusal(held: Held) -> Refusal | None:
    top = held.path.split("/")[0]
    if top == "generated":
        return Refusal(held.path, 0, "a result", "make builds it again; make push shares it")
    if top == "data" and "/" in held.path:
        return Refusal(held.path, 0, "data", _WAYS["data"])
    if held.is_link:
        return None
    if secrets.is_kept_in(held.path):
        return Refusal(held.path, 0, "a file of credentials", _SECRET)
    if any(fnmatch.fnmatchcase(held.path, pattern) for pattern in _DESIGNED):
        return None
    return _by_content(held)


def _by_content(held: Held) -> Refusal | None:
    if kind := _SUFFIXES.get(PurePosixPath(held.path).suffix[1:].lower()):
        return Refusal(held.path, 0, kind, _WAYS[kind])
    if held.size > LARGE:
        what = f"larger than {size(LARGE)} ({size(held.size)})"
        return Refusal(held.path, 0, what, _WAYS["data"])
    if b"\0" in held.content[:8000]:
        return Refusal(held.path, 0, "no text", "git holds code, documents and hashes")
    if re.match(rb'\s*\{\s*"(cells|nbformat)', held.content):
        return Refusal(held.path, 0, "a notebook", _WAYS["a notebook"])
    if line := unmerged.line(held.content):
        return Refusal(held.path, line, "not merged: it has two versions", unmerged.MEND)
    if line := secrets.line_with_one(held.content):
        return Refusal(held.path, line, "a credential", _SECRET)
    return None


_SECRET = "keep it in .credentials.ini or in the environment; replace it if it was ever pushed"
