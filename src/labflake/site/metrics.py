"""Key numbers of an experiment: written in the header, or read from its results.

metrics:
  gain at n = 40: "`{python} f'{gain:.1f}'` nats"     a value of the report
  score: results.json#best.score                      a number in a JSON file of assets/data
  rows: summary.csv#count[variable=value]             a column of a table, and which row
"""

import csv
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labflake.errors import LabError
from labflake.io import formats
from labflake.io.formats import csv_reader, variants
from labflake.project.experiments import Experiment
from labflake.site.headers import UNKNOWN
from labflake.site.plots import grouped

_REFERENCE = re.compile(r"(?P<file>[^#\s]+\.[a-z]+)#(?P<column>[^\[\]]+)(?P<row>(?:\[[^\]]*\])*)")
_NUMBER = re.compile(r"[-+\u2212]?\d[\d\u202f\u00a0_]*(?:\.\d+)?(?:[eE][-+]?\d+)?")


@dataclass(frozen=True)
class Metric:
    """A key number: its name, the text that people read, and its value if it has one."""

    name: str
    text: str
    value: float | None = None


def read(experiment: Experiment, declared: Any) -> tuple[list[Metric], list[str]]:
    """Return the metrics that a header declares, and what is wrong with the others."""
    if not isinstance(declared, dict):
        wrong = ["metrics must hold `name: value` lines"] if declared else []
        return [], wrong
    found, problems = [], []
    for name, value in declared.items():
        try:
            found.append(_metric(experiment, str(name), value))
        except LabError as error:
            problems.append(f"metric {name}: {error}")
    return found, problems


def _metric(experiment: Experiment, name: str, value: Any) -> Metric:
    if isinstance(value, str) and (reference := _REFERENCE.fullmatch(value.strip())):
        value = _look_up(experiment.generated / "assets" / "data", reference)
    if isinstance(value, bool) or value is None:
        return Metric(name, {True: "yes", False: "no", None: UNKNOWN}[value])
    if isinstance(value, int | float):
        return Metric(name, _shown(value), _finite(value))
    text = re.sub(r"\\([^\w\s])", r"\1", str(value))
    return Metric(name, re.sub(r"(?<![\w-])-(?=\d)", "\N{MINUS SIGN}", text), _value(text))


def _value(text: str) -> float | None:
    """Return the number of a text that has exactly one."""
    numbers = _NUMBER.findall(text)
    if len(numbers) != 1:
        return None
    return _finite(re.sub(r"[\u202f\u00a0_]", "", numbers[0]).replace("\u2212", "-"))


def _finite(value: float | str) -> float | None:
    """Return a number that can be compared, None for one that no computer's number reaches."""
    try:
        found = float(value)
    except OverflowError:  # a whole number of hundreds of digits
        return None
    return found if math.isfinite(found) else None


def _shown(value: float) -> str:
    """Return a number with four significant digits, or all of a whole one."""
    text = str(value) if isinstance(value, int) else f"{value:.4g}"
    return grouped(text)


def _look_up(folder: Path, reference: re.Match) -> Any:
    """Return the value that a reference names; None as long as its file is not there.

    Raises:
        LabError: the file has no such value.
    """
    path = folder / reference["file"]
    if path.suffix not in (".json", ".csv", ".parquet"):
        raise LabError(f"{reference[0]}: key numbers are in files of JSON, CSV or Parquet")
    if not path.is_file():
        return None
    try:
        if path.suffix == ".json":
            return _in_json(json.loads(path.read_text(encoding="utf-8")), reference["column"])
        return _in_table(_rows(path), reference["column"], reference["row"])
    except KeyError as error:
        raise LabError(f"{reference[0]}: there is no {error}") from None
    except (OSError, ValueError, IndexError, TypeError) as error:
        raise LabError(f"{reference[0]} is not one value: {error}") from None


def _rows(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a table, with their values as texts."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            csv_reader.types_of(file)
            yield from csv.DictReader(file)
        return
    frame = formats.of(path).read(path).reset_index()
    for row in frame.to_dict("records"):
        yield {str(name): str(value) for name, value in row.items()}


def _in_json(value: Any, keys: str) -> Any:
    for key in keys.split("."):
        value = value[int(key) if isinstance(value, list) else key]
    if isinstance(value, dict | list):
        raise TypeError("not one value")
    return value


def _in_table(rows: Iterator[dict[str, str]], column: str, wanted: str) -> Any:
    """Return the value of a column in the only row that fits `[name=value, name=value]`."""
    parts = [part for part in re.split(r"[\[\],]", wanted) if part.strip()]
    pairs = [part.split("=", 1) for part in parts]
    found = [
        row[column]
        for row in rows
        if all(row[name.strip()] == value.strip() for name, value in pairs)
    ]
    if len(found) != 1:
        raise ValueError(f"{len(found)} rows fit")
    return variants.number(found[0])
