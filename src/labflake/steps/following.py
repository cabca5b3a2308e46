"""What follows from steps that differ, by what is told of all steps, each by its first output."""

import functools
import os
from collections.abc import Callable, Iterable, Iterator


def makers(steps: dict[str, dict]) -> dict[str, dict[str, str]]:
    """Return of each input of each step which step makes it, or the folder in which it lies."""
    outputs = {path: first for first, said in steps.items() for path in said["outputs"]}
    folders = any("directory" in m for said in steps.values() for m in said.get("marks", ()))

    @functools.cache
    def maker(path: str) -> str:
        places = upwards(os.path.normpath(path)) if folders else [path]
        return next((outputs[each] for each in places if each in outputs), "")

    return {
        first: {path: maker(path) for path in said.get("inputs", ())}
        for first, said in steps.items()
    }


def chosen(
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


def leading_to(firsts: set[str], needs: dict[str, set[str]]) -> set[str]:
    """Return these steps and all that they need, directly or through others."""
    found, waiting = set(firsts), [*firsts]
    while waiting:
        fresh = needs[waiting.pop()] - found
        found |= fresh
        waiting += fresh
    return found


def fleeting(steps: dict[str, dict], chosen: set[str]) -> dict[str, set[str]]:
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
            for place in temporary.keys() & {*upwards(os.path.normpath(path))}:
                found.setdefault(place, set()).add(first)
    return found


def upwards(path: str) -> Iterator[str]:
    """Give a path, and all the folders in which it lies."""
    while path and path != os.path.dirname(path):
        yield path
        path = os.path.dirname(path)
