"""Files that a Snakefile asks for by `workflow.source_path`: those of the project, not copies.

Snakemake copies what it has not in a folder of its own, under the whole path of the file. That
folder is one in which each file is there already; so the paths of the files are known in all that
is made of them.
"""

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from labflake.content import temporary
from labflake.project.experiments import root

_ALL = "file"  # what Snakemake calls the folder for files of this machine
_folders: list[str] = []  # of the Snakefile that is read, the last one
_kept: list[ExitStack] = []  # what removes each of them


def begin() -> Path:
    """Make the folder in which Snakemake finds all files."""
    _kept.append(ExitStack())
    folder = _kept[-1].enter_context(temporary.folder("sources"))
    (folder / _ALL).symlink_to("/")
    _folders.append(str(folder))
    return folder


def end() -> None:
    """Remove it, and nothing that it leads to."""
    _folders.pop()
    _kept.pop().close()


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
