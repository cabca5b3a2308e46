"""What of Snakemake's language has no meaning here: refused before anything runs, with its line.

All else does what Snakemake's documentation says. A word that is read and not obeyed would be worse
than one that is refused.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from labflake.errors import LabError
from labflake.project.experiments import relative

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
        "poetry add the package, add the tool to flake.nix, or use `container:`",
    ),
    "envmodules:": (
        lambda r: r.env_modules,
        "would bring software that no lock of this project holds",
        "add the tool to flake.nix, or use `container:`",
    ),
    "handover:": (lambda r: r.is_handover, "lets a step order others", _REMOVE + "use rules"),
}
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


def check(workflow) -> None:
    """Refuse what cannot be obeyed here, in the rules as the Snakefile has them.

    Raises:
        LabError: names the part, its line, and what to write instead.
    """
    _check_shell(workflow)
    for rule in workflow.rules:
        check_files(rule, [*rule.input, *rule.output])
        for name, (has, why, instead) in _RULE.items():
            if has(rule):
                _refuse(
                    place(rule, name.split(" ")[0]), f"rule {rule.name}: `{name}` {why}", instead
                )
        if rule.norun and rule.output:
            why = f"rule {rule.name}: it has an output and no command"
            _refuse(place(rule, "output:"), why, 'add `shell: "…"`')


def check_job(job) -> None:
    """Refuse what only a job knows: marks that functions set, and a command that makes nothing.

    Raises:
        LabError: as `check`.
    """
    check_files(job.rule, job.input)
    if not job.output and not job.rule.norun:
        why = f"rule {job.rule.name}: it has a command and no output, so it would always run"
        _refuse(place(job.rule), why, 'name what it makes, or mark it: `output: touch("done.txt")`')


def check_files(rule, files) -> None:
    """Refuse marks of files, as `temp()`, that cannot be obeyed.

    Raises:
        LabError: as `check`.
    """
    for file in files:
        for mark in getattr(file, "flags", {}):
            if mark in _FILES:
                why, instead = _FILES[mark]
                name = mark.removesuffix("_object")
                _refuse(place(rule, f"{name}("), f"rule {rule.name}: `{name}()` {why}", instead)


def prepare(workflow, folder: Path) -> None:
    """Refuse what the Snakefile says at once while it is read: another folder for all paths."""

    def workdir(path: str) -> None:
        why = f"`workdir:` has no place here: steps run in {relative(folder)}"
        _refuse(_line(workflow.main_snakefile, "workdir:"), why, "remove it")

    workflow.workdir = workdir


def _check_shell(workflow) -> None:
    """Refuse a prefix, a suffix or another program for all commands."""
    shell = workflow.globals["shell"]
    given = {
        "prefix": bool(shell._process_prefix),
        "suffix": bool(shell._process_suffix),
        "executable": Path(shell.get_executable() or "bash").name != "bash",
    }
    for name in [name for name, is_given in given.items() if is_given]:
        shell.executable("bash")  # another build may follow in this process
        shell.prefix("")
        shell.suffix("")
        place = _line(workflow.main_snakefile, f"shell.{name}")
        why = f"`shell.{name}()` would change commands unseen"
        _refuse(place, why, "write it into the commands of the steps")


def _refuse(place: str, why: str, instead: str) -> None:
    raise LabError(f"{place}: {why}\n  {instead}")


def place(rule, word: str = "") -> str:
    """Return file and line of a rule, or of a word in it."""
    return _line(rule.snakefile, word, rule.name)


def _line(file: object, word: str, rule: str = "") -> str:
    """Return file and line of a word, in a rule if one is named."""
    path = Path(str(file))
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    start = next(_starts(lines, rf"{re.escape(rule)}\b"), 0) if rule else 0
    end = next((n for n in _starts(lines, r"\w+") if n > start), len(lines)) if rule else len(lines)
    found = [n for n in range(start, end) if word in lines[n].split("#")[0]]
    return f"{relative(path)}:{(found or [start])[0] + 1}"


def _starts(lines: list[str], name: str) -> Iterator[int]:
    """Give the lines on which a rule of such a name begins."""
    head = re.compile(rf"\s*(rule|checkpoint)\s+{name}|\s*use\s+rule\b.*\b{name}")
    return (n for n, line in enumerate(lines) if head.match(line))
