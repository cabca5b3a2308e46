"""One side of a comparison: an experiment as it is here, or as a commit has it.

Of a commit, what people wrote comes from git, and artifacts by the hashes that the commit records,
from here or from what is shared.
"""

import os
import re
from pathlib import Path
from typing import NamedTuple

from labflake.cache.artifacts import Artifacts
from labflake.content.folders import names as names_in
from labflake.content.folders import walk
from labflake.data_files import recorded
from labflake.errors import LabError
from labflake.project import experiments
from labflake.project.experiments import RECORD, Experiment, root
from labflake.project.git import git, is_here, run

_SHOWN = ("assets/figures/", "assets/report/")  # artifacts that a comparison may need
_NAMED = re.compile(r"([^\s#'\"]+\.(?:json|csv))#")  # by the metrics of a report
_DATED = re.compile(r"\d{4}-\d{2}-\d{2}-(.+\.md)")
_LARGEST = 50_000_000  # bytes of an artifact that is brought for a comparison


class Copied(Experiment):
    """An experiment whose folders are copies."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(name)
        self.folder = folder

    @property
    def scripts(self) -> Path:
        """Return the copy of what people wrote."""
        return self.folder / "scripts" / self.name

    @property
    def generated(self) -> Path:
        """Return the folder of the artifacts that were brought."""
        return self.folder / "generated" / self.name


class Side(NamedTuple):
    """An experiment, how it is called, and where its code is: `src` is beside `scripts`."""

    experiment: Experiment
    called: str
    top: Path

    def texts(self) -> dict[str, str]:
        """Return what people wrote of it, and its modules, by names that both sides have."""
        found = {}
        for place in (self.experiment.scripts, self.top / "src"):
            for path in map(Path, _files(place)):
                name = os.path.relpath(path, place.parent if place.name == "src" else place)
                dated = _DATED.fullmatch(name)
                found[dated[1] if dated else name] = _text(path)
        return {n: t for n, t in found.items() if n not in ("hashes.txt", RECORD)}


def side(wanted: str, scratch: Path) -> Side:
    """Return what `A` or `B` names: "", an experiment, a commit, or EXPERIMENT@COMMIT.

    Raises:
        LabError: it names nothing.
    """
    name, mark, commit = wanted.rpartition("@") if "@" in wanted else ("", "", wanted)
    if not mark and _is_experiment(wanted):
        name, commit = wanted, ""
    if not name:
        found = experiments.current()
    elif commit and not experiments.problem(name):
        found = Experiment(name)  # which may be in that commit only
    else:
        found = experiments.find(name)
    if not commit:
        return Side(found, f"{found.name}, as it is here", root())
    return _at(Experiment(found.name), _known(commit, wanted), scratch)


def _is_experiment(wanted: str) -> bool:
    name = wanted.rstrip("/").rpartition("/")[2]
    return not wanted or not experiments.problem(name)


def _known(commit: str, wanted: str) -> str:
    """Return the full name of a commit."""
    if not is_here():
        raise LabError(f"the project is not in git, so there is no commit {commit}")
    asked = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}")
    code, found, _ = run(*asked)
    if code:
        raise LabError(
            f"{wanted!r} is neither an experiment nor a commit\n"
            "  for example: make diff A=HEAD~3   or A=2026-01-31-One B=2026-02-01-Two@1a2b3c4"
        )
    return found.splitlines()[-1]


def _at(experiment: Experiment, commit: str, scratch: Path) -> Side:
    """Copy what a commit has of an experiment into a folder.

    Raises:
        LabError: it has no such experiment.
    """
    copied = Copied(experiment.name, scratch)
    folder = f"scripts/{experiment.name}/"
    listed = git("ls-tree", "-r", "-z", commit, "--", folder, "src/").split("\0")
    for entry in filter(None, listed):
        about, _, path = entry.partition("\t")
        mode, kind, name = about.split()
        if kind == "blob" and mode != "120000":
            target = scratch / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(os.fsencode(run("cat-file", "blob", name)[1]))
    if not copied.scripts.is_dir():
        raise LabError(f"commit {commit[:12]} has no experiment {experiment.name}")
    _bring(experiment, copied, recorded.standing(experiment, commit))
    return Side(copied, f"{experiment.name} at {commit[:7]}", scratch)


def _bring(experiment: Experiment, copied: Copied, known: dict[str, str]) -> None:
    """Bring figures, report and what metrics name, as far as somebody has them."""
    report = copied.scripts / "report.md"
    named = {f"assets/data/{n}" for n in _NAMED.findall(_text(report) if report.is_file() else "")}
    shared = Artifacts()
    for name, digest in known.items():
        if name not in named and not name.startswith(_SHOWN):
            continue
        own = experiment.generated / name
        is_small = own.is_file() and own.stat().st_size < _LARGEST
        target = copied.generated / name
        shared.bring_or_copy(own if is_small else None, digest, target, lambda count: None)


def _files(place: Path) -> list[str]:
    """Return the files below a folder that people wrote."""
    if not place.is_dir():
        return []
    found = []
    for name in names_in(place):
        path = place / name
        found += [n for n, _ in walk(str(path))] if path.is_dir() else [str(path)]
    return [n for n in found if "__pycache__" not in n and not n.endswith(".ipynb")]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
