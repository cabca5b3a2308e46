"""Artifacts of another experiment as data: as the working tree makes them, or as a commit does."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labflake.cache.artifacts import Artifacts
from labflake.content.digests import sha256
from labflake.content.folders import walk
from labflake.content.meter import Meter
from labflake.data_files import recorded
from labflake.data_files.sources.job import Job
from labflake.errors import LabError, choice
from labflake.programs.modules import programs
from labflake.project import experiments, uncommitted
from labflake.project.experiments import RECORD, Experiment, relative, root
from labflake.project.git import git, is_here, run
from labflake.project.options import EXPORTED, PREFIX

_PROSE = (".md", ".bib", ".pyc", ".ipynb")
_TOLD = {PREFIX + n for n in (*EXPORTED, "PROJECT", "STARTED_IN")} - {PREFIX + "EXPERIMENT"}


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A file or folder that another experiment makes; `commit` names a state of it for good."""

    experiment: str
    artifact: str
    commit: str = ""
    keep: bool | None = None

    def described(self) -> str:
        """Return the experiment, and the commit if one is named."""
        return f"experiment {self.experiment}" + (f" at {self.commit}" if self.commit else "")

    def identity(self) -> dict[str, Any]:
        """Return which artifact it is, and what decides it: the commit, or what people wrote."""
        made = {relative(p): sha256(str(p)) for p in self.made_of()}
        named = {"experiment": self.experiment, "artifact": self.artifact, "commit": self.commit}
        return named | {"made of": made}

    def made_of(self) -> list[Path]:
        """Return the files of the working tree from which the artifact follows."""
        if self.commit:
            return []
        found = {p for name in _behind(self.experiment) for p in _written(Experiment(name))}
        return sorted({*found, *(root() / n for n in recorded.LOCKS if (root() / n).is_file())})

    def problem(self, name: str) -> str | None:
        """Return what is wrong with the names, or None."""
        if wrong := experiments.problem(self.experiment):
            return f"experiment: {self.experiment!r} is no experiment: {wrong}"
        parts = self.artifact.split("/")
        if not {"", ".", ".."}.isdisjoint(parts) or parts[0] not in ("assets", "outputs"):
            return "artifact: a path below its generated folder, such as assets/data/features.csv"
        if not self.commit and not Experiment(self.experiment).snakefile.is_file():
            there = [each.name for each in reversed(experiments.every())]
            return f"experiment: there is no {self.experiment}\n  {choice(self.experiment, there)}"
        if self.commit and not re.fullmatch("[0-9a-f]{7,64}", self.commit):
            return (
                f"commit: {self.commit!r} is no commit: 7 hexadecimal digits or more\n"
                "  what a branch or a tag names may become another one"
            )
        return None

    def fetch(self, job: Job) -> None:
        """Take the artifact from here or from what is shared; else build it.

        Raises:
            LabError: it cannot be had, or is not what is recorded of it.
        """
        if self.commit:
            commit = _full(self.commit, job.name)
            known = self._inside(recorded.standing(Experiment(self.experiment), commit))
        else:
            commit, known = "", self._inside(_standing(experiments.find(self.experiment)))
        if not (known and self._bring(known, job)):
            self._build(commit, job)
            self._compare(known, job)

    def _inside(self, known: dict[str, str]) -> dict[str, str]:
        """Return the hashes of the artifact's files: "" is the name of one that is a file."""
        inside = f"{self.artifact}/"
        found = {n: d for n, d in known.items() if n == self.artifact or n.startswith(inside)}
        return {name.removeprefix(self.artifact): digest for name, digest in found.items()}

    def _bring(self, known: dict[str, str], job: Job) -> bool:
        """Copy files by their hash: what is built here, or shared; tell whether all were there."""
        here, shared = Experiment(self.experiment).generated / self.artifact, Artifacts()
        with Meter(job.name, None) as meter:
            return all(
                shared.bring_or_copy(
                    Path(f"{here}{name}"), digest, Path(f"{job.target}{name}"), meter.add
                )
                for name, digest in known.items()
            )

    def _build(self, commit: str, job: Job) -> None:
        """Let the other experiment make it, in a process of its own that knows nothing of ours."""
        from labflake.content.atomic import remove

        remove(job.target)
        what = f"{self.artifact} of {self.described()}"
        print(f"building {what}, which is data here", flush=True)
        call = [self.experiment, self.artifact, commit, str(job.target)]
        command = [sys.executable, "-m", "labflake.commands.artifact", *call]
        environment = {k: v for k, v in os.environ.items() if k[:9] != PREFIX or k in _TOLD}
        if subprocess.run(command, cwd=root(), env=environment).returncode:
            raise LabError(
                f"assets/data/{job.name}: {what} could not be made\n"
                "  why stands above; it is data here, so nothing of this experiment ran"
            )

    def _compare(self, known: dict[str, str], job: Job) -> None:
        """Refuse what was built and is not what is recorded of it.

        Raises:
            LabError: it is something else.
        """
        top = str(job.target)
        files = [n for n, _ in walk(top)] if os.path.isdir(top) else [top]
        built = {name.removeprefix(top): sha256(name) for name in files}
        if known and built != known:
            raise LabError(
                f"assets/data/{job.name}: {self.artifact} of {self.described()} was built, and is"
                f" not what its {RECORD} says\n"
                f"  make reproduce EXPERIMENT={self.experiment} shows what differs"
            )

    def circle(self, experiment: Experiment) -> str | None:
        """Return that the other experiment needs data of this one, where it does, or None."""
        if self.commit or experiment.name not in _behind(self.experiment):
            return None
        return (
            f"{self.experiment} needs data of {experiment.name} itself\n"
            "  name a commit: then one of both comes first"
        )


def _behind(name: str) -> list[str]:
    """Return an experiment and those of the working tree from which it takes data, and so on."""
    found, waiting = [], [name]
    while waiting:
        if (each := waiting.pop()) in found:
            continue
        found.append(each)
        sources = Experiment(each).config().get("data")
        for source in sources.values() if isinstance(sources, dict) else ():
            if isinstance(source, dict) and "experiment" in source and not source.get("commit"):
                waiting.append(str(source["experiment"]))
    return found


def _written(experiment: Experiment) -> Iterator[Path]:
    """Give the files of an experiment but for prose, and the modules that its programs use."""
    for path in experiment.scripts.rglob("*"):
        left = path.name[0] in ".#" or path.suffix in _PROSE or path.name == RECORD
        if path.is_file() and not left:
            yield from programs(path) if path.suffix == ".py" else [path]


def _standing(experiment: Experiment) -> dict[str, str]:
    """Return what is recorded of an experiment that has not changed since; else nothing."""
    commit = recorded.commit_of(experiment)
    if not commit or not is_here() or run("cat-file", "-e", f"{commit}^{{commit}}")[0]:
        return {}
    paths = [path for name in _behind(experiment.name) for path in _paths(name)]
    return (
        {}
        if uncommitted.files([*paths, "src", *recorded.LOCKS], commit)
        else recorded.of(experiment)
    )


def _paths(name: str) -> list[str]:
    return uncommitted.written(Experiment(name))


def _full(commit: str, name: str) -> str:
    """Return the full name of a commit.

    Raises:
        LabError: git does not know it.
    """
    if not is_here():
        raise LabError(f"assets/data/{name}: the project is not in git, so it has no {commit}")
    git("rev-parse", "--git-dir")
    code, found, _ = run("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}")
    if code:
        raise LabError(
            f"assets/data/{name}: git knows no commit {commit}\n"
            "  it may be elsewhere, or this clone may be shallow: git fetch --all --unshallow"
        )
    return found.strip()
