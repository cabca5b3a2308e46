"""The steps as the last reading of the Snakefile told them: they can run without Snakemake.

That holds while nothing changed that decides which steps there are, and while none that has to run
makes something of which that could follow. In any doubt Snakemake reads the Snakefile again.
"""

import os
import re
from collections.abc import Iterable, Set
from pathlib import Path

from labflake.content import notes
from labflake.content.contents import Contents
from labflake.programs import handed_names
from labflake.project.experiments import Experiment, root
from labflake.records import Frozen
from labflake.steps import changed as changes
from labflake.steps import following, snakefile
from labflake.steps.step import Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labflake.steps.session import Session

_SAID = (
    *("name", "rule", "command", "moved", "inputs", "outputs", "logs", "container", "containers"),
    *("files", "sources", "notes"),
    *("marks", "threads", "memory", "gpus", "minutes", "attempts", "wanted", "deciding", "passed"),
    *("benchmark", "message", "priority", "is_local"),
)
_MOST = 20_000  # characters of what a script is handed
_HANDLERS = r"(?m)^\s*on(start|success|error)\s*:"
_USUAL = vars(Step(name="", command="", inputs=[], outputs=[]))


def note(step: Step) -> dict:
    """Return what the Snakefile says of a step, without what is as usual."""
    said = {name: getattr(step, name) for name in _SAID}
    return {
        name: list(value) if isinstance(value, list) else value
        for name, value in said.items()
        if value != _USUAL[name] or name in ("name", "command", "inputs", "outputs")
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
    return [str(root()), changes.environment(), *places]


def has_handlers(path: str) -> bool:
    """Tell whether a file says `onsuccess:` or the like, which is for Snakemake to do."""
    try:
        return bool(re.search(_HANDLERS, Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return False


class Due(Frozen):
    """The steps that have to run, by their first outputs.

    Attributes:
        steps: these.
        needs: which of the others each needs.
        fleeting: outputs that are `temp()`, each with the steps after which it goes.
        first: those that make something of which steps follow, and what these need: only when
            they are done it is known whether the others are still the same.
    """

    steps: dict[str, Step]
    needs: dict[str, set[str]]
    fleeting: dict[str, set[str]]
    first: frozenset[str] = frozenset()

    def parts(self) -> "list[Due]":
        """Return those that come first, if there are any, and the rest."""
        if not self.first:
            return [self]
        rest = self.steps.keys() - self.first
        early = {path: after for path, after in self.fleeting.items() if after <= self.first}
        late = {path: after - self.first for path, after in self.fleeting.items()}
        return [
            self._only(self.first, early),
            self._only(rest, {path: after for path, after in late.items() if after}),
        ]

    def _only(self, firsts: Set[str], fleeting: dict[str, set[str]]) -> "Due":
        return Due(
            {first: step for first, step in self.steps.items() if first in firsts},
            {first: {*self.needs[first] & firsts} for first in self.steps if first in firsts},
            fleeting,
        )


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
    if "sources" not in told:  # as another labflake kept it
        return None
    if not _imports_the_same(experiment, contents, told):
        return None
    steps: dict[str, dict] = told["steps"]
    if not {*graph["steps"]} <= steps.keys():
        return None
    makers = following.makers(steps)
    needs = {first: {*of.values()} - {""} for first, of in makers.items()}
    chosen = following.chosen(changed, makers, lambda path: os.path.lexists(_full(contents, path)))
    if not chosen <= steps.keys() or not _is_all(contents, steps, chosen):
        return None
    deciding = _deciding_steps(contents, steps, chosen)
    if len(deciding) > 1:  # what one decides may be needed for another
        return None
    fleeting = following.fleeting(steps, chosen)
    if fleeting and _deciding_steps(contents, steps, {*steps}):
        return None  # Snakemake removes other files, once a checkpoint is complete
    if any(steps[first].get("files") for first in chosen) and told["machine"] != _machine():
        return None
    if not all(_is_sure(contents, steps[first], makers[first], chosen) for first in chosen):
        return None
    return Due(
        {first: Step(**_of(said)) for first, said in steps.items() if first in chosen},
        {first: needs[first] & chosen for first in chosen},
        fleeting,
        frozenset(following.leading_to(deciding, needs) & chosen),
    )


def is_same_graph(experiment: Experiment, contents: Contents) -> bool:
    """Tell whether all that the graph was read from is as it was."""
    files, listings = contents.graph["files"], contents.graph["listings"]
    same = all(contents.present(path) == digest for path, digest in files.items())
    if not same or changes.answered_otherwise(experiment, contents.graph):
        return False
    return not changes.renamed(experiment, listings)


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


def _is_all(contents: Contents, steps: dict[str, dict], chosen: set[str]) -> bool:
    """Tell whether no step reads what these make that is not told."""
    others = [step for first, step in contents.steps.items() if first not in steps]
    read = {up for step in others for path in step["inputs"] for up in following.upwards(path)}
    return read.isdisjoint(path for first in chosen for path in steps[first]["outputs"])


def _deciding_steps(contents: Contents, steps: dict[str, dict], chosen: set[str]) -> set[str]:
    """Return those among the steps that make what the graph reads: checkpoints, most often."""
    graph = contents.graph
    decides = [*graph["files"], *graph["listings"], *changes.asked_about(graph)]
    read = {up for path in decides for up in following.upwards(path)}
    return {first for first in chosen if not read.isdisjoint(steps[first]["outputs"])}


def _is_sure(contents: Contents, said: dict, makers: dict[str, str], chosen: set[str]) -> bool:
    """Tell whether a step can run as it was told, and finds its inputs."""
    record, inputs = contents.steps.get(said["outputs"][0]), said.get("inputs", ())
    if record and record["declared"] != list(dict.fromkeys(inputs)):
        return False
    return all(makers[path] in chosen or os.path.lexists(_full(contents, path)) for path in inputs)


def _full(contents: Contents, path: str) -> str:
    return path if path[:1] == "/" else f"{contents.generated}/{path}"  # of thousands
