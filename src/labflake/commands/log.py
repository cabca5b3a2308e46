"""Show what a step printed (`make log STEP=fit`)."""

import re
from pathlib import Path

from labflake.content.contents import Contents
from labflake.content.printed import tamed
from labflake.errors import LabError, meant
from labflake.project.experiments import Experiment, current, relative
from labflake.project.options import option
from labflake.steps import logs, names

_AT_ONCE = 1 << 20  # characters of a line


def main(argv: list[str]) -> None:
    """Print the logs of the step that STEP names; without it, which steps printed something."""
    experiment = current()
    known = {name: logs.of(experiment, name) for name in _steps(experiment)}
    wanted = option("STEP").strip()
    if not wanted:
        _list({name: log for name, log in known.items() if _size(log)})
        return
    for name in _named(experiment, known, wanted):
        log = known.get(name) or logs.of(experiment, name)
        if not log.exists():
            print(f"{name}: it did not run here; its result came from the cache, or is to be made")
            continue
        print(f"{name}   {relative(log)}")
        with log.open(encoding="utf-8", errors="replace", newline="\n") as file:
            for part in iter(lambda: file.readline(_AT_ONCE), ""):
                print(tamed(part), end="")


def _steps(experiment: Experiment) -> dict[str, list[str]]:
    """Return the outputs of each step that was built, by its name."""
    steps = Contents(str(experiment.generated)).steps.values()
    return {step["name"]: [*step["outputs"]] for step in steps}


def _named(experiment: Experiment, known: dict[str, Path], text: str) -> list[str]:
    """Return the steps that a person means; one that never went well has a log, too.

    Raises:
        LabError: there is none; the message has close names.
    """
    path = re.sub("^generated/[^/]+/", "", text)
    made = {name for name, outputs in _steps(experiment).items() if path in outputs}
    found = [name for name in known if text in (name, names.rule(name)) or name in made]
    failed = [] if text in found else [text] if logs.of(experiment, text).exists() else []
    if found or failed:
        return [*found, *failed]
    everything = dict.fromkeys([*known, *map(names.rule, known)])
    near = meant(text, everything, cutoff=0.4) or "see: make log"
    raise LabError(f"there is no log of a step {text!r}\n  {near}")


def _list(known: dict[str, Path]) -> None:
    if not known:
        print("no step printed anything here")
    for name, log in known.items():
        warned = logs.warnings(log)
        note = f"{warned} warning{'s' * (warned > 1)}" if warned else ""
        print(f"{name:<36} {_size(log):>9} bytes   {note}".rstrip())


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0
