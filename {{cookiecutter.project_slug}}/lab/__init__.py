"""The equipment of the project: what builds, checks and publishes its experiments."""

import importlib

_HOMES = {
    "code": "lab.snakefile",
    "config": "lab.settings",
    "data": "lab.snakefile",
    "step": "lab.snakefile",
    "load": "lab.files",
    "load_all": "lab.files",
    "save": "lab.files",
}


def __getattr__(name: str) -> object:
    """Import what programs and Snakefiles use when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'lab' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
