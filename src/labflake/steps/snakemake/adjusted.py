"""What Snakemake does not do here, because content decides: each part is replaced, with its reason.

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


def adjust() -> None:
    """Replace these parts of Snakemake in this process."""
    from snakemake.jobs import Job

    # What it does is done when a step is complete. Here a folder would get a file
    # `.snakemake_timestamp`, an input from the future would be an error, and a log empty.
    replace(Job, "postprocess", _nothing)
    # Only contents decide, and `ask` says which of them differ: times of files do not count.
    replace(Job, "output_mintime", property(_nothing))


def ask(differs: Callable[[object], bool]) -> None:
    """Let Snakemake start the jobs that differ, and what follows from them, whatever times say.

    It asks when it has read the graph, and again when a checkpoint has changed it.
    """
    from snakemake.dag import DAG

    original = vars(DAG).get("_update_needrun") or DAG.update_needrun

    async def update_needrun(dag, *arguments: object, **options: object) -> None:
        jobs = [job for job in dag.jobs if job.output and not dag.finished(job)]
        dag.forcefiles = {str(job.output[0]) for job in jobs if differs(job)}
        await original(dag, *arguments, **options)

    DAG._update_needrun = original
    replace(DAG, "update_needrun", update_needrun)


def replace(owner: type | ModuleType, name: str, new: Callable | property) -> None:
    """Put something in the place of a part of Snakemake, which has to be there."""
    if not hasattr(owner, name):
        raise AttributeError(f"this Snakemake has no {owner.__name__}.{name}")
    setattr(owner, name, new)


async def _nothing(*arguments: object, **options: object) -> None:
    """Do nothing."""
