"""The front check: is everything built, and from what is there now?

Each step, each document and the graph of the steps has its own record of what it was made from.
Whether all is built is not noted anywhere: it follows from comparing the records with the files.
Standard library only; about a thousand files cost a few milliseconds.
"""

import functools
import hashlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from labflake.content.contents import Contents
from labflake.content.folders import names as names_in
from labflake.environment import noted
from labflake.project.experiments import RECORD, Experiment, head_commit, root
from labflake.project.options import option


class Change:
    """What is not built, or not from what is there. Paths are relative to the generated folder."""

    def __init__(self) -> None:
        self.everything = False  # what decides the graph, or a build was interrupted: ask all steps
        self.steps: list[str] = []  # the first output of each step that is not as recorded
        self.tampered: list[str] = []
        self.documents: list[str] = []
        self.files: list[str] = []  # that differ, for people
        self.environment = ""  # what `.venv` is now

    def __bool__(self) -> bool:
        return bool(self.everything or self.steps or self.documents or self.files)


class _Present:
    """The contents of files as they are now, each looked at once."""

    def __init__(self, contents: Contents) -> None:
        self.digest = functools.cache(contents.present)

    def changed(self, files: dict[str, str]) -> list[str]:
        """Return the files that are not what these digests say."""
        return [path for path, digest in files.items() if self.digest(path) != digest]


def examine(experiment: Experiment, contents: Contents) -> Change:
    """Compare all records with the files; hash only those that look touched."""
    change, present = Change(), _Present(contents)
    _examine_graph(experiment, contents, change, present)
    changed = present.changed(contents.data)
    for first, step in contents.steps.items():
        inputs, outputs = present.changed(step["inputs"]), present.changed(step["outputs"])
        inputs += renamed(experiment, step["listed"])
        change.tampered += outputs
        changed += [*inputs, *outputs]
        if inputs or outputs or step["graph"] != contents.graph.get("id"):
            change.steps.append(first)
    _examine_documents(experiment, contents, change, present)
    change.environment = environment()
    if contents.environment != change.environment:
        _examine_packages(contents, change)
    change.files = list(dict.fromkeys([*change.files, *changed]))
    return change


def _examine_graph(
    experiment: Experiment, contents: Contents, change: Change, present: _Present
) -> None:
    graph = contents.graph
    change.everything = not graph or is_interrupted(experiment) or graph["settings"] != settings()
    if not graph:
        return
    change.files = present.changed(graph["files"])
    change.files += renamed(experiment, graph["listings"])
    change.files += answered_otherwise(experiment, graph)
    change.everything |= bool(change.files)
    for names in (graph["variables"], graph.get("asked", {})):
        change.everything |= names != variables(names)
    change.steps += [first for first in graph["steps"] if first not in contents.steps]


def _examine_documents(
    experiment: Experiment, contents: Contents, change: Change, present: _Present
) -> None:
    head, around = head_commit(), variables(contents.graph.get("variables", ()))
    for name in (source.name for source in experiment.documents()):
        record = contents.documents.get(name)
        if not record:
            change.documents.append(name)
            continue
        known = (record.get(kind, {}) for kind in ("outputs", "reads", "around"))
        changed = [path for files in known for path in present.changed(files)]
        changed += renamed(experiment, record.get("listed", {}))
        change.files += changed
        others = record.get("head") != head or record.get("variables") != around
        if changed or others or _is_by_others(record, present):
            change.documents.append(name)
    change.documents += contents.documents.keys() - {d.name for d in experiment.documents()}


def _is_by_others(record: dict, present: "_Present") -> bool:
    """Tell whether a document names other authors than `pyproject.toml` does by now."""
    if not present.changed(record["about"]):
        return False
    from labflake.project import authors

    return record["authors"] != authors.names()


def _examine_packages(contents: Contents, change: Change) -> None:
    """Find what was made with other packages than those that it would get now."""
    from labflake.processes import determinism
    from labflake.programs import packages, pins

    @functools.cache
    def differ(name: str, programs: frozenset[str] = frozenset()) -> bool:
        return bool(pins.changed(contents.packages[name], programs))

    for step in contents.steps.values():
        programs = () if step["container"] else packages.of_programs(step["command"])
        change.everything |= differ(step["packages"], frozenset(programs))
    if contents.graph:
        change.everything |= differ(contents.graph["packages"])
        change.everything |= contents.graph["environment"] != determinism.conditions()
    papers = contents.documents.items()
    form = determinism.conditions_of_documents()
    changed = [n for n, r in papers if differ(r["packages"]) or r["conditions"] != form]
    change.documents += [name for name in changed if name not in change.documents]


def environment() -> str:
    """Return what says that the same packages are installed as before."""
    return "\n".join(noted(root())[1:])


def is_interrupted(experiment: Experiment) -> bool:
    """Tell whether a build ended before it was complete."""
    return os.path.exists(experiment.state / "building")


def settings() -> str:
    """Return what people can set from outside and what changes results."""
    version = ".".join(map(str, sys.version_info[:2]))
    given = [option("SEED"), option("SET")]
    return f"python={version} seed={given[0]} set={given[1]}"


def variables(names: Iterable[str]) -> dict[str, str]:
    """Return a digest of the value that each variable has in a build; they may be secrets.

    One that is not set has none, and that is not the one of an empty text.
    """
    if not (wanted := [*names]):
        return {}
    from labflake.processes import determinism

    around = os.environ | determinism.environment()
    values = {name: os.fsencode(around[name]) if name in around else None for name in wanted}
    return {
        name: "" if value is None else hashlib.sha256(value).hexdigest()
        for name, value in values.items()
    }


def structure(experiment: Experiment) -> list[str]:
    """Return files that may decide which steps there are, also if nothing is seen to read them."""
    own = [p for p in experiment.scripts.rglob("*") if _is_code(p)]
    return _relative(experiment, [p for p in own if p.is_file()])


def _is_code(path: Path) -> bool:
    """Tell whether a file of an experiment is neither prose nor left by an editor or Python."""
    own = path.name == RECORD and path.parent.parent == root() / "scripts"
    return path.suffix not in (".md", ".bib", ".pyc") and path.name[0] not in ".#" and not own


def listings(experiment: Experiment) -> dict[str, list[str]]:
    """Return the names in each folder where a new or missing file may change the steps."""
    folders = [
        path
        for place in (experiment.scripts, root() / "src")
        for path in [place, *place.rglob("*")]
        if path.is_dir() and path.name != "__pycache__"
    ]
    return names(experiment, _relative(experiment, folders))


def names(experiment: Experiment, folders: Iterable[str]) -> dict[str, list[str]]:
    """Return the names in each folder, without what editors and Python leave there."""
    return {folder: names_in(experiment.generated / folder) for folder in folders}


def renamed(experiment: Experiment, listed: dict[str, list[str]]) -> list[str]:
    """Return the folders that have other names in them."""
    return [f for f, known in listed.items() if names_in(experiment.generated / f) != known]


def asked_about(graph: dict) -> list[str]:
    """Return the files that the Snakefile asked about without opening them."""
    known = graph.get("questions")
    if not known:
        return []
    from labflake.steps import questions

    return [questions.path_of(each) for each in known]


def answered_otherwise(experiment: Experiment, graph: dict) -> list[str]:
    """Return the files of which the Snakefile would be told something else now."""
    known = graph.get("questions")
    if not known:
        return []
    from labflake.steps import questions

    now = questions.answers(str(experiment.generated), known)
    return [questions.path_of(each) for each, answer in known.items() if now[each] != answer]


def _relative(experiment: Experiment, paths: Iterable[Path]) -> list[str]:
    return [os.path.relpath(path, experiment.generated) for path in sorted(paths)]
