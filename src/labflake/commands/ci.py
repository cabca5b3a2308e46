"""Do what CI does: strict, lint, tests, the experiments that the branch touches (`make ci`).

All of it runs, whatever fails, so that one run says everything. `BASE=` is what the branch is
compared with; without it, the main branch.
"""

import os
import subprocess
import sys

from labflake.command_line.table import as_words, given
from labflake.errors import LabError
from labflake.programs import touched
from labflake.project.experiments import root
from labflake.project.options import PREFIX, option

_LINTERS = (("ruff", "format", "--check"), ("ruff", "check"), ("snakefmt", "--check", "scripts"))


def main(argv: list[str]) -> None:
    """Run everything.

    Raises:
        LabError: something failed; the message lists what.
    """
    programs = str(root() / ".venv" / "bin")
    start = touched.start(option("BASE"))
    runs = [_labflake("strict", *([f"--commit={start}"] if start else []))]
    runs += [[os.path.join(programs, program), *words] for program, *words in _LINTERS]
    runs.append(_labflake("test"))
    options = {"LOCKED", *given("ci")} - {"BASE"}
    os.environ.setdefault(f"{PREFIX}LOCKED", "1")
    experiments = touched.all_of(option("BASE"))
    for experiment in experiments:
        words = as_words({name: option(name) for name in sorted(options)})
        runs.append(_labflake("build", f"--experiment={experiment.name}", *words))
    failed = [command for command in runs if not _succeeds(command)]
    if failed:
        lines = "".join(f"\n  {_shown(command)}{_mended(command)}" for command in failed)
        raise LabError(f"{len(failed)} of {len(runs)} parts failed{lines}")
    names = ", ".join(each.name for each in experiments) or "no experiment is touched"
    print(f"all is well: strict, lint, tests, {names}")


def _labflake(*words: str) -> list[str]:
    return [sys.executable, "-m", "labflake", *words]


def _succeeds(command: list[str]) -> bool:
    print(f"--- {_shown(command)}", flush=True)
    done = subprocess.run(command, cwd=root())
    none = "test" in command and done.returncode == 5  # there are no tests
    return done.returncode == 0 or none


def _mended(command: list[str]) -> str:
    """Return what mends what a linter found."""
    return "   make format mends what can be" if "--check" in command or "check" in command else ""


def _shown(command: list[str]) -> str:
    words = command[2:] if command[1] == "-m" else [os.path.basename(command[0]), *command[1:]]
    return " ".join(words)
