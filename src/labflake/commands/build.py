"""Build an experiment: data, steps, report and slides, and only where something changed.

The first part of this file, with what it imports, decides in a few milliseconds whether there is
anything to do at all; the rest is imported only then.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from labflake.content.contents import Contents
from labflake.errors import LabError
from labflake.project import misnamed
from labflake.project.experiments import PULLED, Experiment, current, find, relative, root
from labflake.project.options import flag, is_locked, option
from labflake.steps.changed import Change, examine, is_interrupted


def main(argv: list[str]) -> int:
    """Build the artifacts named by their paths, or all of the current experiment."""
    experiment, targets = _wanted(argv)
    misnamed.warn(experiment)
    contents = Contents(str(experiment.generated))
    change = examine(experiment, contents)
    if not change and all((root() / t).exists() for t in argv) and _are_made(contents, targets):
        _check_limits()
        _check_undeclared(experiment, contents)
        if contents.environment != change.environment:
            _note_environment(experiment)
        _say_up_to_date(experiment, contents, argv)
        return 0
    return run(experiment, targets, known=(contents, change))


def run(
    experiment: Experiment,
    targets: list[str],
    redo: frozenset[str] = frozenset(),
    known: tuple[Contents, Change] | None = None,
) -> int:
    """Build the targets, or everything, with the experiment locked.

    Args:
        experiment: the experiment.
        targets: what to build; nothing stands for everything.
        redo: steps that run anyway.
        known: what was built, and what differs, as it was before there was a lock.
    """
    from labflake.processes import again

    _check_limits()
    given, look = again.environment(), again.Look()
    try:
        why = _locked(experiment, targets, redo, look, known)
    except Exception:
        if look.finds_edits():  # which may be why
            again.make_packages_and_start(given)
        raise
    if isinstance(why, int):
        look.end()
        return why
    if look.finds_edits():
        again.make_packages_and_start(given)
    again.start(why, given)


def _locked(
    experiment: Experiment,
    targets: list[str],
    redo: frozenset[str],
    look,
    known: tuple[Contents, Change] | None,
) -> int | str:
    """Build with the experiment locked; return the exit code, or what changed meanwhile."""
    from labflake.processes import again, processes
    from labflake.processes.alone import alone

    with alone(experiment), processes.kept(experiment.state) as running:
        contents, change = known or (None, None)
        if not contents or not change or not contents.is_last():  # another make built meanwhile
            contents = Contents(str(experiment.generated))
            change = examine(experiment, contents)
        try:
            return _build(experiment, contents, change, targets, redo, running, look)
        except again.ChangedError as changed:
            contents.save()
            return str(changed)


def _are_made(contents: Contents, targets: list[str]) -> bool:
    """Tell whether each target is known as something that a step or a document made."""
    steps = [path for step in contents.steps.values() for path in step["outputs"]]
    papers = [path for document in contents.documents.values() for path in document["outputs"]]
    made = tuple(f"{path}/" for path in [*steps, *papers])
    return not targets or all(f"{target}/".startswith(made) for target in targets)


def _wanted(paths: list[str]) -> tuple[Experiment, list[str]]:
    """Return the experiment meant, and the artifacts asked for relative to its generated folder."""
    parts = [os.path.normpath(p).split(os.sep) for p in paths]
    if any(len(p) < 3 or p[0] != "generated" for p in parts):
        raise LabError(
            f"{paths[0]} is no artifact\n  artifacts are files in generated/<experiment>/"
        )
    names = {p[1] for p in parts}
    if len(names) > 1:
        raise LabError("artifacts of one experiment at a time, please")
    experiment = find(names.pop()) if names else current()
    return experiment, ["/".join(p[2:]) for p in parts]


def _check_limits() -> None:
    """Refuse limits that cannot be understood, also where no step has to run."""
    if any(option(name) for name in ("JOBS", "MEMORY", "GPUS", "PROFILE")):
        from labflake.steps import limits

        limits.check()


def _check_undeclared(experiment: Experiment, contents: Contents) -> None:
    """Refuse what was read without being data, also where there is nothing to do."""
    if flag("STRICT"):
        from labflake.steps import seen

        seen.refuse_undeclared(contents.steps.values())
    if is_locked() and os.path.exists(experiment.state / "undeclared.json"):
        from labflake.steps import given

        given.check_notes(experiment)


def _note_environment(experiment: Experiment) -> None:
    """Note that what changed in `.venv` is nothing that anything was made with."""
    from labflake.processes.alone import alone

    with alone(experiment):
        contents = Contents(str(experiment.generated))
        change = examine(experiment, contents)
        if not change:
            contents.environment = change.environment
            contents.save()


def _say_up_to_date(experiment: Experiment, contents: Contents, argv: list[str]) -> None:
    for path in argv or [p for d in contents.documents.values() for p in d["outputs"]]:
        shown = path if argv else f"generated/{experiment.name}/{path}"
        print(shown)
    print("up to date")


def _build(
    experiment: Experiment,
    contents: Contents,
    change: Change,
    targets: list[str],
    redo: frozenset[str],
    running,
    look,
) -> int:
    from collections import Counter

    from labflake.content import unmerged
    from labflake.data_files import guarded
    from labflake.programs import clashes, compiled
    from labflake.project import misread
    from labflake.steps import gated, run_steps

    started = time.perf_counter()
    print(experiment.name, flush=True)
    clashes.refuse(experiment)
    misread.warn(experiment)
    unmerged.refuse(experiment, change.files, bool(change.everything or change.documents))
    compiled.prepare(experiment)
    gated.let_pass(experiment, contents)
    own = guarded.of(experiment)
    if targets and all(map(own.holds, targets)):
        print("\n".join(f"generated/{experiment.name}/{path}" for path in targets))
        return 0
    targets = [path for path in targets if not own.holds(path)]
    if not is_interrupted(experiment):
        _say_what_is_mended(experiment, change, own)
    papers, files = _split(experiment, targets)
    if targets and not papers and not files:
        contents.save()
        print("\n".join(f"generated/{experiment.name}/{target}" for target in targets))
        return 0
    marker = experiment.state / "building"
    whole = bool(papers) or not targets  # documents are made from the results of all steps
    in_doubt = marker.exists() and not whole
    marker.touch()
    counts: Counter = Counter()
    documented = whole and bool(contents.documents or experiment.documents())
    for goal in [*([[]] if whole else []), *([files] if files else [])]:
        done = run_steps.run(experiment, contents, change, goal, redo, running, look)
        if done is None or documented:
            contents.save()
        if done is None:
            if not change.everything:  # what is left to do follows from the records
                marker.unlink()
            return 1
        counts += Counter(done)
    if not in_doubt:
        marker.unlink()
    for path in [path for path in files if not os.path.lexists(experiment.generated / path)]:
        raise LabError(f"generated/{experiment.name}/{path} is not in what its step made")
    if documented:
        from labflake.documents import run_documents

        run_documents.run(experiment, contents, papers, running, look.confirm)
    contents.forget_others()
    if not targets:
        contents.environment = change.environment
        (experiment.generated / PULLED).unlink(missing_ok=True)
        _say_what_changed(experiment, contents)  # what was just written settles meanwhile
    contents.save()
    if not files:  # then all steps are known, those that nobody had to ask, too
        left = len(contents.steps) - counts["ran"] - counts["cached"]
        counts["unchanged"] = max(0, left)  # what is temporary may have been made twice
    print(_summary(counts, time.perf_counter() - started))
    return 0


def _split(experiment: Experiment, targets: list[str]) -> tuple[list[Path], list[str]]:
    """Sort targets into the documents that make them and the files that steps make."""
    if not targets:
        return [], []
    from labflake.documents import run_documents

    return run_documents.split(experiment, targets)


def _say_what_is_mended(experiment: Experiment, change: Change, own) -> None:
    """Name the artifacts that are not as they were made; data is none."""
    papers = [path for path in change.files if path.startswith("outputs/")]
    for path in dict.fromkeys([*change.tampered, *papers]):
        there = os.path.lexists(experiment.generated / path)
        how = "was changed by hand" if there else "is gone"
        if not own.holds(path):
            print(f"  {path} {how}; it is made again", flush=True)


def _say_what_changed(experiment: Experiment, contents: Contents) -> None:
    """Name what changed after this build had read it: it is of no use to wait for that."""
    for path in examine(experiment, contents).files:
        print(f"  {relative(experiment.generated / path)} changed meanwhile: make again")


def _summary(counts: Mapping[str, int], seconds: float) -> str:
    words = [
        f"{counts['ran']} step{'s' * (counts['ran'] != 1)} run",
        *([f"{counts['cached']} from the cache"] if counts["cached"] else []),
        *([f"{counts['unchanged']} unchanged"] if counts["unchanged"] else []),
    ]
    return f"done in {seconds:.1f} s: {', '.join(words)}"
