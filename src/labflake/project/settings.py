"""The settings of an experiment as they count now: `config.yaml`, and over it what make was told.

Programs and cells take them from here: `from labflake import config`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from labflake.errors import LabError, choice
from labflake.project.declared import VARIABLE
from labflake.project.experiments import Experiment, here
from labflake.project.options import option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ASKED = "settings"  # in the notes of a step: that it takes its settings from here
TOLD = "LAB_OVERRIDES"  # to cells and steps, which do not get the variables of make: as YAML
_NONE = "{}"  # in YAML, which need not be imported for it


class Settings(dict):
    """A dictionary whose items are attributes, too: `config.seed`, `config["sweep"]["alpha"]`."""

    def __getattr__(self, name: str) -> Any:
        """Return a setting.

        Raises:
            AttributeError: there is no such setting; the message has close names.
        """
        if name in self:
            return self[name]
        raise AttributeError(self._unknown(name))

    def __missing__(self, name: str) -> Any:
        """Say which settings there are.

        Raises:
            KeyError: always.
        """
        raise KeyError(self._unknown(name))

    def _unknown(self, name: str) -> str:
        return f"there is no setting {name!r} in config.yaml: {choice(name, self)}"


def __getattr__(name: str) -> Settings:
    """Return the settings of the experiment whose folder we are in, as `config`."""
    if name != "config":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if folder := os.environ.get(VARIABLE):
        with contextlib.suppress(OSError):
            Path(folder, ASKED).touch()
    return effective(here())


def effective(experiment: Experiment) -> Settings:
    """Return `config.yaml` with the overrides of this build in it."""
    return _settings(_merged(experiment.config(), overrides(experiment)))


def overrides(experiment: Experiment | None = None) -> dict:
    """Return the settings that were given on the command line: they win over config.yaml.

    Args:
        experiment: whose settings they are, if names that it does not have are to be refused.

    Raises:
        LabError: one of them cannot be understood.
    """
    if TOLD in os.environ:
        return _read(os.environ[TOLD])
    seed = option("SEED")
    if seed and not seed.lstrip("-").isdecimal():
        raise LabError(f"SEED={seed} is no whole number\n  example: make SEED=7")
    given = {"seed": int(seed)} if seed else {}
    for word in _words(option("SET")):
        name, _, text = word.partition("=")
        if experiment:
            _refuse_unknown(name, experiment.config())
        given = _merged(given, _nested(name, _value(name, text)))
    return given


def _words(text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise LabError(f"SET={text} cannot be read: {str(error).lower()}") from None
    wrong = next((word for word in words if not re.match(r"[^=]+=", word)), None)
    if wrong:
        raise LabError(
            f"SET has {wrong!r}, which is no NAME=VALUE\n"
            '  example: make SET="size=20 sweep.alpha=0.3"'
        )
    return words


def _value(name: str, text: str) -> Any:
    """Return what a value means in YAML, with numbers as programs write them: `1e-5`."""
    import yaml

    from labflake.project import strict_yaml

    try:
        return strict_yaml.value(text)
    except yaml.YAMLError:
        raise LabError(f"SET: {name}={text} is no value of YAML\n  quote it: {name}='…'") from None


def _nested(name: str, value: Any) -> dict:
    for part in reversed(name.split(".")):
        value = {part: value}
    return value


def _refuse_unknown(name: str, config: dict) -> None:
    """Refuse a name that the settings do not have: nothing would use it.

    Raises:
        LabError: with close names.
    """
    place: Any = config
    for part in name.split("."):
        if not isinstance(place, dict) or part not in place:
            known = dict.fromkeys([each for each, _ in _flat(config)] + [*config])
            raise LabError(
                f"SET: there is no setting {name!r} in config.yaml\n  {choice(name, known)}"
            )
        place = place[part]


def told() -> dict[str, str]:
    """Return the variable that tells a process of this build what the overrides are."""
    given = overrides()
    if not given:
        return {TOLD: _NONE}
    import yaml

    line = yaml.safe_dump(given, sort_keys=False, default_flow_style=True, width=1_000_000)
    return {TOLD: line.rstrip("\n")}


def _read(text: str) -> dict:
    if text == _NONE:
        return {}
    import yaml

    return yaml.safe_load(text)


def as_words(given: dict) -> str:
    """Return what to write after `make` for these overrides: `SEED=7`, or `SET="size=20"`."""
    if [*given] == ["seed"]:
        return f"SEED={given['seed']}"
    words = [_word(name, value) for name, value in _flat(given)]
    return f"SET={shlex.quote(' '.join(words))}" if given else ""


def _word(name: str, value: Any) -> str:
    """Return a setting as `SET` takes it: YAML, quoted where the shell would take quotes away."""
    text = json.dumps(value, separators=(",", ":"), default=str, ensure_ascii=False)
    text = str(value) if text == f'"{value}"' and not isinstance(value, str) else text  # dates
    if isinstance(value, float):  # JSON has no word for what is infinite
        import yaml

        text = yaml.safe_dump(value).split()[0]
    word = f"{name}={text}"
    return word if shlex.split(word) == [word] else shlex.quote(word)


def _flat(tree: dict, before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted name and the value of each setting."""
    for key, value in tree.items():
        name = f"{before}{key}"
        yield from (
            _flat(value, f"{name}.") if isinstance(value, dict) and value else [(name, value)]
        )


def _merged(config: dict, given: dict) -> dict:
    """Return the settings with other values for those that are given."""
    changed = {
        key: _merged(config[key], value)
        if isinstance(value, dict) and isinstance(config.get(key), dict)
        else value
        for key, value in given.items()
    }
    return config | changed


def _settings(value: Any) -> Any:
    if isinstance(value, dict):
        return Settings({key: _settings(each) for key, each in value.items()})
    return [_settings(each) for each in value] if isinstance(value, list) else value
