"""What a Snakefile uses: `code`, `data` and `step`."""

import os
from pathlib import Path

from labflake.errors import LabError, meant
from labflake.programs.commands import run_by
from labflake.project.experiments import Experiment, find, relative

_asked: dict[str, list[str]] = {}


def code(*files: str) -> list[str]:
    """Return the program and every local module that it imports, as inputs of a rule.

    Args:
        files: the program, then further files that it reads as code, relative to the
            folder of the Snakefile.

    Raises:
        LabError: a file is not there.
    """
    experiment = here()
    found: list[str] = []
    for file in files:
        path = experiment.scripts / file
        if not path.is_file():
            known = [each.name for each in experiment.scripts.iterdir() if each.is_file()]
            hint = meant(file, known, show=repr) or "write it, or correct its name"
            raise LabError(f"code({file!r}): there is no {relative(path)}\n  {hint}")
        _asked[file] = parts = imported(experiment, file)
        found += [name for name in parts if name not in found]
    return found


def imported(experiment: Experiment, file: str) -> list[str]:
    """Return a program and the local modules that it imports, as inputs of a rule."""
    parts = run_by(experiment.scripts / file, experiment.generated)
    return [os.path.relpath(part, experiment.generated) for part in parts]


def asked() -> dict[str, list[str]]:
    """Return of each program that this Snakefile gave to `code` what it was found to import."""
    return dict(_asked)


def data(name: str) -> str:
    """Return the path of a data file or folder that `config.yaml` declares under `data:`.

    `data("{part}.csv")` stands for all declared names of this form.

    Raises:
        LabError: no such data is declared.
    """
    from labflake.steps.snakemake.jobs import fits

    declared = here().config().get("data") or {}
    if not any(fits(name, each) for each in declared):
        known = ", ".join(declared) or "none"
        raise LabError(
            f"data({name!r}) is not declared under `data:` in config.yaml; declared: {known}"
        )
    return f"assets/data/{name}"


def here() -> Experiment:
    """Return the experiment whose Snakefile is being read: steps run in its generated folder."""
    return find(Path.cwd().name)


def step(command: str) -> str:
    """Return the command of a rule as it is: `shell: "…"` says the same.

    Args:
        command: shell command; `{input}`, `{output}`, `{params}`, `{wildcards}` … as in Snakemake.
    """
    return command
