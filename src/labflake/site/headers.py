"""The header of a report with the values of its expressions, read from what the last build left."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labflake.documents import prose
from labflake.errors import LabError
from labflake.project.experiments import Experiment, relative

UNKNOWN = "…"  # stands for the value of an expression as long as nothing is built
_BEGINNING = 200_000  # characters of a notebook in which its first cell ends


def read(experiment: Experiment) -> dict[str, Any]:
    """Return the header of the experiment's report, its inline expressions filled in.

    Raises:
        LabError: the header is not valid YAML, or not `key: value` lines.
    """
    path = experiment.scripts / "report.md"
    match = prose.HEADER.match(path.read_text(encoding="utf-8-sig")) if path.is_file() else None
    if not match:
        return {}
    header = _parse(path, match["yaml"])
    return _fill(header, iter(_values(match[0], _built(experiment))))


def _parse(path: Path, text: str) -> dict[str, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        header = yaml.load(text, Loader=loader) or {}
    except (yaml.YAMLError, ValueError) as error:  # such as the 30th of February
        what = getattr(error, "problem", None) or error
        raise LabError(f"{relative(path)}: the header is not valid YAML: {what}") from None
    if not isinstance(header, dict):
        raise LabError(f"{relative(path)}: the header must hold `key: value` lines")
    return {str(key): value for key, value in header.items()}


def _built(experiment: Experiment) -> str:
    """Return the header as the executed notebook has it: with values for the expressions."""
    path = experiment.generated / "assets" / "report" / "report.ipynb"
    try:
        with path.open(encoding="utf-8") as file:
            start = file.read(_BEGINNING)
        cell, _ = json.JSONDecoder().raw_decode(start, start.index("{", 1))
        source = cell["source"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return source if isinstance(source, str) else "".join(source)


def _values(written: str, built: str) -> list[str]:
    """Return the values of the expressions: what stands at their places in the built header."""
    found = prose.expressions(written)
    ends = [0, *(match.end() for match in found)]
    starts = [*(match.start() for match in found), len(written)]
    first, *pieces = [written[a:b] for a, b in zip(ends, starts, strict=True)]
    values, position = [], len(first)
    for piece in pieces:
        end = built.find(piece, position)
        if end < 0 or not built.startswith(first):
            return [UNKNOWN] * len(found)
        values.append(built[position:end])
        position = end + len(piece)
    return values


def _fill(value: Any, values: Iterator[str]) -> Any:
    """Replace the expressions in all strings of the header, in order."""
    if isinstance(value, str):
        return prose.fill(value, [next(values, UNKNOWN) for _ in prose.expressions(value)])
    if isinstance(value, list):
        return [_fill(each, values) for each in value]
    if isinstance(value, dict):
        return {key: _fill(each, values) for key, each in value.items()}
    return value
