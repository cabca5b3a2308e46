"""Write a table as CSV that other tools read, too, and that gives the same table again.

What is text and looks like something else stands in quotes; a missing value is nothing. If there
are dates, the names of the columns stand in quotes, too. What that does not say stands in a first
line `#types {"column": …}`. A table that needs none of it is plain.
"""

import json
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from labflake.errors import LabError
from labflake.io.formats import columns
from labflake.io.formats.csv_reader import NEEDS_QUOTES, TYPES, read

if TYPE_CHECKING:
    import pandas as pd

_ROWS = 20_000  # at a time
_PLAIN = ("object", "str", "bool", "int64", "float64")
_NOT_WORDS = "na|nan|nat|n/a|null|none|true|false|inf|infinity"
_WORD = re.compile(rf"(?!(?:{_NOT_WORDS})\Z)[^\W\d_]", re.IGNORECASE)  # how it begins


class _Look(NamedTuple):
    """How a table is spelled: the columns that are dates, those that stand in quotes, types."""

    dates: Collection[str]
    quoted: Collection[str]
    types: dict[str, Any]
    width: int


def write(table: "pd.DataFrame", path: Path) -> None:
    """Write a table, and read it again.

    Raises:
        LabError: the table has something that CSV cannot keep.
    """
    try:
        table = _named(table).infer_objects().reset_index(drop=True)
        _write(table, path)
    except UnicodeEncodeError as error:
        raise LabError(f"csv cannot keep a text that is no Unicode: {error.object!r}") from None
    _refuse_losses(table, read(path))


def _write(table: "pd.DataFrame", path: Path) -> None:
    look = _look(table)
    fields = [_fields(table[name], look) for name in table]
    with open(path, "w", encoding="utf-8", newline="") as file:
        if look.types:
            file.write(f"{TYPES}{json.dumps(look.types, ensure_ascii=False)}\n")
        heads = [_quoted(n) if look.dates or NEEDS_QUOTES.search(n) else n for n in table]
        file.write(",".join(heads) + "\n")
        for start in range(0, len(table), _ROWS):
            part = table.iloc[start : start + _ROWS]
            texts = [make(part[name]) for name, make in zip(part, fields, strict=True)]
            file.writelines(",".join(row) + "\n" for row in zip(*texts, strict=True))


def _named(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return the table with texts as names of its columns.

    Raises:
        LabError: it has no columns, or two of one name, or names of several levels.
    """
    names = [str(name) for name in table.columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None or table.columns.nlevels > 1 or not names:
        what = f"two columns {twice!r}" if twice is not None else "columns with names of two levels"
        raise LabError(f"csv cannot keep a table with {what if names else 'no columns'}")
    return table.set_axis(names, axis=1)


def _look(table: "pd.DataFrame") -> _Look:
    """Decide how a table is spelled: as plain as it can be."""
    import pandas as pd

    usual = str(pd.to_datetime(["2024-02-29"]).dtype)
    kinds = {name: columns.type_of(table[name]) for name in table}
    told = {n: kind for n, kind in kinds.items() if not _is_plain(table[n], kind)}
    dates = [n for n, kind in told.items() if kind == usual and table[n].notna().any()]
    dates = [] if all(map(NEEDS_QUOTES.search, table)) else dates
    quoted = [name for name in table if not _all_are_words(table[name])]
    return _Look(dates, quoted, {n: kind for n, kind in told.items() if n not in dates}, len(kinds))


def _is_plain(column: "pd.Series", kind: str | dict) -> bool:
    """Tell whether a reader finds the type by itself, where nothing says it."""
    if kind == "object" or (_is_number(column) and len(column)):
        return True
    return kind in _PLAIN and bool(column.notna().any())


def _is_number(column: "pd.Series") -> bool:
    """Tell whether a column has numbers of NumPy; how many bits these have is not kept."""
    import numpy as np

    return isinstance(column.dtype, np.dtype) and column.dtype.kind in "iuf"


def _all_are_words(column: "pd.Series") -> bool:
    """Tell whether nothing in the column is a text that looks like something else."""
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.cat.categories.to_series()
    is_text = pd.api.types.infer_dtype(column, skipna=True) == "string"
    return not is_text or all(map(_WORD.match, column.dropna()))


def _fields(column: "pd.Series", look: _Look) -> Callable[["pd.Series"], list[str]]:
    """Return what makes the fields of a column, or of a part of it."""
    spell = columns.speller(column)
    missing = "" if look.width > 1 else "NA"  # a row with nothing in it would be none
    quotes = _quoted if column.name in look.quoted else _field

    def fields(part: "pd.Series") -> list[str]:
        texts = columns.spelled(part, spell)
        return [missing if text is None else quotes(text) for text in texts]

    return fields


def _field(text: str) -> str:
    return _quoted(text) if NEEDS_QUOTES.search(text) else text


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _refuse_losses(table: "pd.DataFrame", back: "pd.DataFrame") -> None:
    """Compare a table with what was read.

    Raises:
        LabError: they are not the same.
    """
    if list(table) != list(back):
        raise LabError(f"csv cannot keep these names of columns: {', '.join(map(repr, table))}")
    for name in table:
        if not _are_same(table[name], back[name]):
            values = table[name].dropna()
            kinds = sorted({type(value).__name__ for value in values})
            raise LabError(
                f"csv cannot keep the column {name!r}, with values of type {', '.join(kinds)}\n"
                "  whoever reads it would get others; give the column one type, for example by\n"
                f"  table[{name!r}].astype(str), or save the table as parquet"
            )


def _are_same(one: "pd.Series", other: "pd.Series") -> bool:
    if _is_number(one) and _is_number(other):
        return one.equals(other.astype(one.dtype))
    if one.dtype != "object":
        return one.equals(other)
    known = one.notna().tolist() == other.notna().tolist()
    return known and one.dropna().tolist() == other.dropna().tolist()
