"""The documents of a build: report and slides, each in a process of its own."""

import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from lab.determinism import environment
from lab.documents import provenance
from lab.errors import LabError
from lab.experiments import Experiment
from lab.pipeline.contents import Contents


def split(experiment: Experiment, targets: list[str]) -> tuple[list[Path], list[str]]:
    """Sort targets into the documents that make them and the files that steps make."""
    papers: list[Path] = []
    files: list[str] = []
    for target in targets:
        stem = Path(target).name
        makers = [d for d in experiment.documents() if stem.startswith(d.stem)]
        if target.startswith("outputs/") and makers:
            papers += makers
        else:
            files.append(target)
    return list(dict.fromkeys(papers)), files


def run(experiment: Experiment, contents: Contents, papers: list[Path]) -> None:
    """Build the documents given, or all, where they are not up to date.

    Raises:
        LabError: a document has an error; the message has file and line.
    """
    every = experiment.documents()
    _clear_leftovers(experiment, contents, every)
    stale = [d for d in papers or every if not is_current(experiment, contents, d)]
    if not stale:
        return
    os.environ.update(environment())
    context = multiprocessing.get_context("spawn")
    errors = []
    with ProcessPoolExecutor(max_workers=min(len(stale), 2), mp_context=context) as pool:
        for source, future in [(d, pool.submit(_build, d)) for d in stale]:
            try:
                _record(experiment, contents, source, future.result())
            except LabError as error:
                errors.append(str(error))
    if errors:
        contents.save()
        raise LabError("\nerror: ".join(errors))


def _build(source: Path):
    from lab.document import build

    return build(source)


def is_current(experiment: Experiment, contents: Contents, source: Path) -> bool:
    """Tell whether a document was made from what its source and all that it read hold now."""
    record = contents.documents.get(source.name)
    if not record or record["stamp"] != provenance.stamp(experiment):
        return False
    known = record["outputs"] | record["reads"]
    same = all(contents.digest(path) == digest for path, digest in known.items())
    return same and record.get("listed", {}) == _names(experiment, record.get("listed", {}))


def _names(experiment: Experiment, folders) -> dict[str, list[str]]:
    """Return the names in each folder, without what editors leave there."""
    found = {}
    for folder in folders:
        path = experiment.generated / folder
        names = os.listdir(path) if path.is_dir() else []
        found[folder] = sorted(n for n in names if n[0] not in ".#" and n[-1] != "~")
    return found


def _record(experiment: Experiment, contents: Contents, source: Path, built) -> None:
    def digests(paths) -> dict[str, str]:
        names = [os.path.relpath(p, experiment.generated) for p in paths]
        return {n: contents.digest(n) for n in names}

    reads = {source, *built.reads}
    contents.documents[source.name] = {
        "stamp": provenance.stamp(experiment),
        "outputs": digests(built.outputs),
        "reads": digests(sorted(reads)),
        "listed": _names(
            experiment, [os.path.relpath(p, experiment.generated) for p in built.listed]
        ),
    }
    for warning in built.warnings:
        print(warning, file=sys.stderr)
    for path in built.outputs:
        print(
            f"  generated/{experiment.name}/{os.path.relpath(path, experiment.generated)}",
            flush=True,
        )


def _clear_leftovers(experiment: Experiment, contents: Contents, every: list[Path]) -> None:
    """Remove the outputs of documents that do not exist any more."""
    for name in [n for n in contents.documents if n not in {d.name for d in every}]:
        for path in contents.documents.pop(name)["outputs"]:
            (experiment.generated / path).unlink(missing_ok=True)
