"""Bring a table into the form in which it is written."""

from typing import TYPE_CHECKING, Any

from labflake.errors import LabError

if TYPE_CHECKING:
    import pandas as pd


def without_leftover_index(table: Any) -> "pd.DataFrame":
    """Return a frame whose index, where it means something, has become columns.

    An index means something if it has a name or is not made of whole numbers; the
    numbers that filtering and sorting leave behind do not.

    Raises:
        LabError: `table` is neither a DataFrame nor a Series, or has two columns of one name.
    """
    import pandas as pd

    if isinstance(table, pd.Series):
        table = table.to_frame(table.name if table.name is not None else "value")
    if not isinstance(table, pd.DataFrame):
        raise LabError(f"csv and parquet hold tables, not {type(table).__name__}")
    if not _is_meaningful(table.index):
        return table
    if twice := {*table.index.names} & {*table.columns} - {None}:
        what = f"its index and a column are both called {min(map(repr, twice))}"
        raise LabError(f"this table cannot be kept: {what}\n  rename one: table.rename_axis(…)")
    return table.reset_index()


def _is_meaningful(index: "pd.Index") -> bool:
    import pandas as pd

    named = any(name is not None for name in index.names)
    return named or isinstance(index, pd.MultiIndex) or not pd.api.types.is_integer_dtype(index)
