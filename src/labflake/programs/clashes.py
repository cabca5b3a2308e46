"""Refuse files whose names hide a module that all programs beside them import."""

import os
import sys
from pathlib import Path

from labflake.errors import LabError
from labflake.project.experiments import Experiment, relative, root


def refuse(experiment: Experiment) -> None:
    """Refuse a program or module that is called like a module of Python or of a package.

    Python looks beside a program first, then in `src/` and in the folder of the project. What it
    finds there is imported by every other module, too.

    Raises:
        LabError: there is one; the message says whose name it has.
    """
    python = dict.fromkeys(sys.stdlib_module_names, "of Python")
    taken = _installed() | python | {"labflake": "of labflake"}
    for folder in (experiment.scripts, root() / "src", root()):
        for name, path in _modules(folder).items():
            if name in taken:
                raise LabError(
                    f"{relative(path)} has the name of a module {taken[name]}: programs would"
                    f" import it instead\n  rename it, for example {path.stem}_step{path.suffix}"
                )


def _modules(folder: Path) -> dict[str, Path]:
    """Return the modules and packages in a folder by name."""
    try:
        found = sorted(folder.iterdir())
    except OSError:
        return {}
    files = {p.stem: p for p in found if p.suffix == ".py"}
    return files | {p.name: p for p in found if (p / "__init__.py").is_file()}


def _installed() -> dict[str, str]:
    """Return what the packages of `.venv` are imported as."""
    places = [Path(place) for place in sys.path if place.endswith("site-packages")]
    names = {
        name for place in places if place.is_relative_to(sys.prefix) for name in _modules(place)
    }
    return dict.fromkeys(names, "of a package") if os.path.isdir(root() / ".venv") else {}
