"""Results get their places, and it is noted what they are and what they were made from."""

import os
from pathlib import Path

from labflake.content import folders
from labflake.content.atomic import move, remove
from labflake.content.contents import Contents
from labflake.steps import found, keys, results
from labflake.steps.session import Session
from labflake.steps.step import Step


def publish(step: Step, key: str, places: dict[str, str], session: Session) -> dict[str, str]:
    """Move complete outputs into place; note first what they are, and return it."""
    contents = session.contents
    for path in results.protected(step):
        results.protect(places[path])
    made = {path: contents.digest(place) for path, place in places.items()}
    contents.record_step(
        _entry(step, key, made, session) | {"inside": _inside(step, places, contents)}
    )
    for path, place in places.items():
        put(place, path)
        contents.moved(place, path)
    session.expected |= made
    return made


def put(place: str, path: str) -> None:
    """Move something to where it belongs, whatever is there."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir() or target.is_symlink() or os.path.isdir(place):
        remove(target)
    move(Path(place), target)


def _entry(step: Step, key: str, made: dict[str, str], session: Session) -> dict:
    """Return what is noted of a step: what it was made from, and what it made."""
    files = found.paths(step.found)
    listed = [path for path in step.found if path.endswith("/")]
    every = dict.fromkeys([*step.inputs, *files])
    return {
        "key": key,
        "name": step.name,
        "command": step.command,
        "graph": session.graph,
        "inputs": {path: step.digest(path, session.contents) for path in every},
        "declared": step.rules_inputs(),
        "found": step.found,
        "container": step.container,
        "packages": keys.seen_packages(step),
        "listed": {path: folders.names(path) for path in listed},
        "outputs": made,
        "temporary": _temporary(step),
    }


def _temporary(step: Step) -> list[str]:
    """Return the outputs that Snakemake removes when nothing needs them any more."""
    return [p for p, flags in zip(step.outputs, step.marks, strict=False) if "temp" in flags]


def _inside(step: Step, places: dict[str, str], contents: Contents) -> dict[str, str]:
    """Return the digests of the files in temporary folders: they count when the folder is gone."""
    return {
        path + name[len(places[path]) :]: contents.digest(name)
        for path in _temporary(step)
        for name in contents.files([places[path]])
        if name != places[path]
    }


def confirm(step: Step, session: Session) -> None:
    """Note that a step is right as it was recorded, under the graph that this build read."""
    record = session.contents.steps[step.outputs[0]]
    record["graph"] = session.graph
    session.expected |= record["outputs"]
