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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from snakemake.script import JuliaScript, RScript
from snakemake.utils import format as expand

from labflake.errors import LabError
from labflake.processes import scripted
from labflake.processes.handed import Handed, Named, named, written
from labflake.programs import handed_names
from labflake.steps.snakemake import places, sources

_FOLDER = ".script"  # in the scratch folder of a step
_OF_MACHINE = ("_cores", "_nodes", "tmpdir")  # of the resources
_PROGRAMS = {".py": "python", ".R": "Rscript --vanilla", ".sh": "bash", ".jl": "julia"}
_CLASSES = {".R": RScript, ".jl": JuliaScript}


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
    known = _Given(job, handed_names.of(file))
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


def _of_notebook(job, known: "_Given", file: Path, moved, scratch: str) -> Command:
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

    def __init__(self, job, used: Iterable[str]) -> None:
        self.job, self.used = job, {*used}

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
        """Return it by its names in `snakemake`."""
        job = self.job
        return {
            "input": named(job.input, _text),
            "output": moved,
            "params": named(job.params, sources.own),
            "wildcards": job.wildcards,
            "threads": job.threads if "threads" in self.used else 1,
            "resources": available(job) if "resources" in self.used else Named(),
            "log": named(job.log),
            "config": _config(job) if "config" in self.used else {},
            "rule": job.rule.name if "rule" in self.used else "",
            "bench_iteration": None,
        }

    def in_python(self, moved, file: Path) -> str:
        """Return code that makes `snakemake`, and lets modules beside the script be found."""
        own = written(Handed(**self.values(moved), scriptdir=str(file.parent)))
        return (
            "import pickle, sys\n"
            f"sys.path[0] = {str(file.parent)!r}\n"
            f"snakemake = pickle.loads({own!r})\n"
            f"__real_file__ = __file__ = {str(file)!r}\n"
        )

    def in_other(self, moved, file: Path, suffix: str) -> str:
        """Return code that makes `snakemake` in another language, as Snakemake writes it."""
        values = self.values(moved)
        if suffix == ".sh":
            return _in_bash(values | {"scriptdir": str(file.parent)})
        rest = (
            *("cache_path", "source", "basedir", "conda_env", "conda_base_path", "container_img"),
            *("singularity_args", "env_modules", "bench_record", "jobid", "cleanup_scripts"),
            *("shadow_dir", "runtime_paths"),
        )
        others = dict.fromkeys(rest) | {"path": _Place(file.parent), "is_local": True}
        own = {"input_": values.pop("input"), "rulename": values.pop("rule")}
        return _CLASSES[suffix](**others, **own, **values).get_preamble()


@dataclass(frozen=True)
class _Place:
    """The folder of a script, as Snakemake's classes ask a script for it."""

    folder: Path

    def get_basedir(self) -> "_Place":
        return self

    def get_path_or_uri(self, secret_free: bool) -> str:
        return str(self.folder)


def _in_bash(values: dict) -> str:
    """Return code that makes the arrays that a script of Bash is given."""
    lists = {name: _by_name_and_place(v) for name, v in values.items() if isinstance(v, list)}
    dicts = {"config": values["config"]}
    rest = {name: v for name, v in values.items() if name not in lists | dicts}
    arrays = {f"snakemake_{name}": each for name, each in (lists | dicts).items()}
    return "\n".join(
        f"declare -A {name}=( {' '.join(map(_pair, each.items()))} )"
        for name, each in (arrays | {"snakemake": rest}).items()
    )


def _pair(item: tuple[object, object]) -> str:
    name, value = item
    if isinstance(value, Iterable) and not isinstance(value, str):
        value = " ".join(map(str, value))
    return f"[{shlex.quote(str(name))}]={shlex.quote(str(value))}"


def _by_name_and_place(values) -> dict[str, object]:
    """Return what has no name, and then what has one, by its place; and by its name."""
    names = dict(values.items())
    lengths = [1 if any(e is v for e in values) else len(v) for v in names.values()]
    entries = [*values[: len(values) - sum(lengths)], *names.values()]
    return {str(place): each for place, each in enumerate(entries)} | names


def _text(path: object) -> str:
    return sources.own(str(path))


def lists_of(job) -> dict[str, object]:
    """Return the lists that a job is given, each by the order of its values, and by their names."""
    lists = {name: getattr(job, name) for name in ("input", "output", "params", "wildcards", "log")}
    return {
        name: [sources.own([*values]), sources.own(dict(values.items()))]
        for name, values in lists.items()
    }


def available(job):
    """Return the resources of a job, also `tmpdir` where a function says it.

    Snakemake leaves that to where a job runs, which for us is here.
    """
    if not job.rule.resources["tmpdir"].is_evaluable():
        return job.resources
    return job.rule.expand_resources(job.wildcards_dict, job.input, job.attempt)


def resources_of(job) -> dict[str, object]:
    """Return the resources of a job but for those that the machine decides."""
    return {n: v for n, v in job.resources.items() if n not in _OF_MACHINE}


def _config(job) -> dict:
    """Return the settings as they are where the rule is written."""
    return job.rule.run_func.__globals__.get("config", {})


def plain_text(value: object) -> str:
    """Return a value as a text that is the same for the same value, in every process.

    A mapping has an order, and keys of a kind: a script may see either.
    """
    return json.dumps(_told_apart(value), default=_plain, ensure_ascii=False)


def _told_apart(value: object) -> object:
    """Return a value in which JSON leaves no difference out."""
    if isinstance(value, Mapping):
        return {"mapping": [[_told_apart(k), _told_apart(v)] for k, v in value.items()]}
    if isinstance(value, tuple):
        return {"tuple": [_told_apart(each) for each in value]}
    if isinstance(value, list):
        return [_told_apart(each) for each in value]
    return value


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
