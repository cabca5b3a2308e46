"""The equipment of the project: what builds, checks and publishes its experiments."""

import importlib

_HOMES = {
    "code": "labflake.steps.snakefile",
    "config": "labflake.project.settings",
    "data": "labflake.steps.snakefile",
    "step": "labflake.steps.snakefile",
    "load": "labflake.io.files",
    "load_all": "labflake.io.files",
    "save": "labflake.io.files",
}


def __getattr__(name: str) -> object:
    """Import what programs and Snakefiles use when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'labflake' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
