"""Spell the values of a column as texts, and make the column of these texts and its type again.

A type is the name of a dtype of pandas, `date` or `decimal` for columns of such objects, or a
dictionary for categories: `{"categories": ["low", "high"], "ordered": true}`, and `of`, the type of
the categories, if that is not text.
"""

import datetime
import decimal
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Texts = list[str | None]  # None where a value is missing
_OBJECTS: dict[str, Callable[[str], Any]] = {
    "date": datetime.date.fromisoformat,
    "decimal": decimal.Decimal,
}
_NUMBERS: dict[str, Callable[[str], Any]] = {
    "i": int,
    "u": int,
    "f": float,
    "c": complex,
    "b": lambda text: text == "True",
}
_INTERVAL = re.compile(r"[(\[](.*), (.*)[)\]]")


def type_of(column: "pd.Series") -> str | dict:
    """Return the type of a column."""
    import pandas as pd

    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        categories = dtype.categories.to_series()
        known = {"categories": spelled(categories), "ordered": bool(dtype.ordered)}
        of = type_of(categories)
        return known if of in ("str", "object") else known | {"of": of}
    if dtype == "object":
        kind = pd.api.types.infer_dtype(column, skipna=True)
        return kind if kind in _OBJECTS else "object"
    return str(dtype)


def speller(column: "pd.Series") -> Callable[["pd.Series"], Iterable[str]]:
    """Return what spells the values of a column, or of a part of it, each as short as it can be."""
    import numpy as np
    import pandas as pd

    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        known = [*spelled(dtype.categories.to_series()), None]  # a missing one has the code -1
        return lambda part: [known[code] for code in part.cat.codes]
    if isinstance(dtype, np.dtype) and dtype.kind == "M":
        unit = f"datetime64[{_unit(column.to_numpy())}]"
        return lambda part: _times(part.to_numpy().astype(unit))
    if isinstance(dtype, np.dtype) and dtype.kind in "fiu":
        return lambda part: map(str, part.to_numpy() if dtype.itemsize < 8 else part.tolist())
    return lambda part: map(str, part)


def _times(values: "np.ndarray") -> Iterable[str]:
    import numpy as np

    return (text.replace("T", " ") for text in np.datetime_as_string(values).tolist())


def spelled(column: "pd.Series", spell: Callable | None = None) -> Texts:
    """Return the text of each value of a column, None where it is missing."""
    texts, missing = (spell or speller(column))(column), column.isna()
    if not missing.any():
        return list(texts)
    return [None if no else text for text, no in zip(texts, missing, strict=True)]


def _unit(values: "np.ndarray") -> str:
    """Return the largest unit that all times are multiples of."""
    import numpy as np

    for unit in ("D", "s", "ms", "us"):
        if ((values.astype(f"datetime64[{unit}]") == values) | np.isnat(values)).all():
            return unit
    return "ns"


def made(texts: "pd.Series", kind: str | dict) -> "pd.Series":
    """Return the column of a type that the texts spell; NaN is a missing value.

    Raises:
        ValueError: a text does not spell a value of this type.
    """
    import pandas as pd

    if isinstance(kind, dict):
        return _categories(texts, kind)
    if kind in _OBJECTS:
        return _each(texts, _OBJECTS[kind], "object")
    dtype = pd.api.types.pandas_dtype(kind)
    if isinstance(dtype, pd.IntervalDtype):
        return _intervals(texts, dtype)
    if isinstance(dtype, pd.PeriodDtype):
        return pd.Series(pd.PeriodIndex(texts.where(texts.notna(), None), dtype=dtype))
    if isinstance(dtype, pd.DatetimeTZDtype):
        return pd.to_datetime(texts, format="ISO8601", utc=True).astype(dtype)
    if dtype.kind == "M":
        return pd.Series(texts.fillna("NaT").to_numpy("U").astype(dtype))
    if dtype.kind == "m":
        return pd.to_timedelta(texts).astype(dtype)
    return _each(texts, _NUMBERS.get(dtype.kind, str), dtype)


def _each(texts: "pd.Series", convert: Callable[[str], Any], dtype: Any) -> "pd.Series":
    import pandas as pd

    values = [None if isinstance(text, float) else convert(text) for text in texts]
    return pd.Series(values, dtype=dtype)


def _categories(texts: "pd.Series", kind: dict) -> "pd.Series":
    import pandas as pd

    known = kind["categories"]
    categories = pd.Index(made(pd.Series(known, dtype="object"), kind.get("of", "str")))
    numbers = {text: number for number, text in enumerate(known)}
    codes = [-1 if isinstance(text, float) else numbers[text] for text in texts]
    return pd.Series(pd.Categorical.from_codes(codes, categories, ordered=kind["ordered"]))


def _intervals(texts: "pd.Series", dtype: "pd.IntervalDtype") -> "pd.Series":
    import pandas as pd

    ends = texts.str.extract(_INTERVAL).astype("object")
    left, right = (made(ends[side], str(dtype.subtype)) for side in ends)
    return pd.Series(pd.arrays.IntervalArray.from_arrays(left, right, closed=dtype.closed))
