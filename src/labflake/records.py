"""Classes that are nothing but their fields, as `dataclasses` makes them.

To import that module, and to let it write its methods, takes longer than all else that a build of
one step does: so what such a build needs is made here. Type checkers see dataclasses.
"""

from collections.abc import Callable

TYPE_CHECKING = False  # for checkers it is true; `typing` is slow to import, too
if TYPE_CHECKING:
    from typing import Any, TypeVar, dataclass_transform

    T = TypeVar("T")
else:

    def dataclass_transform(**_):
        """Return what leaves a class as it is."""
        return lambda kind: kind


class _Field:
    """The default of a field that each record has a value of its own of."""

    def __init__(self, make: Callable[[], object]) -> None:
        self.make = make


def field(*, default_factory: "Callable[[], T]") -> "T":
    """Let each record have a new value of this field."""
    return _Field(default_factory)  # type: ignore[return-value]


class _Fields:
    """The values of its fields, in their order; those with the same values are equal."""

    _fields: "tuple[str, ...]" = ()
    _defaults: "tuple[tuple[str, object], ...]" = ()

    def __init_subclass__(cls) -> None:
        cls._fields = (*cls.__annotations__,)
        own = [(name, vars(cls)[name]) for name in cls._fields if name in vars(cls)]
        cls._defaults = tuple(own)

    def __init__(self, *values: "Any", **named: "Any") -> None:
        given = dict(zip(self._fields, values, strict=False)) | named
        for name, default in self._defaults:
            if name not in given:
                given[name] = default.make() if isinstance(default, _Field) else default
        if given.keys() != {*self._fields} or len(values) > len(self._fields):
            wrong = ", ".join(sorted(given.keys() ^ {*self._fields})) or "too many values"
            raise TypeError(f"{type(self).__name__} has other fields: {wrong}")
        vars(self).update((name, given[name]) for name in self._fields)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __repr__(self) -> str:
        said = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({said})"


@dataclass_transform(field_specifiers=(field,))
class Record(_Fields):
    """A record whose fields may be set."""


@dataclass_transform(field_specifiers=(field,), frozen_default=True)
class Frozen(_Fields):
    """A record that stays as it is: it can be a key."""

    def __hash__(self) -> int:
        return hash((*vars(self).values(),))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} stays as it is: {name} cannot be set")


def replaced(record: "T", **changes: object) -> "T":
    """Return a record with other values of some fields, as `dataclasses.replace`."""
    return type(record)(**vars(record) | changes)


def as_dict(record: object) -> dict:
    """Return the fields and values of a record, with those in it as `dataclasses.asdict`."""
    return {name: _plain(value) for name, value in vars(record).items()}


def _plain(value: object) -> object:
    if isinstance(value, _Fields):
        return as_dict(value)
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value
