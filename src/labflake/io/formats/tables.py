"""Bring a table into the form in which it is written."""

from typing import IO, TYPE_CHECKING, Any

from labflake.errors import LabError

if TYPE_CHECKING:
    import pandas as pd


class Rows:
    """A file whose rows end with a line feed, and in which a text with line ends is quoted.

    Python's csv module quotes a carriage return only since 3.11.9, 3.12.3 and 3.13, unless it is
    part of what ends a row: so rows are written with both, and the carriage return is taken off.
    """

    END = "\r\n"

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, row: str) -> int:
        """Write one row; the csv module gives it in one piece."""
        return self._file.write(row.removesuffix(self.END) + "\n")


def without_leftover_index(table: Any) -> "pd.DataFrame":
    """Return a frame whose index, where it means something, has become columns.

    An index means something if it has a name or is not made of whole numbers; the
    numbers that filtering and sorting leave behind do not.

    Raises:
        LabError: `table` is neither a DataFrame nor a Series.
    """
    import pandas as pd

    if isinstance(table, pd.Series):
        table = table.to_frame(table.name if table.name is not None else "value")
    if not isinstance(table, pd.DataFrame):
        raise LabError(f"csv and parquet hold tables, not {type(table).__name__}")
    return table.reset_index() if _is_meaningful(table.index) else table


def _is_meaningful(index: "pd.Index") -> bool:
    import pandas as pd

    named = any(name is not None for name in index.names)
    return named or isinstance(index, pd.MultiIndex) or not pd.api.types.is_integer_dtype(index)
