"""What a script or a block of a rule is handed: the object `snakemake`, as it is documented.

It needs the standard library only, so that each Python of a container can read it.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, ItemsView, Iterable, KeysView, Mapping
from typing import Any


class Named(list):
    """Values in an order, some with a name: `files[0]`, `files.one`, `files.get("one")`."""

    def __init__(self, values: Iterable = (), names: Mapping[str, object] | None = None) -> None:
        super().__init__(values)
        vars(self).update(names or {})

    def get(self, name: str, default: object = None) -> object:
        """Return the value with a name."""
        return vars(self).get(name, default)

    def keys(self) -> KeysView[str]:
        """Return the names."""
        return vars(self).keys()

    def items(self) -> ItemsView[str, object]:
        """Return the names with their values."""
        return vars(self).items()

    def __getitem__(self, key):
        return getattr(self, key) if isinstance(key, str) else super().__getitem__(key)

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self))

    def __str__(self) -> str:
        return " ".join(map(str, self))


class Handed:
    """The object `snakemake` of a script in Python."""

    def __init__(self, **values: object) -> None:
        vars(self).update(values)

    def log_fmt_shell(self, stdout: bool = True, stderr: bool = True, append: bool = False) -> str:
        """Return what lets a command of the shell write to the log of the rule."""
        log, more = str(vars(self)["log"]), ">>" if append else ">"
        if not log:
            return ""
        if stdout:
            return f" {more} {log}" + (" 2>&1" if stderr else "")
        return f" 2{more} {log}"


def named(values, plain: Callable = str) -> Named:
    """Return a list of Snakemake's as one of ours, each value as another one."""
    return Named(map(plain, values), {name: _each(v, values, plain) for name, v in values.items()})


def _each(value: object, values: Iterable, plain: Callable) -> object:
    """Return the value of a name: one of the list, or a part of it."""
    is_one = any(each is value for each in values)
    return plain(value) if is_one or not isinstance(value, list) else Named(map(plain, value))


class _Plain(pickle.Pickler):
    """Writes what is Snakemake's as what it is to others: text, or values with names."""

    def reducer_override(self, value: Any) -> Any:
        if type(value).__module__.split(".")[0] == "snakemake":
            if isinstance(value, str):
                return str, (str(value),)
            if isinstance(value, list):
                return Named, ([*value], dict(value.items()))  # type: ignore[attr-defined]
        return NotImplemented


def written(value: object) -> bytes:
    """Return a value for another process, which need not know Snakemake."""
    file = io.BytesIO()
    _Plain(file, protocol=4).dump(value)
    return file.getvalue()
