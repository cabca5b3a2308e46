"""Which packages of `.venv` a program can see: their pins are in the key of what it makes.

What a program imports is read off its text, and what these packages require follows. What it, or
one of its packages, tried to import besides is seen when it runs (`labflake.steps.seen`). Where
neither can be followed, all packages count that the project asks for, but for its tools.
"""

import re
from functools import cache
from pathlib import Path

from labflake.programs import installed
from labflake.project import packages
from labflake.project.experiments import root
from labflake.records import Frozen

LABFLAKE = "labflake"
_BY_LABFLAKE = ("numpy", "pandas", "skops")  # with which `load` and `save` read and write


class Asked(Frozen):
    """What a program asks for, whatever is installed.

    Attributes:
        modules: names that it imports.
        packages: distributions that it runs programs of.
        everything: whether more than that, which nobody can read off it.
        looked_for: modules that it, or a package, was seen to look for; of tools they do not count.
    """

    modules: frozenset[str] = frozenset()
    packages: frozenset[str] = frozenset()
    everything: bool = False
    looked_for: frozenset[str] = frozenset()

    def __or__(self, other: "Asked") -> "Asked":
        """Return what both ask for."""
        return Asked(
            self.modules | other.modules,
            self.packages | other.packages,
            self.everything or other.everything,
            self.looked_for | other.looked_for,
        )


def of(asked: Asked) -> dict[str, str]:
    """Return the pins of all packages that this can see, by their names."""
    return _of(asked, root())


@cache
def _of(asked: Asked, project: Path) -> dict[str, str]:
    there = installed.of(project)
    looked_for = {name for module in asked.looked_for for name in owners(module)}
    names = {name for module in asked.modules for name in owners(module)} | asked.packages
    names |= {name for name in looked_for if not there[name]["for_tools"]}
    if LABFLAKE in names:
        names |= {*_BY_LABFLAKE}
    found = closure({(name, "") for name in names - {LABFLAKE}}, there)
    if asked.everything:
        found |= closure({(name, "") for name in wanted(project)}, there)
    return {name: there[name]["pin"] for name in sorted(_with_plugins(found, there) - {LABFLAKE})}


def noted(asked: Asked) -> dict:
    """Return what to note of it: what is asked for, and the pins now."""
    asks = [sorted(each) if isinstance(each, frozenset) else each for each in vars(asked).values()]
    return {"asks": asks, "pins": of(asked)}


def changed(note: dict, programs: frozenset[str] = frozenset()) -> str:
    """Say what differs from what was noted, with these packages besides; "" if nothing does."""
    return difference(note["pins"], of(asked_in(note) | Asked(packages=programs)))


def asked_in(note: dict) -> Asked:
    """Return what was noted to be asked for."""
    modules, packages, everything, looked_for = note["asks"]
    return Asked(frozenset(modules), frozenset(packages), everything, frozenset(looked_for))


def owners(module: str) -> set[str]:
    """Return the distributions that a module is of; of a part of their common name, all."""
    known = _by_module(root())
    return set().union(*(known.get(n, ()) for n in [f"{module}.", *_upwards(module)]))


@cache
def _by_module(project: Path) -> dict[str, set[str]]:
    """Return the distributions by the names of their modules, and by what is above these."""
    found: dict[str, set[str]] = {}
    for name, each in installed.of(project).items():
        for module in each["modules"]:
            for above in _upwards(module):
                found.setdefault(above if above == module else f"{above}.", set()).add(name)
    return found


def _upwards(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(len(parts), 0, -1)]


def closure(pairs: set[tuple[str, str]], there: dict[str, dict]) -> set[str]:
    """Return these distributions, each with one of its extras or "", and all that they require."""
    known, waiting = set(), list(pairs)
    while waiting:
        name, extra = pair = waiting.pop()
        if pair in known or name not in there or name == LABFLAKE:
            continue
        known.add(pair)
        needs = there[name]["needs"]
        waiting += [(other, "") for other, _ in needs.get(extra, ())]
        waiting += [(other, each) for other, asked in needs.get(extra, ()) for each in asked]
    return {name for name, _ in known}


def _with_plugins(found: set[str], there: dict[str, dict]) -> set[str]:
    """Add what registers entry points for one of these packages, and what that requires."""
    known: set[str] = set()
    while found - known:
        names = {n for name in found - known for n in (name, *there[name]["modules"])}
        known = {*found}
        groups = "|".join(sorted(re.escape(n).replace("\\-", "[-_.]") for n in names))
        starts = re.compile(f"({groups})(?![a-z0-9])", re.IGNORECASE)
        plugins = {
            (name, "")
            for name, each in there.items()
            if not each["for_tools"] and any(map(starts.match, each["registers"]))
        }
        found = found | closure(plugins, there)
    return found


@cache
def wanted(project: Path) -> frozenset[str]:
    """Return the packages that `pyproject.toml` asks for itself, for results and not as tools."""
    facts = packages.facts(project)
    own, poetry = facts.get("project", {}), facts.get("tool", {}).get("poetry", {})
    lines = [*own.get("dependencies", ()), *poetry.get("dependencies", ())]
    lines += [line for each in own.get("optional-dependencies", {}).values() for line in each]
    groups = {
        name: [*each.get("dependencies", ())] for name, each in poetry.get("group", {}).items()
    }
    for name, each in facts.get("dependency-groups", {}).items():
        groups.setdefault(name, []).extend(line for line in each if isinstance(line, str))
    for name in groups.keys() - installed.NOT_FOR_RESULTS:
        lines += groups[name]
    names = (re.findall(r"^[\w.-]*", line.strip())[0] for line in lines)
    return frozenset({packages.named(name) for name in names} - {LABFLAKE, "python"})


def difference(before: dict[str, str], now: dict[str, str]) -> str:
    """Say which package is not what it was, and how many more; "" if all are."""
    names = [name for name in sorted(before | now) if before.get(name) != now.get(name)]
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{_told(names[0], before, now)}{more}" if names else ""


def _told(name: str, before: dict[str, str], now: dict[str, str]) -> str:
    old, new = (each.get(name, "").partition(" ")[0] for each in (before, now))
    if not old:
        return f"{name} {new} (new)"
    if not new:
        return f"{name} {old} (removed)"
    return f"{name} {old} → {new}" if old != new else f"{name} {old} (from another file)"
