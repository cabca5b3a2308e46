"""Files and folders of this machine or of a mounted share, and data that a person brings."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from labflake.content.folders import walk
from labflake.content.meter import Meter
from labflake.data_files.sources.job import Job
from labflake.errors import LabError
from labflake.project.experiments import Experiment, root

BUFFER = 1 << 20


def resolve(text: str) -> Path:
    """Return the path that a declaration means: from the project, with `~` and `$NAME`."""
    return root() / os.path.expanduser(os.path.expandvars(text))


@dataclass(frozen=True, kw_only=True)
class File:
    """A file, used in place through a symbolic link, or copied."""

    gives_one_file: ClassVar = True  # which may be an archive

    file: str
    copy: bool = False
    keep: bool | None = None

    def described(self) -> str:
        """Return the path as it is declared."""
        return f"file {self.file}"

    def identity(self) -> dict[str, Any]:
        """Return the place of the file and whether it is copied."""
        return {"file": str(resolve(self.file)), "copy": self.copy}

    def problem(self, name: str) -> str | None:
        """Return None: whether the file is there is seen when it is needed."""
        return None

    def fetch(self, job: Job) -> None:
        """Link or copy the file."""
        path = _existing(self.file, Path.is_file, "file")
        if self.copy:
            with Meter(job.name, path.stat().st_size) as meter:
                _copy(path, job.target, meter)
        else:
            _link(path, job)


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A folder with all that is in it, used in place through a symbolic link, or copied."""

    folder: str
    copy: bool = False
    keep: bool | None = None

    def described(self) -> str:
        """Return the path as it is declared."""
        return f"folder {self.folder}"

    def identity(self) -> dict[str, Any]:
        """Return the place of the folder and whether it is copied."""
        return {"folder": str(resolve(self.folder)), "copy": self.copy}

    def problem(self, name: str) -> str | None:
        """Return None: whether the folder is there is seen when it is needed."""
        return None

    def fetch(self, job: Job) -> None:
        """Link the folder, or copy its files."""
        path = _existing(self.folder, Path.is_dir, "folder")
        if not self.copy:
            _link(path, job)
            return
        job.target.mkdir()
        sizes = {name: stat.st_size for name, stat in walk(str(path))}
        with Meter(job.name, sum(sizes.values())) as meter:
            for name in sizes:
                copy = job.target / os.path.relpath(name, path)
                copy.parent.mkdir(parents=True, exist_ok=True)
                _copy(Path(name), copy, meter)


@dataclass(frozen=True, kw_only=True)
class Manual:
    """Data that a person puts into `data/<experiment>`; the text says where to get it."""

    manual: str
    keep: bool | None = None

    def described(self) -> str:
        """Return that it is brought by hand."""
        return "by hand"

    def identity(self) -> dict[str, Any]:
        """Return nothing: the text is for people."""
        return {}

    def problem(self, name: str) -> str | None:
        """Return that a text is missing, where it is."""
        return None if self.manual.strip() else "manual: say who has this data, or where it is"

    def fetch(self, job: Job) -> None:
        """Say what to do.

        Raises:
            LabError: Always; this data cannot be fetched.
        """
        raise LabError(
            f"assets/data/{job.name} is brought by hand, and is not there\n"
            f"  {self.manual.strip()}\n  {where(job.experiment, job.name)}"
        )


def _link(path: Path, job: Job) -> None:
    try:
        job.target.symlink_to(path)
    except OSError as error:
        raise LabError(
            f"assets/data/{job.name} cannot be a link to {path}: {error.strerror or error}\n"
            "  add copy: true, and it is copied"
        ) from None


def where(experiment: Experiment, name: str) -> str:
    """Return the sentence that says where a person puts data."""
    return f"put it here: data/{experiment.name}/{name}"


def _copy(source: Path, target: Path, meter: Meter) -> None:
    with open(source, "rb") as old, open(target, "xb") as new:
        while block := old.read(BUFFER):
            new.write(block)
            meter.add(len(block))


def _existing(text: str, kind: Any, word: str) -> Path:
    path = resolve(text)
    if not kind(path) and "$" in str(path):
        raise LabError(f"{text}: this variable is not set\n  export it, or write the path")
    if not kind(path):
        raise LabError(f"there is no {word} {text}\n  is the disk or share mounted?")
    return path
