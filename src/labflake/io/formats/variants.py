"""Gather the results of all variants of a step, whose parameters are in the file names."""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from labflake.errors import LabError
from labflake.io import formats
from labflake.project.experiments import relative

if TYPE_CHECKING:
    import pandas as pd

_APART = re.compile(r",|\.(?=[A-Za-z_][\w%-]*=)")
# What a program writes for a number: `007` is a name, and so is `1_000`.
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?|nan|-?inf")
_TRUTH = {"true": True, "false": False}
TABLES = frozenset({"csv", "parquet", "json"})


def gather(files: Iterable[Path], name: str = "") -> "pd.DataFrame":
    """Return variants of `name` as one frame, ordered by their parameters.

    Raises:
        LabError: A file is no variant, or a column contradicts a file name.
    """
    import pandas as pd

    texts = {path: parameters(path, name) for path in files}
    found = _typed(texts)
    ordered = sorted(found, key=lambda path: [_rank(*item) for item in found[path].items()])
    frames = [_labelled(path, found[path], texts[path]) for path in ordered]
    return pd.concat(frames, ignore_index=True)


def parameters(path: Path, name: str = "") -> dict[str, str]:
    """Return the parameters in a file name as texts: `results.alpha=0.1,seed=3.csv` has two.

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
    return {unquote(key): unquote(value) for key, _, value in pairs}


def stem(path: Path) -> str:
    """Return what a file is a variant of by its name alone; "" if it is none."""
    name = path.name.partition("=")[0].rpartition(".")[0]
    return name if is_one(path, name) else ""


def is_one(path: Path, name: str) -> bool:
    """Tell whether a file is a variant of `name`."""
    rest = path.name.removeprefix(f"{name}.")
    return rest != path.name and "=" in rest and formats.suffix(path) in TABLES


def _typed(found: Mapping[Path, dict[str, str]]) -> dict[Path, dict[str, Any]]:
    """Return parameters as numbers or truth values where each value of the same name is one.

    Among texts a number is a text: `1e5` is no number where another site is called `A12`.
    """
    values: dict[str, set[str]] = {}
    for chosen in found.values():
        for key, text in chosen.items():
            values.setdefault(key, set()).add(text)
    kinds = {key: _kind(texts) for key, texts in values.items()}
    return {
        path: {key: kinds[key](text) for key, text in chosen.items()}
        for path, chosen in found.items()
    }


def _kind(texts: set[str]) -> Callable[[str], Any]:
    """Return what makes values of texts that stand for values of one parameter."""
    if all(text.lower() in _TRUTH for text in texts):
        return lambda text: _TRUTH[text.lower()]
    return number if all(map(_NUMBER.fullmatch, texts)) else str


def number(text: str) -> Any:
    """Return the number that `text` spells, else the text."""
    if not _NUMBER.fullmatch(text):
        return text
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _rank(key: str, value: Any) -> tuple:
    """Return what orders numbers by size, and before texts."""
    is_text = isinstance(value, str)
    return (key, is_text, 0 if is_text else value, value if is_text else "")


def _labelled(path: Path, chosen: dict[str, Any], texts: dict[str, str]) -> "pd.DataFrame":
    """Return the content of a variant with its parameters first; a column that has one stays."""
    import pandas as pd

    content = formats.of(path).read(path)
    frame = pd.DataFrame([content]) if isinstance(content, dict) else pd.DataFrame(content)
    for key in [key for key in chosen if key in frame]:
        same = {texts[key], chosen[key], number(texts[key].lstrip("0") or "0")}
        if not all(value in same or str(value) == texts[key] for value in frame[key]):
            other = next(each for each in frame[key] if str(each) != texts[key])
            raise LabError(
                f"{relative(path)}: its column {key!r} contradicts its name\n"
                f"  {texts[key]} in the name, {other} in the column: call one of them otherwise"
            )
    rest = [column for column in frame if column not in chosen]
    for key in [key for key in chosen if key not in frame]:
        frame[key] = [chosen[key]] * len(frame)
    return frame[[*chosen, *rest]]
