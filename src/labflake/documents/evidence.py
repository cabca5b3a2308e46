"""What a document was made from.

Files are looked at before they are used, and again at the end: only what is the same both times is
recorded. A document that was made while something changed does not get its name.
"""

import os
from pathlib import Path

from labflake.content.contents import Contents
from labflake.content.folders import names as names_in
from labflake.data_files import sources
from labflake.documents import looks, memory, prose, provenance, software
from labflake.documents.building import Answer
from labflake.documents.problems import Problem
from labflake.processes import determinism
from labflake.programs import pins
from labflake.project import authors
from labflake.project.experiments import RECORD, Experiment, relative, root
from labflake.steps import changed

_WRITTEN = (".md", ".py", ".ipynb", ".pyc")  # of an experiment: they count where they are read
_OWN = ("Snakefile", "hashes.txt", RECORD)
_ABOUT = "../../pyproject.toml"  # names the authors


class Evidence:
    """What a document depends on, from before it is made until it is published."""

    def __init__(self, experiment: Experiment, contents: Contents, source: Path) -> None:
        self.experiment, self.contents, self.source = experiment, contents, source
        self.head = provenance.head(experiment)
        self.before = {str(p): looks.look(p) for p in _sources(experiment)}
        self.around = surroundings(experiment, contents)
        self.variables = deciding(contents)
        self.of_cells: set[str] = set()  # of what changed, what cells may have read
        self.remembered = self._remembered()

    def _remembered(self) -> dict | None:
        """Return what the cells gave last time, if all that they read is the same now."""
        saved = memory.load(self.source)
        if not saved or saved.get("around") != self.around:
            return None
        if saved.get("variables") != self.variables:
            return None
        notes = saved["executed"]["notes"]
        now = {path: looks.look(path) for path in notes.get("read", {})}
        same = all(self._digest(path) == digest for path, digest in saved["files"].items())
        if not same or any(names_in(f) != n for f, n in notes.get("listed", {}).items()):
            return None
        notes["read"] = now
        return saved

    def changed(self, answer: Answer) -> list[str]:
        """Return what is not any more what the document was made from."""
        reads, notes = self.reads(answer), answer.notes
        around = surroundings(self.experiment, self.contents)
        others = {str(self._place(p)) for p, _ in {*around.items()} ^ {*self.around.items()}}
        self.around = around
        self.of_cells = self._made_by_others(notes, others | _moved(notes))
        found = self.of_cells | _moved({"read": reads, "listed": answer.listed})
        return sorted(relative(Path(path)) for path in found)

    def _made_by_others(self, notes: dict, paths: set[str]) -> set[str]:
        """Return the paths without what the cells wrote themselves."""
        written = [Path(path) for path in notes.get("written", ())]
        return {p for p in paths if not any(each.is_relative_to(p) for each in written)}

    def overwritten(self, answer: Answer) -> set[str]:
        """Return what cells wrote to, also after they had read it, as people know it."""
        written = [*answer.notes.get("overwritten", ()), *answer.notes.get("written", ())]
        return {relative(Path(path)) for path in written}

    def keep_cells(self, answer: Answer) -> None:
        """Remember what the cells gave, or forget it; after `changed`."""
        if not answer.memory or self.of_cells:
            memory.forget(self.source)
            return
        notes = answer.notes
        files = {path: self._digest(path) for path in (*notes["read"], *notes["written"])}
        known = {"files": files, "around": self.around, "variables": self.variables}
        memory.keep(self.source, answer.memory | known)

    def record(self, answer: Answer, outputs: list[Path]) -> dict:
        """Return what the manifest holds of the document."""
        reads = [*self.reads(answer), *(p for p in answer.notes.get("written", ()))]
        return {
            "stamp": answer.stamp,
            "head": self.head,
            "outputs": {self._name(p): self._digest(p) for p in outputs},
            "reads": {self._name(p): self._digest(p) for p in sorted({*reads})},
            "listed": {self._name(p): n for p, n in self.listed(answer).items()},
            "around": self.around,
            "variables": self.variables,
            "authors": authors.names(),
            "about": {_ABOUT: self.contents.digest(_ABOUT)},
            "cells": {name: answer.notes.get(name) for name in ("modules", "programs")},
            "packages": self.contents.know_packages(self._packages(answer.notes)),
            "conditions": determinism.conditions_of_documents(),
        }

    def _packages(self, notes: dict) -> dict:
        """Return what to note of the packages."""
        return pins.noted(software.asked(self.experiment, notes, self.contents))

    def made_by_nobody(self, answer: Answer) -> list[Problem]:
        """Return the problems of artifacts that were read and that nothing makes or declares."""
        contents, notes = self.contents, answer.notes
        known = {path for step in contents.steps.values() for path in step["outputs"]}
        known |= {f"assets/data/{name}" for name in sources.declared(self.experiment)}
        known |= {f"assets/{document.stem}" for document in self.experiment.documents()}
        known |= {self._name(path) for path in notes.get("written", ())}
        read = sorted(self._name(path) for path, seen in self.reads(answer).items() if seen)
        inside = [name for name in read if name.startswith("assets/")]
        text = self.source.read_text(encoding="utf-8")
        return [
            Problem(_line_of(name, text), f"{name} {_BY_NOBODY}")
            for name in inside
            if not any(str(each) in known for each in [Path(name), *Path(name).parents])
        ]

    def reads(self, answer: Answer) -> dict[str, looks.Look]:
        """Return the files that were read as they were when they were first looked at."""
        own = self.experiment.generated / "assets" / self.source.stem
        reads = {str(self.source): [], **answer.notes.get("read", {}), **answer.reads}
        reads = {p: s for p, s in reads.items() if not Path(p).is_relative_to(own)}
        return {path: self.before.get(path, seen) for path, seen in reads.items()}

    def listed(self, answer: Answer) -> dict[str, list[str]]:
        """Return the folders that were listed, with the names in them."""
        return {**answer.notes.get("listed", {}), **answer.listed}

    def _digest(self, path: str | Path) -> str:
        return self.contents.digest(self._name(path))

    def _name(self, path: str | Path) -> str:
        return os.path.relpath(path, self.experiment.generated)

    def _place(self, name: str) -> Path:
        return Path(os.path.normpath(self.experiment.generated / name))


_BY_NOBODY = (
    "is made by no step, and is no declared data: nothing says what it is\n"
    "    make it by a rule of the Snakefile, or declare it under data: in config.yaml"
)


def _line_of(name: str, text: str) -> int:
    """Return the line of a document that names a file, as a path or as `load` does."""
    words = (name, Path(name).name, Path(name).name.split(".")[0])
    return next(filter(None, (prose.find_line(text, word) for word in words)), 1)


def _moved(notes: dict) -> set[str]:
    """Return the files and folders of the notes that are not what they were."""
    files = {path for path, seen in notes.get("read", {}).items() if looks.look(path) != seen}
    return files | {f for f, names in notes.get("listed", {}).items() if names_in(f) != names}


def _sources(experiment: Experiment) -> list[Path]:
    """Return the files that people write and that a document may read."""
    folders = [experiment.scripts, root() / "src", root() / "fonts"]
    found = [p for folder in folders for p in folder.rglob("*") if "__pycache__" not in p.parts]
    return [path for path in found if path.is_file()]


def deciding(contents: Contents) -> dict[str, str]:
    """Return the digests of the variables that the Snakefile names under `envvars:`, as they are.

    Cells can read them without being seen to.
    """
    return changed.variables(contents.graph.get("variables", ()))


def surroundings(experiment: Experiment, contents: Contents) -> dict[str, str]:
    """Return the digests of what cells can read without being seen to: by libraries in C, programs.

    These are all artifacts and data of the experiment, and the files beside its code.
    """
    own = {document.stem for document in experiment.documents()}
    folders = [f for f in _entries(experiment.generated / "assets") if f.name not in own]
    paths = [path for folder in folders for path in _entries(folder)]
    for place in (experiment.scripts, root() / "src"):
        paths += [p for p in place.rglob("*") if p.is_file() and _is_beside(p)]
    names = [os.path.relpath(path, experiment.generated) for path in sorted(paths)]
    return {name: _digest(contents, name) for name in names}


def _digest(contents: Contents, name: str) -> str:
    try:
        return contents.digest(name)
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _entries(folder: Path) -> list[Path]:
    return [folder / name for name in names_in(folder)] if folder.is_dir() else []


def _is_beside(path: Path) -> bool:
    """Tell whether a file is neither prose nor code, nor left by an editor or Python."""
    hidden = any(part[0] in ".#" or part[-1] == "~" for part in path.relative_to(root()).parts)
    return not hidden and path.suffix not in _WRITTEN and path.name not in _OWN
