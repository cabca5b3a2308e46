"""What Snakemake hands over to a script or a block, as a text that decides and as code.

Of the object `snakemake` a script gets what its text names; so another value of a setting that it
does not use is the same step.
"""

import hashlib
import json
import pickle
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from snakemake.script import JuliaScript, RScript

from labflake.processes.handed import Handed, Named, named, written
from labflake.steps.snakemake import sources

_OF_MACHINE = ("_cores", "_nodes", "tmpdir")  # of the resources
_CLASSES = {".R": RScript, ".jl": JuliaScript}


class Given:
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
