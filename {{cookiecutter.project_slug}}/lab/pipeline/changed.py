"""The front check: has anything that the last build depended on, or made, changed since?

Standard library only; about a thousand files cost a few milliseconds.
"""

import os
import sys

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
    outputs = {path for step in contents.steps.values() for path in step["outputs"]}
    for path, digest in built["files"].items():
        if not contents.same_stat(path) and contents.digest(path) != digest:
            _note(change, path, outputs, built)
    if head_commit() != built["head"]:
        change.documents.append("the commit")
    for folder, names in built["listings"].items():
        if _names(experiment.generated / folder) != names:
            change.everything = True
    return change


def _note(change: Change, path: str, outputs: set[str], built: dict) -> None:
    if path in outputs:
        change.tampered.append(path)
    elif path in built["documents"]:
        change.documents.append(path)
    elif path in built["structure"]:
        change.everything = True
    else:
        change.inputs.append(path)


def remember(experiment: Experiment, contents: Contents) -> None:
    """Note in the manifest what the complete build depended on and made."""
    steps = contents.steps.values()
    made = [path for step in steps for path in step["outputs"]]
    used = {path for step in steps for path in step["inputs"]}
    papers = {p for d in contents.documents.values() for p in [*d["reads"], *d["outputs"]]}
    structure = structure_files(experiment)
    papers |= {
        os.path.relpath(p, experiment.generated) for p in sorted((root() / "src").rglob("*.py"))
    }
    every = [*dict.fromkeys([*made, *sorted(used), *sorted(papers), *structure])]
    files = dict.fromkeys(contents.files(every))
    folders = [os.path.relpath(p, experiment.generated) for p in _watched(experiment)]
    contents.stats = {p: s for p, s in contents.stats.items() if p in files}
    contents.built = {
        "settings": settings(),
        "head": head_commit(),
        "files": {path: contents.digest(path) for path in files},
        "documents": sorted(papers - set(made) - used),
        "structure": structure,
        "listings": {f: _names(experiment.generated / f) for f in folders},
    }


def _watched(experiment: Experiment) -> list:
    """Return the folders in which a new or a missing file may change what is built."""
    source = root() / "src"
    return [
        experiment.scripts,
        *sorted(p for p in source.rglob("*") if p.is_dir() and p.name != "__pycache__"),
    ]


def _names(folder) -> list[str]:
    """Return the names in a folder, without what editors and Python leave there."""
    try:
        found = os.listdir(folder)
    except OSError:
        return []
    return sorted(n for n in found if n[0] not in ".#" and n[-1] != "~" and n != "__pycache__")


def structure_files(experiment: Experiment) -> list[str]:
    """Return the files that decide which steps there are and how they run."""
    own = [experiment.scripts / n for n in ("Snakefile", "config.yaml")]
    locks = [root() / n for n in ("poetry.lock", "flake.lock")]
    equipment = sorted((root() / "lab").rglob("*.py"))
    smk = sorted(experiment.scripts.glob("*.smk"))
    there = [p for p in [*own, *smk, *locks, *equipment] if p.is_file()]
    return [os.path.relpath(p, experiment.generated) for p in there]


def settings() -> str:
    """Return what people can set from outside and what changes results."""
    version = ".".join(map(str, sys.version_info[:3]))
    return f"python={version} seed={os.environ.get('SEED', '')}"
