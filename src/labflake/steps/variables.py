"""The environment variables that an experiment asks for, beyond those of the machine.

Those that the Snakefile names under `envvars:` decide results: their values are in every key.
Those that `config.yaml` names under `environment:` may not decide: keys of services, folders of
models. Both reach the steps and the cells of documents.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from labflake.content.contents import Contents
from labflake.project.experiments import Experiment
from labflake.steps import changed


def deciding(declared: Iterable[str]) -> dict[str, str]:
    """Return a digest of each variable of `envvars:`; its value may be a secret."""
    return changed.variables(sorted(declared))


def passed(declared: Iterable[str], config: dict) -> list[str]:
    """Return the names of all variables that the steps get."""
    return sorted({*declared, *_named(config)})


def _named(config: dict) -> list[str]:
    named = config.get("environment")
    return [n for n in named if isinstance(n, str)] if isinstance(named, list) else []


def of_cells(experiment: Experiment, contents: Contents) -> list[str]:
    """Return the names of all variables that cells get: those of the steps of the last build."""
    return sorted({*contents.graph.get("variables", ()), *_named(experiment.config())})


def missing(log: Path) -> str | None:
    """Return what to do if a step failed for want of a variable that is set outside it."""
    from labflake.content.printed import last_lines

    end = last_lines(log, 20) if log.exists() else []
    return advice("\n".join(end), "steps")


def advice(said: str, whom: str) -> str | None:
    """Return what to do if a program said that it lacks a variable which is set outside it."""
    names = re.findall(r"(\w+): unbound variable|KeyError: '(\w+)'", said)
    name = next((n for pair in names for n in pair if n in os.environ), "")
    if not name:
        return None
    return (
        f"{name} is set, but does not reach {whom}: nothing may decide a result unseen\n"
        f'  it decides? `envvars: "{name}"` in the Snakefile'
        f"   it does not? `environment: [{name}]` in config.yaml"
    )
