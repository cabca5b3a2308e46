"""Show the first rows in which two versions of a table differ."""

import csv
from collections.abc import Iterator
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

from labflake.data_files.gate.wording import shown

ROWS = 3
COLUMNS = 3
WIDE = 80
TEXTS = (".csv", ".tsv", ".txt", ".json", ".jsonl")


def first_differences(old: Path, new: Path, name: str) -> list[str]:
    """Return lines that say what changed; none for formats that have no rows."""
    if not (old.is_file() and new.is_file()):
        return []
    try:
        if name.endswith(".parquet"):
            return _of_parquet(old, new)
        return _of_text(old, new, name) if name.endswith(TEXTS) else []
    except Exception:  # a damaged file must not hide that it changed
        return []


def _of_text(old: Path, new: Path, name: str) -> list[str]:
    delimiter = {".csv": ",", ".tsv": "\t"}.get(Path(name).suffix)
    with open(old, errors="replace") as before, open(new, errors="replace") as after:
        heads = [next(each, "").rstrip("\r\n") for each in (before, after)]
        columns = _cells(heads[0], delimiter)
        lines = [] if heads[0] == heads[1] else _both(1, heads[0], heads[1])
        for number, one, two in islice(_unequal(before, after), ROWS - bool(lines)):
            cells = _changed(columns, _cells(one, delimiter), _cells(two, delimiter))
            lines += [f"line {number}: {cells}"] if cells else _both(number, one, two)
    counts = [_count(each) for each in (old, new)]
    return lines if counts[0] == counts[1] else [*lines, f"{counts[0]} lines, now {counts[1]}"]


def _unequal(before: Any, after: Any) -> Iterator[tuple[int, str | None, str | None]]:
    for number, (one, two) in enumerate(zip_longest(before, after), 2):
        if one != two:
            yield number, one, two


def _cells(line: str | None, delimiter: str | None) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), []) if line and delimiter else []


def _changed(columns: list[str], one: list[str], two: list[str]) -> str:
    """Return the cells that differ, by column; nothing if the rows have not the same form."""
    if not len(columns) == len(one) == len(two):
        return ""
    pairs = [(c, a, b) for c, a, b in zip(columns, one, two, strict=True) if a != b]
    return _cut("   ".join(f"{c}: {a or 'empty'} → {b or 'empty'}" for c, a, b in pairs[:COLUMNS]))


def _both(number: int, one: str | None, two: str | None) -> list[str]:
    texts = ("(none)" if each is None else _cut(each.rstrip("\r\n")) for each in (one, two))
    return [f"line {number}: {sign} {text}" for sign, text in zip("-+", texts, strict=True)]


def _count(path: Path) -> int:
    with open(path, "rb") as handle:
        return sum(block.count(b"\n") for block in iter(lambda: handle.read(1 << 20), b""))


def _of_parquet(old: Path, new: Path) -> list[str]:
    from pyarrow import parquet

    with parquet.ParquetFile(old) as one, parquet.ParquetFile(new) as two:
        types = [{f.name: str(f.type) for f in each.schema_arrow} for each in (one, two)]
        lines = [
            f"column {name}: {types[0].get(name, 'not there')} → {types[1].get(name, 'not there')}"
            for name in dict.fromkeys([*types[0], *types[1]])
            if types[0].get(name) != types[1].get(name)
        ][:ROWS]
        if not lines:
            lines = list(islice(_unequal_rows(one, two), ROWS))
        counts = one.metadata.num_rows, two.metadata.num_rows
    return lines if counts[0] == counts[1] else [*lines, f"{counts[0]} rows, now {counts[1]}"]


def _unequal_rows(one: Any, two: Any) -> Iterator[str]:
    """Give the rows that differ; batches that are equal are not looked at row by row."""
    first = 1
    for before, after in zip(one.iter_batches(10_000), two.iter_batches(10_000), strict=False):
        if not before.equals(after):
            rows = zip(before.to_pylist(), after.to_pylist(), strict=False)
            for number, (a, b) in enumerate(rows, first):
                if a != b:
                    cells = _changed(list(a), *([str(v) for v in r.values()] for r in (a, b)))
                    yield f"row {number}: {cells}"
        first += before.num_rows


def _cut(text: str) -> str:
    text = shown(text)
    return text if len(text) <= WIDE else text[: WIDE - 1] + "…"
