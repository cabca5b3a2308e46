"""Read and write scikit-learn models with skops: no pickle, same model, same bytes."""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labflake.errors import LabError

# Parts of models. Not builtins: `eval` is one of them.
_TRUSTED = re.compile(r"(study|sklearn|scipy)\..+|numpy\.\w+")


def write(model: Any, path: Path) -> None:
    """Write `model`; addresses of memory, dates and what lay in memory become plain numbers."""
    import skops.io

    data = zipfile.ZipFile(io.BytesIO(skops.io.dumps(model)))
    schema = json.loads(data.read("schema.json"))
    names = _renumber(schema)
    with zipfile.ZipFile(path, "w") as out:
        for old, new in names.items():
            out.writestr(zipfile.ZipInfo(new), _without_padding(new, data.read(old)))
        text = json.dumps(schema, indent=1)
        out.writestr(zipfile.ZipInfo("schema.json"), text)


def read(path: Path) -> Any:
    """Read a model; types of others than scikit-learn, its basis and the project are refused.

    Raises:
        LabError: The model holds such types.
    """
    import skops.io

    unknown = skops.io.get_untrusted_types(file=path)
    foreign = [name for name in unknown if not _TRUSTED.fullmatch(name)]
    if foreign:
        raise LabError(
            f"{path.name} holds what could run any code: {', '.join(foreign)}\n"
            f"  if you know who made it: skops.io.load({str(path)!r}, trusted={foreign})"
        )
    return skops.io.load(path, trusted=unknown)


def _without_padding(name: str, data: bytes) -> bytes:
    """Return an array of records, such as the nodes of a tree, with zeros between their fields."""
    import numpy as np

    array = np.load(io.BytesIO(data), allow_pickle=False) if name.endswith(".npy") else None
    if array is None or not array.dtype.names:
        return data
    clean, out = np.zeros(array.shape, array.dtype), io.BytesIO()
    for field in array.dtype.names:
        clean[field] = array[field]
    np.save(out, clean, allow_pickle=False)
    return out.getvalue()


def _renumber(schema: dict) -> dict[str, str]:
    """Number objects by first appearance, in place; return old and new names of their files."""
    numbers: dict[int, int] = {}
    names: dict[str, str] = {}
    for count, node in enumerate(_nodes(schema)):
        if "__id__" in node:
            # Equal constants may or may not be one object in memory: count each.
            known = count if node.get("is_json") else numbers.setdefault(node["__id__"], count)
            node["__id__"] = known
        if "file" in node and isinstance(node["file"], str):
            new = f"{len(names)}{Path(node['file']).suffix}"
            node["file"] = names.setdefault(node["file"], new)
    return names


def _nodes(value: Any) -> Iterator[dict]:
    if isinstance(value, dict):
        yield value
    children = value.values() if isinstance(value, dict) else value
    if isinstance(value, dict | list):
        for child in children:
            yield from _nodes(child)
