"""What of Snakemake's language has no meaning here: refused before anything runs, with its line.

All else does what Snakemake's documentation says. A word that is read and not obeyed would be worse
than one that is refused.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NoReturn

from labflake.steps.snakemake import places

_PROGRAM = "copy what it does into a program, and start that by `script:` or `shell:`"
_REMOVE = "remove it: "
_RULE = {  # a part of a rule, how Snakemake notes it, why not, what instead
    "wrapper:": (lambda r: r.wrapper, "is not tracked", _PROGRAM),
    "template_engine:": (lambda r: r.template_engine, "is not tracked", _PROGRAM),
    "cwl:": (lambda r: r.cwl, "is not tracked", _PROGRAM),
    "benchmark: repeat()": (
        lambda r: "repeat" in getattr(r.benchmark, "flags", {}),
        "would run a step more than once for one result",
        "write `benchmark:` without `repeat()`",
    ),
    "shadow:": (
        lambda r: r.shadow_depth,
        "has no place here",
        _REMOVE + "steps write into a folder of their own anyway",
    ),
    "conda:": (
        lambda r: r.conda_env,
        "would bring software that no lock of this project holds",
        "make add PACKAGE=…, add the tool to flake.nix, or use `container:`",
    ),
    "envmodules:": (
        lambda r: r.env_modules,
        "would bring software that no lock of this project holds",
        "add the tool to flake.nix, or use `container:`",
    ),
    "notebook:": (
        lambda r: r.notebook and not _says_its_language(r),
        "names a notebook that does not say its language, which Snakemake asks for",
        'save it in Jupyter, or write "language_info": {"name": "python"} into its metadata',
    ),
    "handover:": (lambda r: r.is_handover, "lets a step order others", _REMOVE + "use rules"),
}
_ONE_OF_BOTH = (
    "name one of both under `output:`; a file in a folder that a rule makes can be an input anyway"
)
_OURS = "by labflake"  # of a mark
_local: frozenset[str] = frozenset()  # of the Snakefile that is read
_read: set[str] = set()  # what is `log:` or `benchmark:` of one of its rules, and input of another
_FILES = {  # a mark of a file: why not, what instead
    "pipe": (
        "would be a result that is gone when it was read",
        "write a file, or one step `a | b`",
    ),
    "service": ("would be a result that never ends", "start the service in the step that uses it"),
    "update": (
        "would make a result depend on what was there before",
        "read one file and write another",
    ),
    "before_update": (
        "would read a file that another step changes later",
        "read one file and write another",
    ),
    "ancient": (
        "would hide a change of an input",
        _REMOVE + "dates do not count here, content does",
    ),
    "nodelocal": ("would be a result on one machine only", _REMOVE + "steps share one folder"),
    "from_queue": ("gives inputs that no build can repeat", "write their names to a checkpoint"),
    "storage_object": (
        "would read or write past the record of data",
        "declare the data in config.yaml; results stay in generated/",
    ),
}


def _says_its_language(rule) -> bool:
    """Tell whether a notebook has what Snakemake asks for; what cannot be read is told later."""
    try:
        path = Path(rule.snakefile).parent / str(rule.notebook)
        said = json.loads(path.read_text(encoding="utf-8"))["metadata"]
    except (OSError, ValueError, KeyError, TypeError):
        return True
    return "name" in said.get("language_info", {})


def check(workflow) -> None:
    """Refuse what cannot be obeyed here, in the rules as the Snakefile has them.

    Raises:
        LabError: names the part, its line, and what to write instead.
    """
    for rule in workflow.rules:
        check_files(rule, [*rule.input, *rule.output])
        for name, (has, why, instead) in _RULE.items():
            if has(rule):
                _refuse(rule, name.split(" ")[0], f"`{name}` {why}", instead)
        if rule.norun and rule.output and not _only_marks(rule):
            why = "it has an output and no command"
            instead = 'add `shell: "…"`, or mark its outputs: `touch("done.txt")`'
            _refuse(rule, "output:", why, instead)


def _only_marks(rule) -> bool:
    """Tell whether all that a rule makes are empty files that say that its inputs are there."""
    return all("touch" in getattr(file, "flags", {}) for file in rule.output)


def check_jobs(jobs: Iterable) -> None:
    """Refuse what only jobs know: marks that functions set, commands that make nothing or too much.

    Raises:
        LabError: as `check`.
    """
    makers = {str(path): job.rule for job in jobs for path in job.output}
    inputs = {str(path) for job in jobs for path in job.input}
    _read.update(path for job in jobs for path in notes(job) if path in inputs)
    for job in jobs:
        _check_job(job)
        for path in map(str, job.output):
            if above := next((p for p in _folders(path) if p in makers), None):
                why = f"{path} is in {above}, which rule {makers[above].name} makes as a whole"
                _refuse(job.rule, "output:", why, _ONE_OF_BOTH)


def _folders(path: str) -> Iterator[str]:
    """Give the folders above a path, the nearest first."""
    while path := path.rpartition("/")[0]:
        yield path


def _check_job(job) -> None:
    check_files(job.rule, job.input)
    if not job.output and not job.rule.norun:
        why = "it has a command and no output, so it would always run"
        _refuse(
            job.rule,
            "",
            why,
            'name what it makes, or mark it: `output: touch("done.txt")`',
        )


def settle(workflow) -> None:
    """Set what decides nothing here: groups, where rules and files are, and dates of inputs."""
    global _local
    _local = frozenset(workflow._localrules)
    _read.clear()
    workflow._localrules.clear()
    for rule in workflow.rules:
        rule.group = None
        if rule.norun and rule.output:  # `touch()` without a command: Snakemake has it run nowhere
            rule.norun, rule.shellcmd = False, ":"
        for file in [f for f in (*rule.input, *rule.output) if hasattr(f, "flags")]:
            file.flags.pop("local", None)
        for file in [f for f in rule.input if hasattr(f, "flags")]:
            file.flags["ancient"] = _OURS


def notes(job) -> list[str]:
    """Return what a job writes beside its outputs: its logs, and its benchmark."""
    return [str(path) for path in [*job.log, job.benchmark] if path]


def results_among_notes(job) -> list[str]:
    """Return those notes of a job that are an input of another one, and so a result."""
    return [path for path in notes(job) if path in _read]


def is_local(rule) -> bool:
    """Tell whether a rule runs on this machine, also where the others run on a cluster."""
    return rule.name in _local


def check_files(rule, files) -> None:
    """Refuse marks of files, as `temp()`, that cannot be obeyed.

    Raises:
        LabError: as `check`.
    """
    for file in files:
        for mark in getattr(file, "flags", {}):
            if mark in _FILES and file.flags[mark] != _OURS:
                why, instead = _FILES[mark]
                name = mark.removesuffix("_object")
                _refuse(rule, f"{name}(", f"`{name}()` {why}", instead)


def _refuse(rule, word: str, why: str, instead: str) -> NoReturn:
    places.refuse(places.place(rule, word), f"rule {rule.name}: {why}", instead)
