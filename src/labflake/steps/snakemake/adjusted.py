"""Snakemake imported without what is not used here, and the one part of it that is replaced.

`poetry.lock` pins the version that this fits; another one that lacks such a part fails at once.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType

from labflake.project.experiments import root


def load() -> None:
    """Import Snakemake without the packages for a database of its own, which is not used here.

    They cost more time than all the rest of it. A version that needs them is imported as it is.
    """
    if "snakemake.workflow" in sys.modules:
        return
    # The modules of this project come first, also where `.venv` is that of another one.
    sys.path.insert(0, str(root() / "src"))
    instead: dict[str, dict[str, object]] = {
        "sqlalchemy": {"Column": _anything, "JSON": None},
        "sqlmodel": {"SQLModel": _Record, "Field": _anything},
        "snakemake.persistence.db": {"DbPersistence": None},
    }
    missing = [name for name in instead if name not in sys.modules]
    for name in missing:
        sys.modules[name] = ModuleType(name)
        vars(sys.modules[name]).update(instead[name])
    try:
        import_module("snakemake.api")
    except (ImportError, AttributeError, TypeError):
        missing += [name for name in sys.modules if name.split(".")[0] == "snakemake"]
    for name in missing:
        sys.modules.pop(name, None)
    import_module("snakemake.api")


class _Record:
    """What Snakemake notes about a file, without the checks of a database."""

    def __init__(self, **values: object) -> None:
        vars(self).update(values)

    @classmethod
    def model_validate(cls, values: dict) -> "_Record":
        return cls(**values)


def _anything(*arguments: object, default: object = None, **options: object) -> object:
    return default


def replace(owner: type | ModuleType, name: str, new: Callable | property) -> None:
    """Put something in the place of a part of Snakemake, which has to be there."""
    if not hasattr(owner, name):
        raise AttributeError(f"this Snakemake has no {owner.__name__}.{name}")
    setattr(owner, name, new)
