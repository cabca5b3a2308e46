"""What of Snakemake's language has no meaning here: refused before anything runs, with its line.

All else does what Snakemake's documentation says. A word that is read and not obeyed would be worse
than one that is refused.
"""

import io
import json
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

from labflake.errors import LabError
from labflake.project.experiments import relative

_LINES = (tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT)
_PROGRAM = "copy what it does into a program, and start that by `script:` or `shell:`"
_IN_COMMANDS = "write it into the commands of the steps"
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
_OF_RULES = (
    "would bring rules that no commit here holds",
    "copy them into the folder of the experiment, and name the file",
)
_ELSEWHERE = re.compile(
    r"""^[^\#\n]*(?<![.\w])(?:(github|gitlab|gitfile|storage)\(|(include|snakefile)\s*:\s*[rfRF]*["']\w+://)""",
    re.MULTILINE,
)
_STATEMENTS = {  # of a Snakefile: why not, what instead
    "workdir": ("has no place here: steps run in {folder}", "remove it"),
    "containerized": ("would bring software that no lock of this project holds", "`container:`"),
    "meta_wrapper": _OF_RULES,
    "pepfile": ("needs a package that is not here", "`configfile:`, and pandas for the table"),
    "pepschema": ("needs a package that is not here", "`configfile:`, and pandas for the table"),
    "storage": ("would read or write past the record of data", "declare the data in config.yaml"),
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
                _refuse(
                    place(rule, name.split(" ")[0]), f"rule {rule.name}: `{name}` {why}", instead
                )
        if rule.norun and rule.output and not _only_marks(rule):
            why = f"rule {rule.name}: it has an output and no command"
            instead = 'add `shell: "…"`, or mark its outputs: `touch("done.txt")`'
            _refuse(place(rule, "output:"), why, instead)


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
                _refuse(place(job.rule, "output:"), f"rule {job.rule.name}: {why}", _ONE_OF_BOTH)


def _folders(path: str) -> Iterator[str]:
    """Give the folders above a path, the nearest first."""
    while path := path.rpartition("/")[0]:
        yield path


def _check_job(job) -> None:
    check_files(job.rule, job.input)
    if not job.output and not job.rule.norun:
        why = f"rule {job.rule.name}: it has a command and no output, so it would always run"
        _refuse(place(job.rule), why, 'name what it makes, or mark it: `output: touch("done.txt")`')


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


def results_in(paths: Iterable[str]) -> list[str]:
    """Return those notes of a job that are an input of another one, and so a result."""
    return [path for path in paths if path in _read]


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
                _refuse(place(rule, f"{name}("), f"rule {rule.name}: `{name}()` {why}", instead)


def check_words(paths: Iterable[str], folder: Path) -> None:
    """Refuse what Snakemake would not obey in silence, or would bring before it can be refused.

    Args:
        paths: the Snakefile, and what it includes.
        folder: where steps run.

    Raises:
        LabError: as `check`.
    """
    for path in paths:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
        for word, (why, instead) in _STATEMENTS.items():
            if word in text and (line := _statement(text, word)):
                why = why.format(folder=relative(folder))
                _refuse(f"{relative(Path(path))}:{line}", f"`{word}:` {why}", instead)
        if found := _ELSEWHERE.search(text):
            line = text.count("\n", 0, found.end()) + 1
            word = f"{found[1]}()" if found[1] else f"{found[2]}:"
            data = "storage" in word
            why, instead = _STATEMENTS["storage"] if data else _OF_RULES
            _refuse(f"{relative(Path(path))}:{line}", f"`{word}` {why}", instead)


def _statement(text: str, word: str) -> int:
    """Return the line of a Snakefile's statement that begins with a word; 0 if it has none."""
    depth, first, before = 0, True, None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in _LINES:
            first, before = depth == 0, None
        elif before and token.string == ":":
            return before
        elif before and word == "storage" and token.type == tokenize.NAME:
            pass  # its name
        else:
            before = token.start[0] if first and token.string == word else None
            depth += (token.string in ("(", "[", "{")) - (token.string in (")", "]", "}"))
            first = False
    return 0


def shell_of() -> dict[str, str | None]:
    """Return what `shell` says of all commands: a prefix, a suffix, the program."""
    from snakemake.shell import shell

    said = {name: each for name, each in vars(shell).items() if isinstance(each, str | None)}
    return said | {"executable": Path(shell.get_executable() or "bash").name}


def check_shell(workflow, before: dict[str, str | None]) -> None:
    """Refuse a prefix, a suffix or another program for all commands.

    Args:
        workflow: what was read.
        before: what `shell` said before.

    Raises:
        LabError: as `check`.
    """
    from snakemake.shell import shell

    for name in [name for name, each in shell_of().items() if each != before.get(name)]:
        shell.executable("bash")  # another build may follow in this process
        for own, each in before.items():
            if own != "executable":
                setattr(shell, own, each)
        word = f"shell.{name.rpartition('_')[2]}"
        place = _line(workflow.main_snakefile, word)
        _refuse(place, f"`{word}()` would change commands unseen", _IN_COMMANDS)


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
