"""Data that a function of `src/study` makes or fetches."""

import importlib
import inspect
import pickle
import shutil
import subprocess
import sys
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labflake.content.digests import sha256
from labflake.content.meter import size
from labflake.data_files.sources.job import Job
from labflake.data_files.sources.secrecy import in_arguments, redacted
from labflake.errors import LabError
from labflake.processes.determinism import environment
from labflake.programs.modules import programs
from labflake.project.experiments import relative, root

_LEAST = 100_000  # bytes


@dataclass(frozen=True, kw_only=True)
class Function:
    """A function that returns a table, an array or another value that a file can hold.

    `simulate` is one of `src/study/data_access.py`, `wines.measure` one of `src/study/wines.py`.
    One with a parameter called `path` writes the file or folder of that name itself.
    """

    function: str
    arguments: dict = field(default_factory=dict)
    keep: bool | None = None

    def described(self) -> str:
        """Return the name of the function."""
        return f"function {self.function}"

    def identity(self) -> dict[str, Any]:
        """Return the call, and the content of every module that it depends on."""
        home, _ = _home(self.function)
        modules = sorted(p for p in programs(root() / home) if p.is_relative_to(root()))
        contents = {relative(m): sha256(m) for m in modules}
        return {"function": self.function, "arguments": self.arguments, "modules": contents}

    def problem(self, name: str) -> str | None:
        """Return that this is no name of a function, or of one in no module, where it is so."""
        parts = self.function.split(".")
        if len(parts) > 2 or not all(part.isidentifier() for part in parts):
            return f"{self.function!r} is no function's name"
        if secret := in_arguments(self.arguments):
            return (
                f"arguments: {secret} does not belong into config.yaml: git would publish it\n"
                f"  let the function read it: os.environ[{secret.upper()!r}]"
            )
        home, _ = _home(self.function)
        return None if (root() / home).is_file() else f"{self.function}: there is no {home}"

    def fetch(self, job: Job) -> None:
        """Call the function in a process of its own, in the environment of all steps.

        Raises:
            LabError: The function is not there, or it failed.
        """
        call = [self.function, job.name, str(job.target)]
        command = [sys.executable, "-m", "labflake.data_files.sources.function", *call]
        given = pickle.dumps(self.arguments)  # not on the command line, which everybody sees
        done = subprocess.run(
            command, cwd=root(), env=environment(), input=given, capture_output=True
        )
        if done.returncode:
            printed = done.stderr.decode(errors="replace").strip()[-2000:]
            text = redacted(printed).replace("\n", "\n  ")
            text += _full(job.target.parent)  # which not every library says
            raise LabError(f"assets/data/{job.name}: {self.described()} failed\n  {text}")


def _full(folder: Path) -> str:
    """Return that the disk is full, where it is."""
    free = shutil.disk_usage(folder).free
    return f"\n  the disk is full: {size(free)} are free" if free < _LEAST else ""


def _home(function: str) -> tuple[str, str]:
    """Return the file of a function, and its name there."""
    module, _, name = function.rpartition(".")
    return f"src/study/{module or 'data_access'}.py", name


def _call(function: str, name: str, target: str) -> int:
    """Call one function and write what it returns; return the exit code."""
    from labflake.io import formats

    given = pickle.load(sys.stdin.buffer)
    home, own = _home(function)
    call = getattr(importlib.import_module(f"study.{Path(home).stem}"), own, None)
    if call is None:
        return _say(f"{home} has no function {own}")
    try:
        if "path" in inspect.signature(call).parameters:
            call(path=Path(target), **given)
        else:
            formats.of(Path(name)).write(call(**given), Path(target))
    except LabError as error:
        return _say(str(error))
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        text = "".join(traceback.format_exception_only(error)).strip()
        return _say(f"{text}\n{relative(Path(place.filename))}, line {place.lineno}")
    return 0


def _say(text: str) -> int:
    print(text, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(_call(*sys.argv[1:]))
