"""Compiled modules that Python believes by what the source holds, not by its date and size.

Python takes the compiled form of a module for a source that has the same size and was saved in the
same second: by an editor, by a copy that keeps dates, by git. Compiled once with the hash of its
source in it, a module is compared with that whenever it is imported, and so are later ones.
"""

import contextlib
import importlib.util
import os

from labflake.project.experiments import Experiment, root

_BY_CONTENT = b"\x03\0\0\0"  # in a compiled module: compare it with the hash of the source


def prepare(experiment: Experiment) -> None:
    """Compile the modules of the project and of the experiment, where that was not done so."""
    trees = [each for top in (root() / "src", experiment.scripts) for each in os.walk(top)]
    below = [os.path.join(folder, name) for folder, _, names in trees for name in names]
    for file in [*map(str, root().glob("*.py")), *(f for f in below if f.endswith(".py"))]:
        target = importlib.util.cache_from_source(file)
        if not _is_by_content(target):
            _compile(file, target)


def _is_by_content(compiled: str) -> bool:
    try:
        with open(compiled, "rb") as file:
            return file.read(8)[4:] == _BY_CONTENT
    except OSError:
        return False


def _compile(file: str, target: str) -> None:
    import py_compile

    mode = py_compile.PycInvalidationMode.CHECKED_HASH
    try:
        py_compile.compile(file, target, doraise=True, invalidation_mode=mode)
    except (OSError, py_compile.PyCompileError, ValueError):
        with contextlib.suppress(OSError):  # of another state of a module
            os.unlink(target)
