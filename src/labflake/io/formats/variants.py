"""Gather the results of all variants of a step, whose parameters are in the file names."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from labflake.errors import LabError
from labflake.io import formats
from labflake.project.experiments import relative

if TYPE_CHECKING:
    import pandas as pd

_APART = re.compile(r",|\.(?=[A-Za-z_][\w%-]*=)")
TABLES = frozenset({"csv", "parquet", "json"})


def gather(files: Iterable[Path], name: str = "") -> "pd.DataFrame":
    """Return variants of `name` as one frame, ordered by their parameters.

    Raises:
        LabError: A file is no variant, or a column contradicts a file name.
    """
    import pandas as pd

    found = {path: parameters(path, name) for path in files}
    ordered = sorted(found, key=lambda path: [_rank(*item) for item in found[path].items()])
    return pd.concat([_labelled(path, found[path]) for path in ordered], ignore_index=True)


def parameters(path: Path, name: str = "") -> dict[str, Any]:
    """Return the parameters in a file name: `results.alpha=0.1,seed=3.csv` has two.

    A point before a name and `=` begins a parameter, too: `results.alpha=0.1.seed=3.csv`.

    Raises:
        LabError: there are none.
    """
    name = name or stem(path)
    if not is_one(path, name):
        raise LabError(
            f"{path.name} is no variant: it has no parameters in its name\n"
            "  a variant is called, for example, results.alpha=0.1,seed=3.csv"
        )
    text = path.name.removeprefix(f"{name}.").removesuffix(path.suffix)
    pairs = (item.partition("=") for item in _APART.split(text))
    return {unquote(key): _value(unquote(value)) for key, _, value in pairs}


def stem(path: Path) -> str:
    """Return what a file is a variant of by its name alone; "" if it is none."""
    name = path.name.partition("=")[0].rpartition(".")[0]
    return name if is_one(path, name) else ""


def is_one(path: Path, name: str) -> bool:
    """Tell whether a file is a variant of `name`."""
    rest = path.name.removeprefix(f"{name}.")
    return rest != path.name and "=" in rest and formats.suffix(path) in TABLES


def _value(text: str) -> Any:
    """Return the number or truth value that `text` spells, else the text."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    return number(text)


def number(text: str) -> Any:
    """Return the number that `text` spells, else the text; `2024_01` is none, but in Python."""
    for kind in () if "_" in text else (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _rank(key: str, value: Any) -> tuple:
    """Return what orders numbers by size, and before texts."""
    is_text = isinstance(value, str)
    return (key, is_text, 0 if is_text else value, value if is_text else "")


def _labelled(path: Path, chosen: dict[str, Any]) -> "pd.DataFrame":
    import pandas as pd

    content = formats.of(path).read(path)
    frame = pd.DataFrame([content]) if isinstance(content, dict) else pd.DataFrame(content)
    for key, value in chosen.items():
        if key in frame and not (frame[key] == value).all():
            raise LabError(f"{relative(path)}: its column {key!r} contradicts its name")
    rest = frame.drop(columns=[key for key in chosen if key in frame])
    labels = pd.DataFrame({key: [value] * len(rest) for key, value in chosen.items()})
    return pd.concat([labels, rest.set_axis(labels.index)], axis=1)
