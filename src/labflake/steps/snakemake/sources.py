"""Files that a Snakefile asks for by `workflow.source_path`: those of the project, not copies.

Snakemake copies what it has not in a folder of its own, under the whole path of the file. That
folder is one in which each file is there already; so the paths of the files are known in all that
is made of them.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from labflake.project.experiments import root

_ALL = "file"  # what Snakemake calls the folder for files of this machine
_folders: list[str] = []  # of the Snakefile that is read, the last one


def begin() -> Path:
    """Make the folder in which Snakemake finds all files."""
    folder = tempfile.mkdtemp(prefix="labflake-sources-")
    os.symlink("/", os.path.join(folder, _ALL))
    _folders.append(folder)
    return Path(folder)


def end() -> None:
    """Remove it, and nothing else."""
    folder = _folders.pop()
    with contextlib.suppress(OSError):
        os.unlink(os.path.join(folder, _ALL))
        os.rmdir(folder)


def are_in(texts: Iterable[str]) -> bool:
    """Tell whether a text names that folder, also as a pickle in hexadecimal."""
    if not _folders:
        return False
    forms = (_folders[-1], _folders[-1].encode().hex())
    return any(form in text for text in texts for form in forms)


def own(value):
    """Return a value with such paths as they are from the generated folder of an experiment."""
    if isinstance(value, str):
        where = _folders[-1] if _folders else ""
        text = str(value)
        return text.replace(f"{where}/{_ALL}{root()}/", "../../") if where in text else value
    if type(value) in (list, tuple, set):
        return type(value)(map(own, value))
    if type(value) is dict:
        return {name: own(each) for name, each in value.items()}
    return value
