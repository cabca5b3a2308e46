"""What two experiments, or two states of one, differ in."""

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from labflake.data_files.gate import record
from labflake.errors import LabError
from labflake.project import strict_yaml
from labflake.site import headers, metrics
from labflake.site.sides import Side

_SETTINGS = "config.yaml"
_PICTURES = (".svg", ".png", ".jpg", ".jpeg", ".webp", ".gif")


@dataclass(frozen=True)
class Row:
    """A name and what each side has for it, "" where it has nothing."""

    name: str
    one: str
    two: str
    change: str = ""


@dataclass(frozen=True)
class Code:
    """A file that differs: how many lines came and went, and which."""

    name: str
    added: int
    removed: int
    lines: list[str]


@dataclass(frozen=True)
class Figure:
    """A figure: the file of each side, None where it has none or nobody has it."""

    name: str
    one: Path | None
    two: Path | None
    same: bool


@dataclass(frozen=True)
class Differences:
    """All that differs, and the metrics and figures that do not."""

    settings: list[Row]
    data: list[Row]
    code: list[Code]
    metrics: list[Row]
    figures: list[Figure]


def differences(one: Side, two: Side) -> Differences:
    """Compare two sides."""
    return Differences(
        settings=[*_rows(one, two, _settings)],
        data=[*_rows(one, two, _data)],
        code=[*_code(one, two)],
        metrics=[*_metrics(one, two)],
        figures=[*_figures(one, two)],
    )


def _rows(one: Side, two: Side, of: Callable[[Side], dict[str, str]]) -> Iterator[Row]:
    """Give what differs in one respect."""
    before, after = of(one), of(two)
    for name in dict.fromkeys([*before, *after]):
        values = before.get(name, ""), after.get(name, "")
        if values[0] != values[1]:
            yield Row(name, *values)


def _settings(side: Side) -> dict[str, str]:
    path = side.experiment.scripts / _SETTINGS
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        return dict(_flat(strict_yaml.load(text) or {}))
    except (yaml.YAMLError, UnicodeDecodeError):
        return {_SETTINGS: f"is no valid YAML on the side of {side.called}"}


def _flat(tree: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """Give the dotted name and the value of each setting."""
    if isinstance(tree, dict) and (tree or not before):
        for key, value in tree.items():
            yield from _flat(value, f"{before}.{key}" if before else str(key))
    else:
        yield before, str(tree)


def _data(side: Side) -> dict[str, str]:
    try:
        return record.read(side.experiment.scripts / "hashes.txt").digests
    except LabError as error:
        return {"hashes.txt": str(error).splitlines()[0]}


def _code(one: Side, two: Side) -> Iterator[Code]:
    """Give the files that differ in more than the name of the experiment."""
    before, after = one.texts(), two.texts()
    for name in sorted({*before, *after} - {_SETTINGS}):
        texts = before.get(name, ""), after.get(name, "")
        old = texts[0].replace(one.experiment.name, two.experiment.name)
        if old == texts[1]:
            continue
        lines = [*difflib.unified_diff(old.splitlines(), texts[1].splitlines(), n=2, lineterm="")][
            2:
        ]
        added, removed = (sum(line.startswith(sign) for line in lines) for sign in "+-")
        yield Code(name, added, removed, lines)


def _metrics(one: Side, two: Side) -> Iterator[Row]:
    """Give all metrics, with the difference of those that are numbers on both sides."""
    before, after = _metrics_of(one), _metrics_of(two)
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        change = ""
        if old and new and old.value is not None and new.value is not None:
            change = f"{new.value - old.value:+.4g}" if old.value != new.value else "="
        yield Row(name, old.text if old else "", new.text if new else "", change)


def _metrics_of(side: Side) -> dict[str, metrics.Metric]:
    try:
        header = headers.read(side.experiment)
    except LabError:
        return {}
    found, _ = metrics.read(side.experiment, header.get("metrics"))
    return {metric.name: metric for metric in found}


def _figures(one: Side, two: Side) -> Iterator[Figure]:
    folders = [each.experiment.generated / "assets" / "figures" for each in (one, two)]
    names = {p.name for folder in folders for p in folder.glob("*") if p.suffix in _PICTURES}
    for name in sorted(names):
        old, new = (place / name if (place / name).is_file() else None for place in folders)
        same = bool(old and new and old.read_bytes() == new.read_bytes())
        yield Figure(name, old, new, same)
