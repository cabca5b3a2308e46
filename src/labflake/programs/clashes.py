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
    for folder in (experiment.scripts, root() / "src", root()):
        for name, path in _modules(folder).items():
            if owner := _owner(name):
                raise LabError(
                    f"{relative(path)} has the name of a module {owner}: programs would"
                    f" import it instead\n  rename it, for example {path.stem}_step{path.suffix}"
                )


def _modules(folder: Path) -> dict[str, Path]:
    """Return the modules and packages in a folder by name."""
    try:
        found = sorted(os.listdir(folder))
    except OSError:
        return {}
    files = {name[:-3]: folder / name for name in found if name.endswith(".py")}
    packages = [n for n in found if os.path.isfile(os.path.join(folder, n, "__init__.py"))]
    return files | {name: folder / name for name in packages}


def _owner(name: str) -> str:
    """Say of whom a module of this name is that programs could import; "" if there is none."""
    if name == "labflake":
        return "of labflake"
    if name in sys.stdlib_module_names:
        return "of Python"
    places = [place for place in sys.path if place.endswith("site-packages")]
    ways = [os.path.join(p, w) for p in places for w in (f"{name}.py", f"{name}/__init__.py")]
    there = any(os.path.isfile(way) for way in ways if way.startswith(f"{sys.prefix}{os.sep}"))
    return "of a package" if there and os.path.isdir(root() / ".venv") else ""
