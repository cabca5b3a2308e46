"""What Snakemake does not do here, because content decides: each part is replaced, with its reason.

`poetry.lock` pins the version that this fits; another one that lacks such a part fails at once.
"""

import contextlib
import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

from labflake.project.experiments import root

NOTHING = ":"  # what a step leaves for the shell


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


def adjust() -> list[Exception]:
    """Replace these parts of Snakemake in this process; return where errors of jobs are noted."""
    from snakemake import jobs
    from snakemake.dag import DAG
    from snakemake.executors import local
    from snakemake.io import _IOFile
    from snakemake.jobs import Job
    from snakemake.persistence import PersistenceBase
    from snakemake.scheduling.job_scheduler import JobScheduler

    # Old outputs stay until the new ones are complete, and where nothing changed.
    replace(Job, "remove_existing_output", _make_room)
    # What was a file and is a folder now is not there yet.
    replace(_IOFile, "_local_inventory", _without_files_for_folders(_IOFile._local_inventory))
    # `labflake.steps.steps` has checked that all outputs are there, and given them their
    # times. Here a folder would get a file `.snakemake_timestamp`, and an input from the
    # future would be an error.
    replace(DAG, "check_and_touch_output", _nothing)
    # Only contents decide, and `ask` says which of them differ: times of files do not count.
    replace(Job, "output_mintime", property(_nothing))
    # `labflake.steps.steps` looks for all inputs and outputs, and names the step that lacks one.
    replace(jobs, "wait_for_files", _nothing)
    # A log comes back with its result; an empty one in its place would say something else.
    replace(DAG, "handle_log", _nothing)
    # The notes of `labflake.content.contents` say what is complete.
    replace(PersistenceBase, "started", lambda *arguments, **options: None)
    replace(PersistenceBase, "finished", _nothing)
    # For a choice by size, which the greedy scheduler does not make: 64 files in every round.
    replace(JobScheduler, "update_input_sizes", _nothing)
    # Messages that nobody sees, each with the whole command formatted; where that fails, in a
    # thread of its own, Snakemake waits for ever.
    for name in ("log_info", "log_error"):
        replace(Job, name, lambda *arguments, **options: None)
    # It would print a traceback for an error that a step has explained.
    errors: list[Exception] = []
    replace(local, "print_exception", lambda error, linemaps: errors.append(error))
    return errors


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


def tell_of_more(dag, tell: Callable[[object], None]) -> None:
    """Let `tell` see the graph again whenever a checkpoint has added to it."""
    original = dag.update_checkpoint_dependencies

    async def update(*arguments: object, **options: object) -> bool:
        updated = await original(*arguments, **options)
        if updated:
            tell(dag)
        return updated

    dag.update_checkpoint_dependencies = update


def shell(original: type, perform: Callable) -> type:
    """Return Snakemake's `shell` for rules, which lets `perform` do what is left to do."""

    class Shell(original):
        def __new__(cls, command: str, *arguments: object, **options: object) -> Any:
            if command == NOTHING:
                return None
            caller = sys._getframe(1)
            if caller.f_locals.get("__is_snakemake_rule_func"):  # `step()` was left out
                perform(command, caller.f_locals, caller.f_globals)
                return None
            # Snakemake's looks up names where it is called: call it as if from there.
            call = {"call": lambda: 0, "new": original.__new__, "cls": cls, "command": command}
            call |= {"arguments": arguments, "options": options}
            names = caller.f_locals | call
            return eval("new(cls, command, *arguments, **options)", caller.f_globals, names)

    return Shell


def replace(owner: type | ModuleType, name: str, new: Callable | property) -> None:
    """Put something in the place of a part of Snakemake, which has to be there."""
    if not hasattr(owner, name):
        raise AttributeError(f"this Snakemake has no {owner.__name__}.{name}")
    setattr(owner, name, new)


async def _make_room(job) -> None:
    """Remove what earlier rules made where a folder of this job's outputs is to be."""
    from labflake.steps import own_names, steps

    assert steps.session is not None
    own_names.make_room([str(path) for path in job.output], steps.session.contents)


def _without_files_for_folders(inventory: Callable) -> Callable:
    """Let a file that lies where a path has a folder be no error, as a folder that is not there."""

    async def local_inventory(self, known) -> None:
        with contextlib.suppress(NotADirectoryError):
            await inventory(self, known)

    return local_inventory


async def _nothing(*arguments: object, **options: object) -> None:
    """Do nothing."""
