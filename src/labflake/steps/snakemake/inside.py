"""Files in folders that steps make: who needs such a file needs the step that makes the folder.

Snakemake knows a file only by a rule that names it. It would take what lies in the folder as given,
whatever the folder was made from.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path

from labflake.data_files import guarded
from labflake.data_files.guarded import Guarded
from labflake.project.experiments import Experiment
from labflake.steps.snakemake import adjusted

_data: list[Guarded] = []  # of the experiment that is read: none before, one then


def folder_of(workflow, path: str) -> str:
    """Return the outermost folder, with this path in it, that a rule makes; "" if there is none.

    A wildcard matches slashes, too: the pattern of a folder fits what is inside. But what a rule
    makes as a file is that.
    """
    outputs = [output for rule in workflow.rules for output in rule.output]
    folders = [output for output in outputs if output.is_directory]
    if any(output.match(path) for output in outputs if not output.is_directory):
        return ""
    above = reversed([*map(str, Path(path).parents)])
    return next((each for each in above if any(f.match(each) for f in folders)), "")


def follow(experiment: Experiment) -> None:
    """Let jobs that need a file in a folder wait for the job that makes the folder."""
    first = not _data
    _data[:] = [guarded.of(experiment)]
    if not first:
        return
    from snakemake.dag import DAG

    original = DAG.collect_potential_dependencies

    async def collect(dag, job, known_producers) -> AsyncIterator:
        async for found in original(dag, job, known_producers):
            yield found if _is_exact(job, found) else await _with_folder(dag, found)

    adjusted.replace(DAG, "collect_potential_dependencies", collect)


def _is_exact(job, found) -> bool:
    """Tell whether the Snakefile says which step it means, by a rule or a checkpoint."""
    return found.file.is_flagged("checkpoint_target") or found.file in job.dependencies


async def _with_folder(dag, found):
    """Return a dependency on the folder instead of one on a file that is in it."""
    path = os.path.normpath(str(found.file))
    if os.path.isabs(path) or path.startswith("..") or _data[0].holds(path):
        return found
    if not (folder := folder_of(dag.workflow, path)):
        return found
    jobs = await dag.file2jobs(folder)
    output = next(each for each in jobs[0].output if str(each) == folder)
    return type(found)(output, jobs, False)
