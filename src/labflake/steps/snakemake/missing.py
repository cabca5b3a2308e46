"""Files that no rule makes and that are not there: named with the rule that asks for them."""

import os
from collections.abc import Iterable
from pathlib import Path

from labflake.data_files import guarded
from labflake.errors import LabError, meant
from labflake.project.experiments import Experiment, relative
from labflake.steps.snakemake import inside, places

_AFFECTED = "affected files:\n" + " " * 8  # in Snakemake's error, before one file a line


class GivenError(Exception):
    """Snakemake takes a result as given, since the step that makes it cannot run."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def refuse_given(request, dag) -> None:
    """Let no file pass as given that a rule makes, where that rule lacks an input.

    Snakemake takes what an earlier build left under this name, and so would go on with an old
    result. Files beside the generated folder and declared data are given, whatever rules say.
    Nor is what a step made a target, once no rule makes it.

    Raises:
        LabError: a target is left over from a rule that is not there any more.
        GivenError: names such a file.
    """
    experiment, data = request.experiment, guarded.of(request.experiment)
    outputs = [output for rule in dag.rules for output in rule.output]
    for job in dag.jobs:
        made = {str(file) for files in dag.dependencies[job].values() for file in files}
        for path in {*map(str, job.input)} - made - request.given:
            if os.path.isabs(path) or path.startswith("..") or data.holds(path):
                continue
            is_made = any(output.match(path) for output in outputs)
            is_result = request.former & {path, *map(str, Path(path).parents)}
            is_lost = is_result and not is_made and not inside.folder_of(dag.workflow, path)
            if is_lost and not job.output:
                raise LabError(_no_longer_made(experiment, dag.workflow, job.rule, path))
            is_there = is_made and (experiment.generated / path).exists()
            if is_there and not inside.folder_of(dag.workflow, path):
                raise GivenError(path)


def files_of(error: BaseException) -> list[str]:
    """Return the files that a rule lacks, if Snakemake's error says that."""
    if type(error).__name__ != "MissingInputException":
        return []
    return sorted(str(error).partition(_AFFECTED)[2].split("\n" + " " * 8))


def _no_longer_made(experiment: Experiment, workflow, rule, path: str) -> str:
    place = places.place(rule, os.path.basename(path))
    text = f"rule {rule.name} needs {path}, which an earlier build left and no rule makes any more"
    known = [name for name in names(experiment, workflow) if name != path]
    return f"{place}: {text}{hint(path, known)}"


def explain(experiment: Experiment, workflow, error) -> str:
    """Say which rule asks for a file that nobody makes, and where."""
    rule, files = error.rule, files_of(error)
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    path = shown(files[0])
    text = f"rule {rule.name} needs {path}{more}, which is not there and which no rule makes"
    place = places.place(rule, os.path.basename(path))
    return f"{place}: {text}{hint(path, names(experiment, workflow))}"


def shown(path: str) -> str:
    """Return a path relative to the generated folder as people know it."""
    return os.path.normpath(path).removeprefix("../../")


def names(experiment: Experiment, workflow) -> list[str]:
    """Return what there is: what rules make, data, and files of the experiment."""
    made = [str(file) for rule in workflow.rules for file in rule.output]
    data = guarded.of(experiment).names
    there = _files(experiment.generated / "assets", experiment) + _files(
        experiment.scripts, experiment
    )
    return list(dict.fromkeys([*made, *data, *there]))


def _files(folder: Path, experiment: Experiment) -> list[str]:
    return [os.path.relpath(p, experiment.generated) for p in folder.rglob("*") if p.is_file()]


def hint(path: str, known: Iterable[str]) -> str:
    """Return a second line that names what is called nearly like a file that is not there."""
    question = meant(path, {shown(each) for each in known})
    return f"\n  {question}" if question else ""


def as_made(experiment: Experiment, workflow, targets: list[str]) -> list[str]:
    """Return the outputs that have the targets in them: folders for the files that are inside.

    Raises:
        LabError: no rule makes such a file; the message names close ones.
    """
    return list(dict.fromkeys(_as_made(experiment, workflow, target) for target in targets))


def _as_made(experiment: Experiment, workflow, target: str) -> str:
    outputs = [output for rule in workflow.rules for output in rule.output]
    if folder := inside.folder_of(workflow, target):
        return folder
    if any(output.match(target) for output in outputs):
        return target
    raise LabError(nobody_makes(experiment, target, map(str, outputs), workflow))


def check_targets(request, dag) -> None:
    """Refuse targets that nobody makes, also where there is a file: what it is is not known.

    Raises:
        LabError: names the first of them, and close names.
    """
    made = {str(path) for job in dag.jobs for path in job.output}
    made |= set(map(str, dag.workflow.checkpoints.created_output))
    for target in request.targets:
        if target not in made:
            raise LabError(nobody_makes(request.experiment, target, made, dag.workflow))


def nobody_makes(experiment: Experiment, target: str, made: Iterable[str], workflow) -> str:
    """Say that an artifact is not one, and name close ones."""
    known = [*made, *names(experiment, workflow)]
    path = relative(experiment.generated / target)
    return f"nothing makes {path}{hint(target, known) or chr(10) + '  what there is: make plan'}"
