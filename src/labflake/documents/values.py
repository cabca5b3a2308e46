"""The numbers that an experiment knows: results, parameters, what expressions gave."""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from labflake.data_files.gate import record
from labflake.io.formats.csv_reader import types_of
from labflake.project.experiments import Experiment

_LARGEST = 100_000  # bytes; in larger tables every number is found by chance
_NEAR = 0.01


class Value(NamedTuple):
    """A number and where it is from; `single` ones are few, so that a match means something."""

    number: float
    place: str
    single: bool


@dataclass(frozen=True)
class Found:
    """A known value that is the typed one as it would be printed, or nearly."""

    shown: str
    place: str
    exact: bool


def known_values(source: Path) -> list[Value]:
    """Return the numbers that a document of the experiment could have meant."""
    experiment = Experiment(source.parent.name)
    return [
        *_from_expressions(experiment, source.stem),
        *_from_tree(experiment.config(), "config.yaml"),
        *(value for path in _results(experiment) for value in _from_file(path)),
    ]


def close(number: float, decimals: int, percent: bool, values: Iterable[Value]) -> Found | None:
    """Return the value that prints as the number, else the nearest one within a percent."""
    best, distance = None, _NEAR
    for value in values:
        known = value.number * (100 if percent else 1)
        shown = f"{value.number:.6g}"
        if round(abs(known), decimals) == abs(number):
            return Found(shown, value.place, True)
        apart = abs(abs(known) - abs(number)) / abs(number)
        if apart < distance:
            best, distance = Found(shown, value.place, False), apart
    return best


def _results(experiment: Experiment) -> Iterator[Path]:
    """Yield the small files of results; what `hashes.txt` records came from outside."""
    recorded = record.read(experiment.scripts / "hashes.txt").digests
    for path in sorted((experiment.generated / "assets" / "data").glob("*")):
        name = path.relative_to(experiment.generated).as_posix()
        is_table = path.suffix in (".csv", ".tsv", ".json")
        if is_table and name not in recorded and path.stat().st_size <= _LARGEST:
            yield path


def _from_file(path: Path) -> Iterator[Value]:
    """Yield the numbers of a table or of a JSON file; nothing if it cannot be read."""
    try:
        if path.suffix == ".json":
            yield from _from_tree(json.loads(path.read_text(encoding="utf-8")), path.name)
        else:
            yield from _from_table(path)
    except (ValueError, csv.Error):
        return


def _from_table(path: Path) -> Iterator[Value]:
    with path.open(encoding="utf-8", newline="") as file:
        types_of(file)
        reader = csv.reader(file, delimiter="\t" if path.suffix == ".tsv" else ",")
        names = next(reader, [])
        for row in reader:
            for name, text in zip(names, row, strict=False):
                if (number := _number(text)) is not None:
                    yield Value(number, f"{path.name} ({name})" if name else path.name, False)


def _from_tree(tree: Any, place: str) -> Iterator[Value]:
    """Yield the numbers of nested dictionaries and lists, with the path of keys to each."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _from_tree(
                value, f"{place}: {key}" if ":" not in place else f"{place}.{key}"
            )
    elif isinstance(tree, list):
        for value in tree:
            yield from _from_tree(value, place)
    elif isinstance(tree, (int, float)) and not isinstance(tree, bool):
        yield Value(float(tree), place, True)


def _from_expressions(experiment: Experiment, stem: str) -> Iterator[Value]:
    """Yield the numbers that the document's own expressions gave when its cells last ran."""
    try:
        saved = json.loads((experiment.state / "documents" / f"{stem}.json").read_text())
    except (OSError, ValueError):
        return
    for texts in saved["executed"]["values"]:
        for text in texts:
            for word in re.findall(r"-?\d[\d,]*(?:\.\d+)?", text):
                number = _number(word.replace(",", ""))
                if number is not None:
                    yield Value(number, "an expression of this document", True)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if number == number and abs(number) != float("inf") else None
