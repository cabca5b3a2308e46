"""The steps of an experiment as a graph, and the state of each before anything runs."""

import functools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path

from labflake import cache
from labflake.content.contents import Contents
from labflake.data_files import guarded
from labflake.data_files.gate import record
from labflake.errors import LabError, choice
from labflake.processes import determinism
from labflake.programs import pins
from labflake.project.experiments import Experiment
from labflake.project.settings import overrides
from labflake.steps import found, keys, limits, names
from labflake.steps.ahead import Ahead
from labflake.steps.reading import Reading
from labflake.steps.snakemake import engine, opened
from labflake.steps.snakemake.missing import shown
from labflake.steps.step import Step

COMPLETE, CACHED, PENDING = "COMPLETE", "CACHED", "PENDING"


@dataclass
class Node:
    """One step: what it needs, what needs it, and whether it would run."""

    step: Step
    needs: list[str] = field(default_factory=list)
    state: str = PENDING
    why: str = ""
    key: str = ""
    grows: bool = False
    is_open: bool = False  # what it decides is not known yet


class _Foresight:
    """The contents of files as they will be: data brought, and steps that come from the cache."""

    def __init__(self, experiment: Experiment, contents: Contents) -> None:
        self.contents = self
        self.environment = determinism.conditions()
        self.generated = contents.generated
        self.known = contents
        self.store = cache.chosen()
        self.data = guarded.of(experiment)
        recorded = record.read(experiment.scripts / "hashes.txt").digests
        there = {path for path in recorded if os.path.lexists(experiment.generated / path)}
        self.expected = {path: d for path, d in recorded.items() if path not in there}
        self.brought: set[str] = set()

    def digest(self, path: str) -> str:
        if path in self.expected:
            return self.expected[path]
        inside = self.brought and not self.brought.isdisjoint(map(str, Path(path).parents))
        return "" if inside else self.known.digest(path)

    def bring(self, key: str) -> None:
        """Know what will be there when the result with this key has come from the cache."""
        outputs = self.store.digests(key) or {}
        self.expected |= self.store.files(key) | outputs
        self.brought |= outputs.keys()


def read(experiment: Experiment) -> dict[str, Node]:
    """Return the steps by name, each after all that it needs, with the state of each.

    What a checkpoint decides that is complete, or in the cache, is part of it: as when it is built.
    """
    most = limits.from_options(limits.profile())
    foresight = _Foresight(experiment, Contents(str(experiment.generated)))
    former = frozenset(foresight.known.made())
    request = opened.Request(experiment, most, overrides(experiment), former=former)
    Reading(experiment, foresight.known)  # a build in this process has to know what was read
    rounds: list[list[str]] = []

    def complete(known: list[Step]) -> list[str]:
        nodes = _nodes([known], rounds)
        _judge(nodes, foresight)
        before = {name for decided in rounds for name in decided}
        deciding = [step.name for step in known if step.is_checkpoint]
        rounds.append([n for n in deciding if n not in before and is_decided(nodes[n])])
        return rounds[-1]

    def is_decided(node: Node) -> bool:
        cached = node.state == CACHED
        return node.state == COMPLETE or (
            cached and ahead.bring(node.key, node.step.kept(), foresight.store)
        )

    with Ahead(experiment) as ahead:
        nodes = _nodes(engine.read(request, foresight.data.holds, complete), rounds)
    _judge(nodes, foresight)
    return nodes


def _nodes(states: list[list[Step]], rounds: list[list[str]]) -> dict[str, Node]:
    """Return the steps of a graph that grew with each round of checkpoints.

    A checkpoint stays in it, with all that it needs. What it decided follows from it: the steps
    that asked for it, and those that came with it.
    """
    makers = {path: step.name for known in states for step in known for path in step.outputs}
    known = {name for decided in rounds for name in decided}
    nodes: dict[str, Node] = {}
    for steps_of_round, decided in zip(states, [[], *rounds], strict=False):
        before = dict(nodes)
        for step in steps_of_round:
            name = step.name
            above = before[name].needs if name in before else decided
            kept = [n for n in above if before[n].grows]
            own = [_maker(path, makers) for path in step.rules_inputs()]
            needs = [*filter(None, dict.fromkeys([*kept, *own]))]
            grows = step.is_checkpoint
            nodes[name] = Node(step, needs, grows=grows, is_open=grows and name not in known)
    return _sorted(nodes)


def _maker(path: str, makers: dict[str, str]) -> str:
    """Return the step that makes a file, or a folder in which it lies; "" if none does."""
    around = [path, *map(str, Path(path).parents)]
    return next((makers[each] for each in around if each in makers), "")


def _sorted(nodes: dict[str, Node]) -> dict[str, Node]:
    """Return the steps, each after all that it needs."""
    order = TopologicalSorter({name: node.needs for name, node in nodes.items()})
    return {name: nodes[name] for name in order.static_order()}


def _judge(nodes: dict[str, Node], foresight: _Foresight) -> None:
    """Find for each step whether its result is there, in the cache, or has to be computed."""
    for node in nodes.values():
        pending = [n for n in node.needs if nodes[n].state == PENDING]
        node.why = f"follows {pending[0]}" if pending else _awaited(node, foresight)
        if node.why:
            continue
        node.key = _key(node.step, foresight)
        made = foresight.known.steps.get(node.step.outputs[0], {})
        outputs = foresight.store.digests(node.key)
        if _is_complete(node.step, node.key, foresight):
            node.state = COMPLETE
            foresight.expected |= made["outputs"] | made.get("inside", {})
        elif outputs and list(outputs) == node.step.kept():
            node.state, node.why = CACHED, _why(node.step, made, foresight)
            foresight.bring(node.key)
        else:
            node.why = _why(node.step, made, foresight)
    wanted = {p for node in nodes.values() if node.state != COMPLETE for p in node.step.inputs}
    for node in reversed(nodes.values()):
        if node.state == COMPLETE and _is_wanted_back(node, wanted, foresight):
            wanted.update(node.step.inputs)
            node.state = CACHED if foresight.store.digests(node.key) else PENDING
            node.why = "was removed after use, and is needed again"


def _is_wanted_back(node: Node, wanted: set[str], foresight: _Foresight) -> bool:
    """Tell whether a `temp()` output that is gone is an input of a step that is not complete."""
    return any(p in wanted and not foresight.known.digest(p) for p in node.step.outputs)


def _awaited(node: Node, foresight: _Foresight) -> str:
    """Name data that the step needs and that the next build brings."""
    missing = [p for p in node.step.inputs if foresight.data.holds(p) and not foresight.digest(p)]
    return f"{shown(missing[0])} is not here yet" if missing else ""


def _is_complete(step: Step, key: str, foresight: _Foresight) -> bool:
    """Tell whether the result is there, but for files that go when nobody needs them any more."""
    known = foresight.known
    made = known.steps.get(step.outputs[0])
    if not made or made["key"] != key or list(made["outputs"]) != step.outputs:
        return False
    marks = dict(zip(step.outputs, step.marks, strict=True))
    there = {path: known.digest(path) for path in step.outputs}
    gone = {path for path, digest in there.items() if not digest and "temp" in marks[path]}
    return all(there[path] == made["outputs"][path] for path in there if path not in gone)


def _key(step: Step, foresight: _Foresight) -> str:
    """Return the key under which the result of a step is there or in the cache, if any."""
    key_of = functools.partial(keys.key_of, step, foresight)
    contents, store = foresight.known, foresight.store
    for key in found.keys(step, key_of, contents, None):
        if _is_complete(step, key, foresight):
            return key
    known = (key for key in found.keys(step, key_of, contents, store) if store.digests(key))
    return next(known, "") or next(found.keys(step, key_of, contents, None))


def _why(step: Step, made: dict, foresight: _Foresight) -> str:
    """Say what differs from the last time that the step was made."""
    if not made:
        return "never made here"
    files = [*step.inputs, *found.paths(step.found)]
    changed = [p for p in files if made["inputs"].get(p) != foresight.digest(p)]
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        return f"{shown(changed[0])} changed{more}"
    known = foresight.known.packages.get(made["packages"], {}).get("pins", {})
    if other := pins.difference(known, keys.seen_packages(step)["pins"]):
        return other
    gone = [p for p in step.outputs if foresight.known.digest(p) != made["outputs"].get(p)]
    if made["command"] != step.command:
        return "command or parameters changed"
    return f"{gone[0]} is not as it was made" if gone else "Python, the machine or labflake changed"


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
    raise LabError(f"there is no step {text!r}\n  {choice(text, everything)}")


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
