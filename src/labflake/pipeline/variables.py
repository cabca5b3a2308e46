"""The environment variables that an experiment asks for, beyond those of the machine.

Those that the Snakefile names under `envvars:` decide results: their values are in every key.
Those that `config.yaml` names under `environment:` reach the steps and may not decide: keys of
services, folders of models.
"""

import os
import re
from pathlib import Path

from labflake.pipeline import changed


def deciding(workflow) -> dict[str, str]:
    """Return a digest of each variable of `envvars:`; its value may be a secret."""
    return changed.variables(sorted(workflow.envvars))


def passed(workflow) -> list[str]:
    """Return the names of all variables that the steps get."""
    named = workflow.globals.get("config", {}).get("environment")
    names = named if isinstance(named, list) else []
    return sorted({*workflow.envvars, *(n for n in names if isinstance(n, str))})


def missing(log: Path) -> str | None:
    """Return what to do if a step failed for want of a variable that is set outside it."""
    end = log.read_text(encoding="utf-8", errors="replace")[-2000:] if log.exists() else ""
    names = re.findall(r"(\w+): unbound variable|KeyError: '(\w+)'", end)
    name = next((n for pair in names for n in pair if n in os.environ), "")
    if not name:
        return None
    return (
        f"{name} is set, but does not reach steps: nothing may decide a result unseen\n"
        f'  it decides? `envvars: "{name}"` in the Snakefile'
        f"   it does not? `environment: [{name}]` in config.yaml"
    )
