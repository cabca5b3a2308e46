"""The clusters that steps can run on: `PROFILE=slurm` means `profiles/slurm/config.yaml`."""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from labflake.content.sizes import megabytes
from labflake.errors import LabError, meant
from labflake.project.experiments import relative, root
from labflake.steps import names


@dataclass(frozen=True)
class Profile:
    """The settings of one cluster. A step may have others, by the name of its rule."""

    name: str
    queue: str = "slurm"
    partition: str = ""
    account: str = ""
    time: int = 60  # minutes
    memory: int = 2000  # MB
    gpu: str = "gpu"
    extra: list[str] = field(default_factory=list)
    jobs: int = 100
    poll: int = 5  # s
    steps: dict[str, dict] = field(default_factory=dict)
    submit: str = ""
    running: str = ""
    cancel: str = ""

    def of(self, step: str, setting: str):
        """Return a setting for a step: that of its rule, or that of all steps."""
        own = self.steps.get(names.rule(step), {})
        return own.get(setting, getattr(self, setting))


def load(name: str) -> Profile:
    """Return the profile of this name.

    Raises:
        LabError: there is no such profile, or a setting in it cannot be understood.
    """
    path = root() / "profiles" / name / "config.yaml"
    if not path.is_file():
        known = sorted(p.parent.name for p in (root() / "profiles").glob("*/config.yaml"))
        raise LabError(f"there is no {relative(path)}\n  PROFILE can be: {', '.join(known)}")
    try:
        # All values as text: YAML takes a time such as 2:30:00 for a number of seconds.
        given = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
        profile = Profile(name, **_read(given, _SETTINGS))
        _check(profile)
        return profile
    except (yaml.YAMLError, LabError) as error:
        raise LabError(f"{relative(path)}: {error}") from None


def _read(given: object, settings: dict) -> dict:
    """Return settings with their meaning; an empty one counts as not given."""
    given = given or {}
    if not isinstance(given, dict):
        raise LabError("it must hold `setting: value` lines")
    found = {}
    for name, value in given.items():
        if name not in settings:
            raise LabError(f"there is no setting {name!r}\n  {_hint(name, settings)}")
        read, example = settings[name]
        try:
            if value != "":
                found[name] = read(value)
        except (AttributeError, TypeError, ValueError):
            raise LabError(f"{name}: {value} is not understood\n  example: {example}") from None
    return found


def _hint(name: str, known) -> str:
    return meant(name, known, most=1) or f"known are {', '.join(known) or 'none'}"


def _text(value: str) -> str:
    return value.strip()


def _count(value: str) -> int:
    if not value.isdecimal() or not int(value):
        raise ValueError
    return int(value)


def _words(value: str | list) -> list[str]:
    return shlex.split(value) if isinstance(value, str) else [_text(word) for word in value]


def _steps(value: dict) -> dict[str, dict]:
    found = {}
    for rule, own in value.items():
        try:
            found[rule] = _read(own, _OF_STEPS)
        except LabError as error:
            raise LabError(f"steps: {rule}: {error}") from None
    return found


Reader = tuple[Callable, str]
_OF_STEPS: dict[str, Reader] = {
    "partition": (_text, "partition: short"),
    "account": (_text, "account: biology"),
    "time": (_count, "time: 90 (minutes)"),
    "memory": (lambda value: megabytes(value, "memory"), "memory: 16GB"),
    "gpu": (_text, "gpu: gpu:a100"),
    "extra": (_words, "extra: [--qos=short]"),
    "submit": (_text, "submit: qsub {script}"),
}
_SETTINGS: dict[str, Reader] = _OF_STEPS | {
    "queue": (_text, "queue: slurm"),
    "jobs": (_count, "jobs: 100"),
    "poll": (_count, "poll: 5 (seconds)"),
    "running": (_text, "running: qstat"),
    "cancel": (_text, "cancel: qdel"),
    "steps": (_steps, "steps: {fit: {time: 240}}"),
}


def _check(profile: Profile) -> None:
    """Refuse a profile that lacks something, or speaks of rules that no experiment has."""
    if profile.queue not in ("slurm", "commands"):
        raise LabError(f"queue: {profile.queue} is not known\n  it can be slurm or commands")
    lacking = [name for name in ("submit", "running", "cancel") if not getattr(profile, name)]
    if profile.queue == "commands" and lacking:
        raise LabError(f"queue: commands needs a command for {' and '.join(lacking)}")
    known = _rules() if profile.steps else []
    for rule in profile.steps:
        if rule not in known:
            raise LabError(f"steps: no experiment has a rule {rule!r}\n  {_hint(rule, known)}")


def _rules() -> list[str]:
    """Return the names of all rules in the project."""
    files: list[Path] = [*root().glob("scripts/**/Snakefile"), *root().glob("scripts/**/*.smk")]
    texts = (path.read_text(encoding="utf-8", errors="replace") for path in files)
    names = (re.findall(r"\b(?:rule|checkpoint|name)\b[\s:\"']+(\w+)", text) for text in texts)
    return sorted({name for found in names for name in found})
