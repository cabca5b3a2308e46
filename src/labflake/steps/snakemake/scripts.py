"""What a rule with `script:` or `notebook:` does, as a command with all that it is given.

The command of such a step says what decides its result: the file, and in a comment what Snakemake
would hand over in the object `snakemake`.
"""

import json
import os
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from snakemake.utils import format as expand

from labflake.errors import LabError
from labflake.processes import scripted
from labflake.programs import handed_names
from labflake.steps.snakemake import places
from labflake.steps.snakemake.given import Given

_FOLDER = ".script"  # in the scratch folder of a step
_PROGRAMS = {".py": "python", ".R": "Rscript --vanilla", ".sh": "bash", ".jl": "julia"}


@dataclass(frozen=True)
class Command:
    """How a step is started, as people and its key see it, and as it is run.

    Attributes:
        text: what decides.
        moved: the command that is run, with outputs in the scratch folder.
        files: texts that it needs in that folder, by name.
        sources: of each file that decides the text what of it does so.
    """

    text: str
    moved: str
    files: dict[str, str]
    sources: dict[str, list[str]] = field(default_factory=dict)


def of(job, moved, scratch: str) -> Command:
    """Return the command of a job whose rule has a script or a notebook.

    Args:
        job: the job.
        moved: its outputs, in the scratch folder.
        scratch: that folder.

    Raises:
        LabError: there is no such file, or none that can be run here.
    """
    word = "script" if job.rule.script else "notebook"
    file = _file(job, word)
    name = os.path.relpath(file)
    known = Given(job, handed_names.of(file))
    if word == "notebook":
        return _of_notebook(job, known, file, moved, scratch)
    if file.suffix not in _PROGRAMS:
        place = places.place(job.rule, "script:")
        raise LabError(
            f"{place}: rule {job.rule.name}: `script:` runs {', '.join(_PROGRAMS)} here, not"
            f" {file.name}\n  start it by `shell:`, with {{input}} and {{output}} as its arguments"
        )
    program, own = _PROGRAMS[file.suffix], f"{_FOLDER}/{file.name}"
    text = f"{program} {shlex.quote(name)}\n# given: {known.said()}"
    start = f"{program} {shlex.quote(f'{scratch}/{own}')}"
    deciding = handed_names.deciding(file, os.getcwd())
    return Command(text, start, {own: _launcher(known, file, moved)}, deciding)


def _of_notebook(job, known: Given, file: Path, moved, scratch: str) -> Command:
    """Return what runs the cells of a notebook, and keeps what they show where `log:` says it."""
    suffix = ".R" if handed_names.language_of(file) == "r" else ".py"
    own, name = f"{_FOLDER}/preamble{suffix}", os.path.relpath(file)
    executed = str(job.log.get("notebook", "") or "")
    words = ["python", "-m", "labflake.processes.scripted", name, f"{scratch}/{own}", executed]
    start = f"{scripted.UNWATCHED} {shlex.join(words)}"
    text = f"jupyter execute {shlex.quote(name)}\n# given: {known.said()}"
    if suffix == ".py":
        preamble = known.in_python(moved, file)
        preamble += "from labflake.processes.scripted import watch\nwatch()\n"
    else:
        preamble = known.in_other(moved, file, ".R")
    return Command(text, start, {own: preamble}, handed_names.deciding(file, os.getcwd()))


def _file(job, word: str) -> Path:
    """Return the script of a job; its path is relative to the Snakefile that has the rule."""
    text = expand(str(getattr(job.rule, word)), wildcards=job.wildcards, params=job.params)
    path = Path(os.path.dirname(os.path.abspath(job.rule.snakefile)), text)
    place = places.place(job.rule, f"{word}:")
    if re.match(r"\w+(\+\w+)?:", text):
        raise LabError(
            f"{place}: rule {job.rule.name}: `{word}:` names {text}, which no commit here holds\n"
            "  copy it into the folder of the experiment"
        )
    if not path.is_file():
        raise LabError(f"{place}: rule {job.rule.name}: there is no {os.path.relpath(path)}")
    return Path(os.path.normpath(path))


def _launcher(known: Given, file: Path, moved) -> str:
    """Return a text in the language of the script that makes `snakemake`, then runs the script."""
    name = os.path.relpath(file)
    if file.suffix == ".py":
        run = f"open({name!r}, 'rb').read(), {name!r}, 'exec', dont_inherit=True"
        return f"{known.in_python(moved, file)}exec(compile({run}))\n"
    runs = {
        ".R": f"source({json.dumps(name)}, print.eval = TRUE)",
        ".sh": f". {shlex.quote(name)}",
        ".jl": f"include({json.dumps(str(file))})",
    }
    return f"{known.in_other(moved, file, file.suffix)}\n{runs[file.suffix]}\n"
