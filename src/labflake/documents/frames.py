"""How a DataFrame looks in a document: with sensible digits, without an index that means nothing.

It runs in the kernel of the document. Settings of pandas that an author makes are left alone.
"""

import math
import statistics
from collections.abc import Callable
from typing import Any

_DIGITS = 4  # significant ones, of the middle value of a column
_MOST = 6  # decimals, as pandas has it


def looks(frame: Any, rows: int) -> dict[str, Any]:
    """Return options of `to_html` for a frame of which at most so many rows are shown."""
    import pandas as pd

    options: dict[str, Any] = {"index": not (_is_bare(frame.index) and len(frame.columns))}
    if pd.get_option("display.float_format") is None and pd.get_option("display.precision") == 6:
        columns = [frame.iloc[:, i] for i in range(frame.shape[1])]
        options["formatters"] = [_format(column, rows) for column in columns]
    return options


def _is_bare(index: Any) -> bool:
    """Tell whether an index only counts, and nobody gave it a name."""
    import pandas as pd

    return isinstance(index, pd.RangeIndex) and index.name is None


def _format(column: Any, rows: int) -> Callable[[Any], str] | None:
    """Return how the numbers of a column are written; nothing for what are no floats."""
    import pandas as pd

    if getattr(column.dtype, "kind", "") != "f":
        return None
    half = rows // 2
    shown = pd.concat([column[:half], column[-half:]]) if len(column) > rows else column
    places = decimals(shown.to_numpy(dtype=float, na_value=math.nan).tolist())
    spec = f".{_DIGITS}g" if places is None else f".{places}f"
    missing = {True: "NaN", False: "<NA>"}
    return lambda v: missing[isinstance(v, float)] if pd.isna(v) else format(float(v), spec)


def decimals(values: list[float]) -> int | None:
    """Return how many decimals a column has; nothing if its values are too far apart for that.

    The middle value has four significant digits, the smallest at least two, and no value has more
    decimals than it needs.
    """
    sizes = [abs(v) for v in values if v and math.isfinite(v)]
    if not sizes:
        return 1
    middle = _DIGITS - 1 - _power(statistics.median_low(sizes))
    wanted = max(middle, 1 - _power(min(sizes)), 0)
    if max(sizes) >= 1e15:
        return None
    if wanted > _MOST:
        return _needed(sizes) if _needed(sizes) <= _MOST else None
    return min(wanted, max(1, _needed(sizes)))


def _power(value: float) -> int:
    return math.floor(math.log10(value))


def _needed(sizes: list[float]) -> int:
    """Return the decimals that all values need to be read back as they are."""
    every = range(_MOST + 1)
    return next((n for n in every if all(round(v, n) == v for v in sizes)), _MOST + 1)
