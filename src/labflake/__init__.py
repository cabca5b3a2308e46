"""The equipment of the project: what builds, checks and publishes its experiments."""

import importlib

_HOMES = {
    "code": "labflake.snakefile",
    "config": "labflake.settings",
    "data": "labflake.snakefile",
    "step": "labflake.snakefile",
    "load": "labflake.files",
    "load_all": "labflake.files",
    "save": "labflake.files",
}


def __getattr__(name: str) -> object:
    """Import what programs and Snakefiles use when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'labflake' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
