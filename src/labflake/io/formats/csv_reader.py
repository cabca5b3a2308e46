"""Read CSV, of ours or of anybody: see `csv_writer` for what quotes and a first line say.

Where everything is in quotes, they say nothing. What has none is a number, a truth value, a text
that looks like none of these, or missing; under names in quotes a date is a date, as R writes it.
"""

import contextlib
import functools
import io
import json
import re
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from labflake.errors import LabError
from labflake.io.formats import columns
from labflake.project.experiments import relative

if TYPE_CHECKING:
    import pandas as pd

TYPES = "#types "
NEEDS_QUOTES = re.compile(r'[",\r\n]')
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?")
_QUOTED = re.compile(r'(?<![^,\r\n])"((?:[^"]|"")*+)"')
_MARKS = ("\x01", "\x02", "\x03", "\ue000", "\ue001", "\ue002")  # of what was in quotes


def read(path: Path) -> "pd.DataFrame":
    """Read a table, of ours or of anybody.

    Raises:
        LabError: the file is no CSV.
    """
    import pandas as pd

    try:
        return _read(path)
    except UnicodeDecodeError as error:
        what = f"is no UTF-8 text: byte {error.object[error.start]:#04x}"
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        what = f"is no table: {str(error).removeprefix('Error tokenizing data. C error: ')}"
    except (KeyError, ValueError) as error:
        what = f"does not hold what its first line says of types: {error}"
    advice = "read it by pandas.read_csv, which has words for other forms of CSV"
    raise LabError(f"{relative(path)} {what.strip()}\n  {advice}")


def _read(path: Path) -> "pd.DataFrame":
    import pandas as pd

    with open(path, encoding="utf-8-sig", newline="") as file:
        types = types_of(file)
        if not types and not _has_quotes(path):
            return _checked(pd.read_csv(file, low_memory=False), path)
        text = file.read()
    mark = next(each for each in _MARKS if each not in text)
    marked = io.StringIO(_QUOTED.sub(rf'"{mark}\1"', text))
    names = pd.read_csv(marked, header=None, nrows=1, dtype="str", keep_default_na=False)
    names = names.iloc[0].tolist()
    marked.seek(0)
    as_texts = {name: "str" for name in names if name.removeprefix(mark) in types}
    table = _checked(pd.read_csv(marked, low_memory=False, dtype=as_texts), path)
    if not types and _is_all_quoted(table, names, mark):
        return pd.read_csv(io.StringIO(text), low_memory=False)
    return _unmarked(table, mark, types)


def types_of(file: IO[str]) -> dict[str, Any]:
    """Return what the first line says of types, and go on to what follows it."""
    start = file.tell()
    line = file.readline() if file.read(len(TYPES)) == TYPES else ""
    with contextlib.suppress(ValueError):
        return json.loads(line)
    file.seek(start)
    return {}


def _has_quotes(path: Path) -> bool:
    with open(path, "rb") as file:
        return any(b'"' in part for part in iter(functools.partial(file.read, 1 << 20), b""))


def _checked(table: "pd.DataFrame", path: Path) -> "pd.DataFrame":
    """Return a table whose rows are as long as its header.

    Raises:
        LabError: they are longer: pandas takes what is too much as an index.
    """
    import pandas as pd

    if not isinstance(table.index, pd.RangeIndex):
        raise pd.errors.ParserError("its rows have more values than its first line has names")
    return table


def _is_all_quoted(table: "pd.DataFrame", names: list[str], mark: str) -> bool:
    """Tell whether its writer puts everything in quotes, so that they say nothing."""
    if not all(name.startswith(mark) for name in names):
        return False
    by_habit = any(not NEEDS_QUOTES.search(name.removeprefix(mark)) for name in names)
    return by_habit and all(_marks(table[n], mark).all() for n in table)


def _marks(column: "pd.Series", mark: str) -> "pd.Series":
    """Tell of each value that is there whether it is in quotes."""
    values = column.dropna()
    is_text = values.dtype in ("object", "str")
    return values.astype("str").str.startswith(mark) if is_text else values != values


def _unmarked(table: "pd.DataFrame", mark: str, types: dict[str, Any]) -> "pd.DataFrame":
    """Return the table without the marks of what was in quotes, each column of its type."""
    import pandas as pd

    dated = all(name.startswith(mark) for name in table)
    found = {}
    for name in table:
        column, own = table[name], name.removeprefix(mark)
        if _marks(column, mark).any():
            column = column.str.removeprefix(mark)
        elif dated and own not in types and _are_dates(column):
            with contextlib.suppress(ValueError):
                column = pd.to_datetime(column, format="ISO8601")
        found[own] = columns.made(column, types[own]) if own in types else column
    return pd.DataFrame(found, index=table.index)


def _are_dates(column: "pd.Series") -> bool:
    values = column.dropna()
    is_text = len(values) and values.dtype in ("object", "str")
    return bool(is_text) and all(isinstance(v, str) and _DATE.fullmatch(v) for v in values)
