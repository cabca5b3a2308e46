"""Read and write one value as one file, by suffix, with bytes that depend on the value only."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from labflake.errors import LabError
from labflake.records import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any

FORMAT = 2  # changes when a value is written as other bytes, or read as another value
PICTURES = frozenset({"svg", "png", "pdf"})
REFUSED = frozenset({"pickle", "pkl", "joblib", "pt", "pth"})


class Format(Frozen):
    """How a file with one suffix is read and written."""

    read: Callable[[Path], Any]
    write: Callable[[Any, Path], None]


def of(path: Path) -> Format:
    """Return the format of `path`.

    Raises:
        LabError: The suffix is unknown, or names a format that runs code when loaded.
    """
    name = suffix(path)
    if name in REFUSED:
        raise LabError(
            f"{path.name}: .{name} is pickle, which runs code when it is loaded\n"
            "  save a scikit-learn model as .skops, arrays as .npz, the rest as .json"
        )
    if name not in SUFFIXES:
        known = ", ".join(sorted(SUFFIXES))
        raise LabError(f"{path.name}: no known format\n  known: {known}")
    return _FORMATS[name]


def suffix(path: Path) -> str:
    """Return the last suffix of `path` in lower case, without its dot."""
    return path.suffix[1:].lower()


def natural(value: Any) -> str:
    """Return the suffix that fits the type of `value`."""
    kinds = {cls.__module__.partition(".")[0] + "." + cls.__name__ for cls in type(value).__mro__}
    if kinds & {"pandas.DataFrame", "pandas.Series"}:
        return "csv"
    if "matplotlib.Figure" in kinds:
        return "svg"
    if "sklearn.BaseEstimator" in kinds:
        return "skops"
    if "numpy.ndarray" in kinds:
        return "npy"
    return "npz" if _is_arrays(value) else "json"


def _is_arrays(value: Any) -> bool:
    kinds = {type(item).__name__ for item in value.values()} if isinstance(value, dict) else set()
    return kinds == {"ndarray"}


def _read_csv(path: Path) -> Any:
    from labflake.io.formats import csv_reader

    return csv_reader.read(path)


def _write_csv(value: Any, path: Path) -> None:
    from labflake.io.formats import csv_writer
    from labflake.io.formats.tables import without_leftover_index

    csv_writer.write(without_leftover_index(value), path)


def _read_parquet(path: Path) -> Any:
    import pandas as pd

    _need("pyarrow", "Parquet", "database")
    with open(path, "rb") as handle:
        return pd.read_parquet(handle)


def _write_parquet(value: Any, path: Path) -> None:
    from labflake.io.formats.tables import without_leftover_index

    _need("pyarrow", "Parquet", "database")
    table = without_leftover_index(value)
    try:
        with open(path, "wb") as handle:
            table.to_parquet(handle, index=False, compression="zstd")
    except (TypeError, ValueError, RuntimeError) as error:  # of Arrow, too
        raise LabError(f"parquet cannot keep this table: {error.args[0]}") from None


def _read_json(path: Path) -> Any:
    with open(path, encoding="utf-8") as handle:
        return json.load(handle)


def _write_json(value: Any, path: Path) -> None:
    try:
        text = json.dumps(
            value, default=_plain, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False
        )
        json.loads(text, object_pairs_hook=_distinct)
        path.write_bytes(f"{text}\n".encode())
    except (TypeError, ValueError) as error:
        raise LabError(f"this value cannot be JSON: {error}") from None


def _distinct(pairs: list[tuple[str, Any]]) -> None:
    """Refuse keys that JSON writes alike, such as 1 and "1": a reader gets one of them.

    Raises:
        ValueError: there are such keys.
    """
    names = [name for name, _ in pairs]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"two keys would be {min(twice)!r}")


def _plain(value: Any) -> Any:
    """Return what JSON knows for a NumPy value or a path."""
    if isinstance(value, Path):
        return value.as_posix()
    if hasattr(value, "tolist") and type(value).__module__ == "numpy":
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no JSON form (a table goes to csv or parquet)")


def _read_array(path: Path) -> Any:
    import numpy as np

    with open(path, "rb") as handle:
        return np.load(handle, allow_pickle=False)


def _write_array(value: Any, path: Path) -> None:
    import numpy as np

    with open(path, "wb") as handle:
        _without_objects(handle, np.asanyarray(value))


def _read_arrays(path: Path) -> Any:
    import numpy as np

    with open(path, "rb") as handle, np.load(handle, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _write_arrays(value: Any, path: Path) -> None:
    """Write the arrays sorted by name, not compressed: compressors differ between machines."""
    import numpy as np

    if not isinstance(value, dict):
        raise LabError(f".npz holds a dictionary of arrays, not {type(value).__name__}")
    import zipfile

    with zipfile.ZipFile(path, "w") as out:  # np.savez takes some names for its own arguments
        for name in sorted(value):
            with out.open(f"{name}.npy", "w", force_zip64=True) as file:
                _without_objects(file, np.asanyarray(value[name]))


def _without_objects(file: IO[bytes], array: Any) -> None:
    import numpy as np

    if np.ma.isMaskedArray(array):
        raise LabError(
            "this array has a mask, which its file would lose\n"
            "  save array.filled(…), or the arrays array.data and array.mask as .npz"
        )
    try:
        np.lib.format.write_array(file, array, allow_pickle=False)
    except ValueError as error:
        raise LabError(f"this array cannot be saved without pickle: {error}") from None


def _read_model(path: Path) -> Any:
    from labflake.io.formats.models import read

    return read(path)


def _write_model(value: Any, path: Path) -> None:
    from labflake.io.formats.models import write

    write(value, path)


def _read_text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _read_bytes(path: Path) -> bytes:
    return path.read_bytes()


def _write_figure(kind: str) -> Callable[[Any, Path], None]:
    def write(value: Any, path: Path) -> None:
        from labflake.io.formats import pictures

        pictures.write(value, path, kind)

    return write


def _need(module: str, what: str, group: str) -> None:
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise LabError(
            f"{what} needs {module}\n  make env WITH={group}, or for all who build it: "
            f"make add PACKAGE={module}"
        )


_FORMATS = {
    "csv": Format(_read_csv, _write_csv),
    "json": Format(_read_json, _write_json),
    "npy": Format(_read_array, _write_array),
    "npz": Format(_read_arrays, _write_arrays),
    "parquet": Format(_read_parquet, _write_parquet),
    "pdf": Format(_read_bytes, _write_figure("pdf")),
    "png": Format(_read_bytes, _write_figure("png")),
    "skops": Format(_read_model, _write_model),
    "svg": Format(_read_text, _write_figure("svg")),
}
SUFFIXES = frozenset(_FORMATS)
