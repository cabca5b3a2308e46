"""What a rule with `script:`, `notebook:` or `run:` does, as a command with all that it is given.

The command of such a step says what decides its result: the file, and in a comment what Snakemake
would hand over in the object `snakemake`. Of that object a script gets what its text names; so
another value of a setting that it does not use is the same step.
"""

import hashlib
import json
import os
import pickle
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from snakemake.common import get_snakemake_searchpaths
from snakemake.iocontainers import ResourceList, Snakemake
from snakemake.script import BashScript, JuliaScript, RScript
from snakemake.sourcecache import infer_source_file
from snakemake.utils import format as expand

from labflake.errors import LabError
from labflake.processes import scripted
from labflake.programs.modules import programs
from labflake.steps.snakemake import language

_FOLDER = ".script"  # in the scratch folder of a step
_USED = re.compile(r"\bsnakemake\b(?:\s*[.@]\s*|\[)?(\w+)?|\bsnakemake_(\w+)")
_IMPORTED = re.compile(r"^\s*(from|import)\s+snakemake\b.*$", re.MULTILINE)
_OPTIONAL = ("config", "resources", "rule", "threads")  # the rest is always given
_OF_MACHINE = ("_cores", "_nodes", "tmpdir")  # of the resources
_PROGRAMS = {".py": "python", ".R": "Rscript --vanilla", ".sh": "bash", ".jl": "julia"}
_CLASSES = {".R": RScript, ".sh": BashScript, ".jl": JuliaScript}


@dataclass(frozen=True)
class Command:
    """How a step is started, as people and its key see it, and as it is run.

    Attributes:
        text: what decides.
        moved: the command that is run, with outputs in the scratch folder.
        files: texts that it needs in that folder, by name.
    """

    text: str
    moved: str
    files: dict[str, str]


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
    known = _Given(job, _texts(file))
    if word == "notebook":
        return _of_notebook(job, known, file, moved, scratch)
    if file.suffix not in _PROGRAMS:
        place = language.place(job.rule, "script:")
        raise LabError(
            f"{place}: rule {job.rule.name}: `script:` runs {', '.join(_PROGRAMS)} here, not"
            f" {file.name}\n  start it by `shell:`, with {{input}} and {{output}} as its arguments"
        )
    program, own = _PROGRAMS[file.suffix], f"{_FOLDER}/{file.name}"
    text = f"{program} {shlex.quote(name)}\n# given: {known.said()}"
    return Command(
        text, f"{program} {shlex.quote(f'{scratch}/{own}')}", {own: _launcher(known, file, moved)}
    )


def _of_notebook(job, known: "_Given", file: Path, moved, scratch: str) -> Command:
    """Return what runs the cells of a notebook, and keeps what they show where `log:` says it."""
    notebook = json.loads(file.read_text(encoding="utf-8"))
    language_of = notebook.get("metadata", {}).get("language_info", {}).get("name", "python")
    suffix = ".R" if language_of.lower() == "r" else ".py"
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
    return Command(text, start, {own: preamble})


def _file(job, word: str) -> Path:
    """Return the script of a job; its path is relative to the Snakefile that has the rule."""
    text = expand(str(getattr(job.rule, word)), wildcards=job.wildcards, params=job.params)
    path = Path(os.path.dirname(os.path.abspath(job.rule.snakefile)), text)
    place = language.place(job.rule, f"{word}:")
    if re.match(r"\w+(\+\w+)?:", text):
        raise LabError(
            f"{place}: rule {job.rule.name}: `{word}:` names {text}, which no commit here holds\n"
            "  copy it into the folder of the experiment"
        )
    if not path.is_file():
        raise LabError(f"{place}: rule {job.rule.name}: there is no {os.path.relpath(path)}")
    return Path(os.path.normpath(path))


def _texts(file: Path) -> list[str]:
    """Return the texts of a script and of what it imports or names."""
    return [path.read_text(encoding="utf-8", errors="replace") for path in programs(file)]


def _launcher(known: "_Given", file: Path, moved) -> str:
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


class _Given:
    """What Snakemake hands over to a script; of what is optional, only what its texts name."""

    def __init__(self, job, texts: Iterable[str]) -> None:
        self.job = job
        used = set().union(*map(_used, texts))
        self.used = {name for name in _OPTIONAL if name in used or "" in used}

    def said(self) -> str:
        """Return it as a text that is the same for the same values."""
        job = self.job
        config = hashlib.sha256(plain_text(_config(job)).encode()).hexdigest()
        optional = {
            "config": config,
            "resources": resources_of(job),
            "rule": job.rule.name,
            "threads": job.threads,
        }
        return plain_text(lists_of(job) | {name: optional[name] for name in sorted(self.used)})

    def values(self, moved) -> dict:
        """Return it by the names of the arguments of Snakemake's own classes."""
        job = self.job
        return {
            "input_": job.input,
            "output": moved,
            "params": job.params,
            "wildcards": job.wildcards,
            "threads": job.threads if "threads" in self.used else 1,
            "resources": job.resources if "resources" in self.used else ResourceList(),
            "log": job.log,
            "config": _config(job) if "config" in self.used else {},
            "rulename": job.rule.name if "rule" in self.used else "",
            "bench_iteration": None,
        }

    def in_python(self, moved, file: Path) -> str:
        """Return code that makes `snakemake`, and lets modules beside the script be found."""
        own = Snakemake(**self.values(moved), scriptdir=str(file.parent))
        pickled = pickle.dumps(own, protocol=4)
        return (
            "import sys\n"
            f"sys.path[0] = {str(file.parent)!r}\n"
            "from labflake.processes.scripted import given\n"
            f"snakemake = given({pickled!r}, {get_snakemake_searchpaths()!r})\n"
            f"__file__ = {str(file)!r}\n"
        )

    def in_other(self, moved, file: Path, suffix: str) -> str:
        """Return code that makes `snakemake` in another language, as Snakemake writes it."""
        rest = (
            *("cache_path", "source", "basedir", "conda_env", "conda_base_path", "container_img"),
            *("singularity_args", "env_modules", "bench_record", "jobid", "cleanup_scripts"),
            *("shadow_dir", "runtime_paths"),
        )
        others = dict.fromkeys(rest) | {"path": infer_source_file(str(file)), "is_local": True}
        return _CLASSES[suffix](**others, **self.values(moved)).get_preamble()


def lists_of(job) -> dict[str, object]:
    """Return the lists that a job is given, each by the order of its values, and by their names."""
    lists = {name: getattr(job, name) for name in ("input", "output", "params", "wildcards", "log")}
    return {name: [[*values], dict(values.items())] for name, values in lists.items()}


def resources_of(job) -> dict[str, object]:
    """Return the resources of a job but for those that the machine decides."""
    return {n: v for n, v in job.resources.items() if n not in _OF_MACHINE}


def _config(job) -> dict:
    """Return the settings as they are where the rule is written."""
    return job.rule.run_func.__globals__.get("config", {})


def _used(text: str) -> set[str]:
    """Return the parts of `snakemake` that a text names; "" where it hands on the whole object."""
    found = _USED.findall(_IMPORTED.sub("", text))
    return {"" if dot == own == "" else dot or own for dot, own in found}


def plain_text(value: object) -> str:
    """Return a value as a text that is the same for the same value, in every process."""
    try:
        return json.dumps(value, sort_keys=True, default=_plain, ensure_ascii=False)
    except TypeError:  # keys that cannot be sorted
        return str(_plain(value))


def _plain(value: object) -> object:
    """Return a value that JSON does not know as one that it knows, or as a digest."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, set | frozenset):
        return sorted(map(plain_text, value))
    try:
        return hashlib.sha256(pickle.dumps(value, protocol=4)).hexdigest()
    except Exception:
        return repr(value)
