"""The steps of an experiment as a graph, and the state of each before anything runs."""

import difflib
import functools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lab.errors import LabError
from lab.experiments import Experiment
from lab.pipeline import cache, engine, found, limits, names, profiles, run_steps, steps
from lab.pipeline.contents import Contents

COMPLETE, CACHED, PENDING = "COMPLETE", "CACHED", "PENDING"


@dataclass
class Node:
    """One step: what it needs, what needs it, and whether it would run."""

    step: steps.Step
    needs: list[str] = field(default_factory=list)
    state: str = PENDING
    why: str = ""
    key: str = ""
    grows: bool = False


class _Foresight:
    """The contents of files as they will be once the steps before have come from the cache."""

    def __init__(self, contents: Contents, environment: str) -> None:
        self.contents = self
        self.environment = environment
        self.known = contents
        self.generated = contents.generated
        self.expected: dict[str, str] = {}

    def digest(self, path: str) -> str:
        return self.expected[path] if path in self.expected else self.known.digest(path)


def read(experiment: Experiment) -> dict[str, Node]:
    """Return the steps by name, each after all that it needs."""
    most = limits.from_environment(profiles.chosen())
    request = engine.Request(experiment, most, run_steps.overrides(experiment))
    levels = engine.read(request).toposorted()
    jobs = [job for level in levels for job in sorted(level, key=str) if job.output]
    makers = {str(f): steps.from_job(job).name for job in jobs for f in job.output}
    nodes = {}
    for job in jobs:
        step = steps.from_job(job)
        needs = [makers[p] for p in step.inputs if p in makers]
        nodes[step.name] = Node(step, list(dict.fromkeys(needs)), grows=job.is_checkpoint)
    return nodes


def judge(nodes: dict[str, Node], contents: Contents) -> None:
    """Find for each step whether its result is there, in the cache, or has to be computed."""
    store = cache.chosen()
    foresight = _Foresight(contents, run_steps.fingerprint())
    for node in nodes.values():
        pending = [n for n in node.needs if nodes[n].state == PENDING]
        node.why = f"follows {pending[0]}" if pending else ""
        if pending:
            continue
        node.key = _key(node.step, foresight, store)
        made = contents.steps.get(node.step.outputs[0], {})
        outputs = store.digests(node.key)
        if contents.is_built(node.key, node.step.outputs):
            node.state = COMPLETE
            foresight.expected |= made["outputs"]
        elif outputs and list(outputs) == node.step.outputs:
            node.state, node.why = CACHED, _why(node.step, made, foresight)
            foresight.expected |= outputs
        else:
            node.why = _why(node.step, made, foresight)


def _key(step: steps.Step, foresight: _Foresight, store: cache.Cache) -> str:
    """Return the key under which the result of a step is there or in the cache, if any."""
    contents, key_of = foresight.known, functools.partial(steps.key_of, step, foresight)
    for key in found.keys(step, key_of, contents, None):
        if contents.is_built(key, step.outputs):
            return key
    known = (key for key in found.keys(step, key_of, contents, store) if store.digests(key))
    return next(known, "") or next(found.keys(step, key_of, contents, None))


def _why(step: steps.Step, made: dict, foresight: _Foresight) -> str:
    """Say what differs from the last time that the step was made."""
    if not made:
        return "never made here"
    files = [*step.inputs, *(p for p in step.found if not p.endswith("/"))]
    changed = [p for p in files if made["inputs"].get(p) != foresight.digest(p)]
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        return f"{shown(changed[0])} changed{more}"
    gone = [p for p in step.outputs if foresight.known.digest(p) != made["outputs"].get(p)]
    if made["command"] != step.command:
        return "command or parameters changed"
    return f"{gone[0]} is not as it was made" if gone else "the environment changed"


def shown(path: str) -> str:
    """Return a path relative to the generated folder as people know it."""
    return os.path.normpath(path).removeprefix("../../")


def named(nodes: dict[str, Node], text: str) -> list[str]:
    """Return the steps that a person means: a rule with all its variants, or one of them.

    One is named as the plan shows it, or by a file that it makes.

    Raises:
        LabError: there is no such step; the message lists close names.
    """
    path = re.sub("^generated/[^/]+/", "", text)
    known = [(n, (n, names.rule(n)), node.step.outputs) for n, node in nodes.items()]
    found = [n for n, called, outputs in known if text in called or path in outputs]
    if found:
        return found
    everything = list(dict.fromkeys([names.rule(n) for n in nodes] + list(nodes)))
    close = difflib.get_close_matches(text, everything, n=5, cutoff=0.3) or everything[:5]
    raise LabError(f"there is no step {text!r}; steps are, among others: {', '.join(close)}")


def followers(nodes: dict[str, Node], names: list[str]) -> list[str]:
    """Return the steps that follow from these, in order."""
    found = set(names)
    for name, node in nodes.items():
        if found.intersection(node.needs):
            found.add(name)
    return [n for n in nodes if n in found and n not in names]


def leaders(nodes: dict[str, Node], names: list[str]) -> list[str]:
    """Return the steps that these need, in order."""
    found = set(names)
    for name in reversed(nodes):
        if name in found:
            found.update(nodes[name].needs)
    return [n for n in nodes if n in found and n not in names]


def ends(nodes: dict[str, Node]) -> Iterator[str]:
    """Give the steps that no other step needs."""
    needed = {n for node in nodes.values() for n in node.needs}
    yield from (n for n in nodes if n not in needed)
