"""The front check: has anything that the last build depended on, or made, changed since?

Standard library only; about a thousand files cost a few milliseconds.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from lab.experiments import Experiment, head_commit, root
from lab.pipeline.contents import Contents


class Change:
    """What differs from the last complete build. Paths are relative to the generated folder."""

    def __init__(self) -> None:
        self.everything = False  # the Snakefile, the settings or the equipment: ask every step
        self.inputs: list[str] = []
        self.tampered: list[str] = []
        self.documents: list[str] = []

    def __bool__(self) -> bool:
        return bool(self.everything or self.inputs or self.tampered or self.documents)


def examine(experiment: Experiment, contents: Contents) -> Change:
    """Compare the files of the experiment with its manifest; hash only those that look touched."""
    change = Change()
    built = contents.built
    interrupted = os.path.exists(experiment.state / "building")
    if not built or interrupted or built["settings"] != settings():
        change.everything = True
        return change
    made = {path for step in contents.steps.values() for path in step["outputs"]}
    for path, digest in built["files"].items():
        if not contents.same_stat(path) and contents.digest(path) != digest:
            _note(change, path, made, built)
    if head_commit() != built["head"]:
        change.documents.append("the commit")
    for folder, names in built["listings"].items():
        if _names(experiment.generated / folder) != names:
            _note_folder(change, folder, made)
    return change


def _note(change: Change, path: str, made: set[str], built: dict) -> None:
    """Sort a file whose content changed into what has to be done about it."""
    output = next((p for p in [path, *_parents(path)] if p in made), None)
    if output:
        change.tampered += [] if output in change.tampered else [output]
    elif path in built["documents"]:
        change.documents.append(path)
    elif path in built["inputs"]:
        change.inputs.append(path)
    else:
        change.everything = True


def _note_folder(change: Change, folder: str, made: set[str]) -> None:
    output = next((p for p in [folder, *_parents(folder)] if p in made), None)
    if output and output not in change.tampered:
        change.tampered.append(output)
    elif not output:
        change.everything = True


def _parents(path: str) -> list[str]:
    return [path[:i] for i, letter in enumerate(path) if letter == "/"]


def remember(experiment: Experiment, contents: Contents, data: list[Path]) -> None:
    """Note in the manifest what the complete build depended on and made.

    Data counts even where no step reads it: the gate has to see its change.
    """
    steps = contents.steps.values()
    made = [p for step in steps for p in step["outputs"] if (experiment.generated / p).exists()]
    used = {path for step in steps for path in step["inputs"]}
    papers = {p for d in contents.documents.values() for p in [*d["reads"], *d["outputs"]]}
    papers |= set(_names_of(experiment, (root() / "src").rglob("*.py")))
    guarded = _names_of(experiment, data)
    structure = structure_files(experiment)
    every = dict.fromkeys([*made, *guarded, *sorted(used | papers), *structure])
    files = dict.fromkeys(contents.files(list(every)))
    contents.stats = {p: s for p, s in contents.stats.items() if p in files}
    contents.built = {
        "settings": settings(),
        "head": head_commit(),
        "files": {path: contents.digest(path) for path in files},
        "inputs": sorted(
            used - {p for s in steps for p in s.get("found", []) + s.get("named", [])}
        ),
        "documents": sorted(papers - set(made) - used),
        "listings": {
            f: _names(experiment.generated / f) for f in _watched(experiment, contents, every)
        },
    }


def _names_of(experiment: Experiment, paths: Iterable[Path]) -> list[str]:
    return [os.path.relpath(p, experiment.generated) for p in sorted(paths)]


def _watched(experiment: Experiment, contents: Contents, paths: Iterable[str]) -> list[str]:
    """Return the folders in which a new or a missing file may change what is built."""
    sources = [p for p in (root() / "src").rglob("*") if p.is_dir() and p.name != "__pycache__"]
    folders = _names_of(experiment, [experiment.scripts, *sources])
    folders += [f for document in contents.documents.values() for f in document.get("listed", {})]
    read = [path for step in contents.steps.values() for path in step.get("found", [])]
    folders += [path for path in read if path.endswith("/")]
    for path in [p for p in paths if (experiment.generated / p).is_dir()]:
        inside = sorted(p for p in (experiment.generated / path).rglob("*") if p.is_dir())
        folders += [path, *_names_of(experiment, inside)]
    return folders


def _names(folder) -> list[str]:
    """Return the names in a folder, without what editors and Python leave there."""
    try:
        found = os.listdir(folder)
    except OSError:
        return []
    return sorted(n for n in found if n[0] not in ".#" and n[-1] != "~" and n != "__pycache__")


def structure_files(experiment: Experiment) -> list[str]:
    """Return the files that may decide which steps there are: a Snakefile can read any of them."""
    own = [p for p in experiment.scripts.rglob("*") if _is_code(p)]
    locks = [root() / n for n in ("poetry.lock", "flake.lock")]
    equipment = [*(root() / "lab").rglob("*.py"), root() / "lab" / "matplotlibrc"]
    return _names_of(experiment, [p for p in [*own, *locks, *equipment] if p.is_file()])


def _is_code(path: Path) -> bool:
    """Tell whether a file of an experiment is neither prose nor left by an editor or Python."""
    return path.suffix not in (".md", ".bib", ".pyc") and path.name[0] not in ".#"


def settings() -> str:
    """Return what people can set from outside and what changes results."""
    version = ".".join(map(str, sys.version_info[:2]))
    given = [os.environ.get(name, "") for name in ("SEED", "SET")]
    return f"python={version} seed={given[0]} set={given[1]}"
