"""The documents of a build: report and slides, each in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from labflake.content.contents import Contents
from labflake.data_files.sources.secrecy import hide_in
from labflake.documents import evidence, provenance, software
from labflake.documents.building import ANSWER, Answer, Order
from labflake.documents.making import Built, Making
from labflake.errors import LabError
from labflake.processes import determinism, processes
from labflake.processes.again import ChangedError
from labflake.processes.determinism import environment
from labflake.processes.processes import Running, described
from labflake.programs import pins
from labflake.project import authors, git
from labflake.project.experiments import Experiment, relative, root
from labflake.project.settings import told
from labflake.steps.changed import renamed


def split(experiment: Experiment, targets: list[str]) -> tuple[list[Path], list[str]]:
    """Sort targets into the documents that make them and the files that steps make.

    Data is neither: it has been brought before.
    """
    from labflake.data_files import guarded
    from labflake.documents.making import outputs

    makers = {str(p): source for source in experiment.documents() for p in outputs(source)}
    papers = [makers.get(str(experiment.generated / target)) for target in targets]
    files = [t for t, p in zip(targets, papers, strict=True) if not p]
    data = guarded.of(experiment)
    return list(dict.fromkeys(filter(None, papers))), [t for t in files if not data.holds(t)]


def run(
    experiment: Experiment,
    contents: Contents,
    papers: list[Path],
    running: Running,
    confirm: Callable[[], None],
) -> None:
    """Build the documents given, or all, where they are not up to date.

    Args:
        experiment: the experiment.
        contents: its manifest.
        papers: the documents; none stands for all.
        running: what the build started.
        confirm: waits until it is known that the packages are right; nothing is kept before.

    Raises:
        LabError: a document has an error; the message has file and line.
        ChangedError: something changed meanwhile; the message names it.
    """
    every, head = experiment.documents(), provenance.head(experiment)
    _clear_leftovers(experiment, contents, every)
    provenance.warn(experiment)
    stale = [d for d in papers or every if not is_current(experiment, contents, d)]
    for source in {*(papers or every)}.difference(stale):
        contents.documents[source.name]["head"] = head
    if stale:
        make(contents, stale, running, confirm)
    else:
        confirm()
    for source in papers or every:
        contents.documents[source.name]["head"] = head


def make(
    contents: Contents,
    sources: list[Path],
    running: Running,
    confirm: Callable[[], None] = lambda: None,
    notebook: bool = False,
) -> None:
    """Make documents, or only their notebooks, two at the same time.

    Raises:
        LabError: a document has an error; the message has file and line.
        ChangedError: something changed meanwhile; the message names it.
    """
    running.stop_on_signals()
    makings = [Making(contents, source, notebook, alone=notebook) for source in sources]
    errors: list[LabError] = []
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(_in_process, making.order, running) for making in makings]
        confirm()
        for making, job in zip(makings, jobs, strict=True):
            try:
                _show(making.finish(job.result()))
            except LabError as error:
                errors.append(error)
    if errors:
        contents.save()
        serious = [error for error in errors if not isinstance(error, ChangedError)]
        kind = LabError if serious else ChangedError
        raise kind(("\nerror: " if serious else "\n  ").join(map(str, serious or errors)))


def _show(built: Built) -> None:
    for warning in built.warnings:
        print(warning, file=sys.stderr)
    for path in built.outputs:
        print(f"  {relative(path)}", flush=True)


def _in_process(order: Order, running: Running) -> Answer:
    """Have an order fulfilled by a process of its own.

    Raises:
        LabError: that process ended before it answered.
    """
    folder = Path(order.folder)
    (folder / "order.json").write_text(json.dumps(asdict(order)), encoding="utf-8")
    command = [sys.executable, "-m", "labflake.documents.building", str(folder / "order.json")]
    log = folder / "log"
    variables = environment() | git.settings() | told()
    options = {"stdin": subprocess.DEVNULL, "cwd": root(), "env": variables}
    with log.open("wb") as sink:
        options |= {"stdout": sink, "stderr": sink}
        with running.start(order.folder, command, "", **options) as process:
            code = processes.wait(process)
    hide_in(log)
    if code:
        said = log.read_text(encoding="utf-8", errors="replace").rstrip()
        lines = "".join(f"\n    {line}" for line in said.splitlines())
        raise LabError(f"{relative(Path(order.source))}: {described(code)}{lines}")
    return Answer(**json.loads((folder / ANSWER).read_text(encoding="utf-8")))


def is_current(experiment: Experiment, contents: Contents, source: Path) -> bool:
    """Tell whether a document was made from what its source and all that it read hold now."""
    return not why_stale(experiment, contents, source)


def why_stale(experiment: Experiment, contents: Contents, source: Path) -> str:
    """Return why a document has to be made again; "" where it is what it would be."""
    record = contents.documents.get(source.name)
    if not record:
        return "never made here"
    seen = contents.packages[record["packages"]]
    if record["stamp"] != provenance.stamp(experiment, seen["pins"]):
        return "the commit, what is not committed, or the settings that it names changed"
    if record["conditions"] != determinism.conditions_of_documents():
        return "documents are made in another way now"
    if pins.noted(software.asked(experiment, record["cells"], contents)) != seen:
        return "packages that it can see changed"
    known = record["outputs"] | record["reads"]
    for path in (path for path, digest in known.items() if contents.digest(path) != digest):
        return f"{_shown(experiment, path)} changed"
    for folder in renamed(experiment, record.get("listed", {})):
        return f"other files are in {_shown(experiment, folder)}"
    if record["authors"] != authors.names():
        return "its authors changed"
    if record.get("variables") != evidence.deciding(contents):
        return "a variable of envvars changed"
    before = record.get("around") or {}
    for path, _ in sorted(
        {*evidence.surroundings(experiment, contents).items()} ^ {*before.items()}
    ):
        return f"{_shown(experiment, path)} changed"
    return ""


def _shown(experiment: Experiment, path: str) -> str:
    return relative(Path(os.path.normpath(experiment.generated / path)))


def _clear_leftovers(experiment: Experiment, contents: Contents, every: list[Path]) -> None:
    """Remove the outputs of documents that do not exist any more."""
    for name in [n for n in contents.documents if n not in {d.name for d in every}]:
        for path in contents.documents.pop(name)["outputs"]:
            (experiment.generated / path).unlink(missing_ok=True)
