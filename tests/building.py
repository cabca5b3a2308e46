"""Build projects in tests: run make, copy a built project, write small experiments."""

import os
import shutil
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path

from labflake.command_line.table import OPTIONS, as_make_words
from labflake.project.options import PREFIX

SAMPLE = "2023-10-07-Covariance-Matrix-Prior-Investigation"
TINY = "2024-02-29-Tiny"
_DROPPED = ("CI", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PROJECT_PYTHON", "VIRTUAL_ENV")


def make(
    project: Path, *arguments: str, shell: dict[str, str] | None = None, **given: str
) -> subprocess.CompletedProcess[str]:
    """Run make in a project as a person would; options of the test run itself do not leak in.

    Options are words of make's command line, what else is given is in the environment; `shell` is
    put there as it is.
    """
    options = {name: value for name, value in given.items() if name in OPTIONS}
    others = {name: value for name, value in given.items() if name not in OPTIONS}
    return subprocess.run(
        ["make", *arguments, *as_make_words(options)],
        cwd=project,
        env=variables(**others) | (shell or {}),
        capture_output=True,
        text=True,
        timeout=900,
    )


def variables(**given: str) -> dict[str, str]:
    """Return the environment without options, but for these, as people export them."""
    clean = {k: v for k, v in os.environ.items() if k not in _DROPPED and k[:9] != PREFIX}
    return clean | exported(given)


def exported(given: dict[str, str]) -> dict[str, str]:
    """Return variables with the prefix before those that are options."""
    return {f"{PREFIX}{k}" if k in OPTIONS else k: v for k, v in given.items()}


def made(project: Path, *arguments: str, **given) -> str:
    """Run make, expect success, and return what it printed."""
    done = make(project, *arguments, **given)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def refused(project: Path, *arguments: str, **environment: str) -> str:
    """Run make, expect an error without a traceback, and return the message."""
    done = make(project, *arguments, **environment)
    assert done.returncode == 2, done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr


def where(project: Path, name: str) -> dict[str, str]:
    """Return the variables that name an experiment, and a cache beside its project."""
    return {"CACHE": str(project.parent / "cache"), "EXPERIMENT": name}


def for_experiment(run: Callable[..., str], name: str) -> Callable[..., str]:
    """Return `made` or `refused` for one experiment, with a cache of its own."""

    def called(project: Path, *arguments: str, **environment: str) -> str:
        return run(project, *arguments, **(where(project, name) | environment))

    return called


def copy(project: Path, destination: Path, generated: bool = True) -> Path:
    """Copy a project; the copy shares the environment of the original, not its code."""
    ignore = shutil.ignore_patterns(".venv", *([] if generated else ["generated"]))
    shutil.copytree(project, destination, ignore=ignore, symlinks=True)
    (destination / ".venv").symlink_to((project / ".venv").resolve())
    return destination


def artifacts(project: Path) -> dict[str, bytes]:
    """Return what a build made, by name: no links, and no notes of the equipment."""
    generated = project / "generated"
    made = {p.relative_to(generated): p for p in generated.rglob("*") if not p.is_symlink()}
    return {
        name.as_posix(): path.read_bytes()
        for name, path in made.items()
        if path.is_file() and not any(part.startswith(".") for part in name.parts)
    }


def experiment(project: Path, name: str, **files: str) -> Path:
    """Write an experiment: its files by name (`Snakefile`, `fit_py` for fit.py …)."""
    folder = project / "scripts" / name
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        target = folder / file.replace("__", "-").replace("_", ".")
        target.write_text(textwrap.dedent(text).lstrip(), encoding="utf-8")
    return project / "generated" / name


def ran(printed: str) -> list[str]:
    """Return the names of the steps that a build ran, from what it printed."""
    lines = [line.split() for line in printed.splitlines() if line.startswith("  [")]
    words = [line[line.index(next(w for w in line if w.endswith("]"))) + 1 :] for line in lines]
    return sorted(w[0] for w in words if w[-1] == "s")


def run_python(project: Path, code: str, folder: Path) -> str:
    """Run Python code in the project's environment, in a folder; return what it printed."""
    python = project / ".venv" / "bin" / "python"
    paths = os.pathsep.join([str(project), str(project / "src")])
    done = subprocess.run(
        [python, "-c", code],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
