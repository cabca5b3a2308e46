"""The steps as the last reading of the Snakefile told them: they can run without Snakemake.

That holds while nothing changed that decides which steps there are, and while none that has to run
makes something of which that could follow. In any doubt Snakemake reads the Snakefile again.
"""

import functools
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from labflake.content import notes
from labflake.content.contents import Contents
from labflake.programs import handed_names
from labflake.project.experiments import Experiment, root
from labflake.steps import changed, snakefile
from labflake.steps.step import Step

if TYPE_CHECKING:
    from labflake.steps.steps import Session

_SAID = (
    *("name", "rule", "command", "moved", "inputs", "outputs", "logs", "container", "containers"),
    *("files", "sources"),
    *("marks", "threads", "memory", "gpus", "minutes", "attempts", "wanted", "deciding", "passed"),
    *("benchmark", "message", "priority", "is_local"),
)
_MOST = 20_000  # characters of what a script is handed
_HANDLERS = re.compile(r"^\s*on(start|success|error)\s*:", re.MULTILINE)
_USUAL = {
    field.name: field.default if field.default_factory is MISSING else field.default_factory()
    for field in fields(Step)
    if field.name in _SAID
}


def note(step: Step) -> dict:
    """Return what the Snakefile says of a step, without what is as usual."""
    said = {name: getattr(step, name) for name in _SAID}
    return {
        name: list(value) if isinstance(value, list) else value
        for name, value in said.items()
        if value != _USUAL[name]
    }


def keep(experiment: Experiment, session: "Session") -> None:
    """Keep what this build was told of its steps, for builds under the same graph."""
    contents, programs = session.contents, snakefile.asked()
    before = notes.read_jobs(contents.generated)
    known = before["steps"] if before.get("graph") == session.graph else {}
    steps = {first: said for first, said in (known | session.told).items() if _is_small(said)}
    sources = {file: parts for said in steps.values() for file, parts in _sources(said).items()}
    of_code = {name for parts in [*programs.values(), *sources.values()] for name in parts}
    told = {
        "graph": session.graph,
        "code": {name: session.known(name) for name in sorted(of_code)},
        "programs": programs,
        "sources": sources,
        "machine": _machine(),
        "steps": steps,
    }
    handled = any(map(has_handlers, (_full(contents, path) for path in contents.graph["files"])))
    agreed = all(_sources(said).items() <= sources.items() for said in steps.values())
    notes.write_jobs(contents.generated, told if agreed and not handled else {})


def _sources(said: dict) -> dict[str, list[str]]:
    return said.get("sources", {})


def _is_small(said: dict) -> bool:
    """Tell whether it is not too much to keep what a script is handed, for each of many steps."""
    return sum(map(len, said.get("files", {}).values())) < _MOST


def _machine() -> list[str]:
    """Return what scripts are handed that is not of the project."""
    places = [os.environ.get(name, "") for name in ("TMPDIR", "TEMP", "TMP")]
    return [str(root()), changed.environment(), *places]


def has_handlers(path: str) -> bool:
    """Tell whether a file says `onsuccess:` or the like, which is for Snakemake to do."""
    try:
        return bool(_HANDLERS.search(Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return False


class Due(NamedTuple):
    """The steps that have to run, by their first outputs.

    Attributes:
        steps: these.
        needs: which of the others each needs.
        fleeting: outputs that are `temp()`, each with the steps after which it goes.
    """

    steps: dict[str, Step]
    needs: dict[str, set[str]]
    fleeting: dict[str, set[str]]


def due(
    experiment: Experiment, contents: Contents, changed: Iterable[str], environment: str
) -> Due | None:
    """Return the steps that differ, and all that follow; None if only Snakemake can tell.

    Args:
        experiment: the experiment.
        contents: what was built, and from what.
        changed: the first output of each step that is not as it was recorded.
        environment: of the machine, which decides results.
    """
    told = notes.read_jobs(contents.generated)
    graph = contents.graph
    if not graph or told.get("graph") != graph["id"] or graph["environment"] != environment:
        return None
    if not _imports_the_same(experiment, contents, told):
        return None
    steps: dict[str, dict] = told["steps"]
    if not {*graph["steps"]} <= steps.keys():
        return None
    makers = _makers(steps)
    needs = {first: {*of.values()} - {""} for first, of in makers.items()}
    chosen = _chosen(changed, makers, lambda path: os.path.lexists(_full(contents, path)))
    if not chosen <= steps.keys() or not _stay(contents, steps, chosen):
        return None
    if any(steps[first].get("files") for first in chosen) and told["machine"] != _machine():
        return None
    if not all(_is_sure(contents, steps[first], makers[first], chosen) for first in chosen):
        return None
    return Due(
        {first: Step(**_of(said)) for first, said in steps.items() if first in chosen},
        {first: needs[first] & chosen for first in chosen},
        _fleeting(steps, chosen),
    )


def _fleeting(steps: dict[str, dict], chosen: set[str]) -> dict[str, set[str]]:
    """Return the outputs that are `temp()`, each with the steps that make and read it."""
    temporary = {
        path: first
        for first, said in steps.items()
        for path, marks in zip(said["outputs"], said.get("marks", ()), strict=False)
        if "temp" in marks
    }
    found = {path: {first} for path, first in temporary.items() if first in chosen}
    for first in chosen if temporary else ():
        for path in steps[first].get("inputs", ()):
            for place in temporary.keys() & {*_upwards(os.path.normpath(path))}:
                found.setdefault(place, set()).add(first)
    return found


def _of(said: dict) -> dict:
    """Return what is said of a step, in lists of its own."""
    return {name: list(v) if isinstance(v, list) else v for name, v in said.items()}


def _imports_the_same(experiment: Experiment, contents: Contents, told: dict) -> bool:
    """Tell whether the programs of steps import what they imported when inputs were told."""
    edited = {name for name, digest in told["code"].items() if contents.digest(name) != digest}
    return all(
        edited.isdisjoint(parts) or _parts(experiment, file) == parts
        for file, parts in told["programs"].items()
    ) and all(
        edited.isdisjoint(parts) or _deciding(experiment, file) == {file: parts}
        for file, parts in told["sources"].items()
    )


def _deciding(experiment: Experiment, file: str) -> dict[str, list[str]]:
    """Return what of a source decides steps now; nothing if it is gone, or no text."""
    path = Path(os.path.normpath(experiment.generated / file))
    try:
        return handed_names.deciding(path, str(experiment.generated)) if path.is_file() else {}
    except OSError:
        return {}


def _parts(experiment: Experiment, file: str) -> list[str]:
    return snakefile.imported(experiment, file) if (experiment.scripts / file).is_file() else []


def _makers(steps: dict[str, dict]) -> dict[str, dict[str, str]]:
    """Return of each input of each step which step makes it, or the folder in which it lies."""
    outputs = {path: first for first, said in steps.items() for path in said["outputs"]}
    folders = any("directory" in m for said in steps.values() for m in said.get("marks", ()))

    @functools.cache
    def maker(path: str) -> str:
        places = _upwards(os.path.normpath(path)) if folders else [path]
        return next((outputs[each] for each in places if each in outputs), "")

    return {
        first: {path: maker(path) for path in said.get("inputs", ())}
        for first, said in steps.items()
    }


def _upwards(path: str) -> Iterator[str]:
    while path and path != os.path.dirname(path):
        yield path
        path = os.path.dirname(path)


def _chosen(
    changed: Iterable[str], makers: dict[str, dict[str, str]], is_there: Callable[[str], bool]
) -> set[str]:
    """Return these steps, all that need them, and what makes an input of one that is gone.

    What is `temp()` goes when nothing needs it any more. What needs a step that runs runs, too.
    """
    users: dict[str, list[str]] = {}
    for first, needs in makers.items():
        for maker in {*needs.values()}:
            users.setdefault(maker, []).append(first)
    found, waiting = set(changed), [*changed]
    while waiting:
        first = waiting.pop()
        above = [
            m
            for path, m in makers.get(first, {}).items()
            if m and m not in found and not is_there(path)
        ]
        fresh = {*above, *users.get(first, ())} - found
        found |= fresh
        waiting += fresh
    return found


def _stay(contents: Contents, steps: dict[str, dict], chosen: set[str]) -> bool:
    """Tell whether neither the graph nor a step that is not told reads what these make.

    The result of a checkpoint is read by the graph.
    """
    graph = contents.graph
    others = [step for first, step in contents.steps.items() if first not in steps]
    needed = [path for step in others for path in step["inputs"]]
    read = {up for p in [*graph["files"], *graph["listings"], *needed] for up in _upwards(p)}
    return read.isdisjoint(path for first in chosen for path in steps[first]["outputs"])


def _is_sure(contents: Contents, said: dict, makers: dict[str, str], chosen: set[str]) -> bool:
    """Tell whether a step can run as it was told, and finds its inputs."""
    record, inputs = contents.steps.get(said["outputs"][0]), said.get("inputs", ())
    if record and record["declared"] != list(dict.fromkeys(inputs)):
        return False
    return all(makers[path] in chosen or os.path.lexists(_full(contents, path)) for path in inputs)


def _full(contents: Contents, path: str) -> str:
    return os.path.join(contents.generated, path)
