"""What Snakemake does not do here, because content decides: each part is replaced, with its reason.

`poetry.lock` pins the version that this fits; another one that lacks such a part fails at once.
"""

import sys
from collections.abc import Callable

NOTHING = ":"  # what a step leaves for the shell


def adjust() -> None:
    """Replace these parts of Snakemake in this process."""
    from snakemake.dag import DAG
    from snakemake.jobs import Job
    from snakemake.scheduling.job_scheduler import JobScheduler

    # Old outputs stay until the new ones are complete, and where nothing changed.
    _replace(Job, "remove_existing_output", _nothing)
    # `lab.pipeline.steps` has checked that all outputs are there, and given them their times. Here
    # a folder would get a file `.snakemake_timestamp`, and an input from the future be an error.
    _replace(DAG, "check_and_touch_output", _nothing)
    # For a choice by size, which the greedy scheduler does not make: 64 files in every round.
    _replace(JobScheduler, "update_input_sizes", _nothing)
    # Messages that nobody sees, each with the whole command formatted.
    _replace(Job, "log_info", lambda *arguments, **options: None)


def shell(original: type) -> type:
    """Return Snakemake's `shell` for rules, which starts no process where nothing is left to do."""

    class Shell(original):
        def __new__(cls, command: str, *arguments: object, **options: object) -> object:
            if command == NOTHING:
                return None
            # Snakemake's looks up names where it is called: call it as if from there.
            caller = sys._getframe(1)
            call = {"call": lambda: 0, "new": original.__new__, "cls": cls, "command": command}
            call |= {"arguments": arguments, "options": options}
            names = caller.f_locals | call
            return eval("new(cls, command, *arguments, **options)", caller.f_globals, names)

    return Shell


def _replace(owner: type, name: str, new: Callable) -> None:
    if not hasattr(owner, name):
        raise AttributeError(f"this Snakemake has no {owner.__name__}.{name}")
    setattr(owner, name, new)


async def _nothing(*arguments: object, **options: object) -> None:
    """Do nothing."""
