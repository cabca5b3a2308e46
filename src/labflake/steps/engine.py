"""Snakemake in this process: it reads the Snakefile, orders the jobs and respects the limits.

Content decides elsewhere (`labflake.steps.steps`) whether a job has anything to do. All that
is used of Snakemake's interior is in this file and in `adjusted`; `poetry.lock` pins the
version that it fits.
"""

import io
import logging
import sys
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from labflake.errors import LabError
from labflake.project.experiments import Experiment, relative
from labflake.project.options import is_debugging
from labflake.steps import adjusted, inside, language, missing
from labflake.steps.limits import Limits
from labflake.steps.runner import StepError

_Kind = TypeVar("_Kind", bound=BaseException)


@dataclass
class Request:
    """What one run of Snakemake shall do."""

    experiment: Experiment
    limits: Limits
    config: dict
    targets: list[str] = field(default_factory=list)
    force: bool = False
    differs: Callable[[object], bool] = lambda job: False  # ask it; Snakemake adds what follows
    keep_going: bool = False


@dataclass
class Graph:
    """The jobs of an experiment, each as (rule, inputs, outputs), and what decides on them."""

    jobs: list[tuple[str, list[str], list[str]]]
    checkpoints: list[str]  # outputs on which further jobs depend
    variables: list[str]  # that the Snakefile declares to use


def execute(request: Request, on_start, on_more) -> tuple[bool, Graph]:
    """Run what is needed; return whether all went well, and the jobs.

    Args:
        request: what to run.
        on_start: called with Snakemake's DAG before the first job starts.
        on_more: called with it when a checkpoint has added jobs.

    Raises:
        LabError: the Snakefile cannot be read, an input is missing, or a job asks for too much.
    """
    adjusted.load()
    from snakemake.scheduling.greedy import SchedulerSettings as GreedySettings
    from snakemake.settings import types as settings

    with _Snakefile(request) as workflow:
        errors = adjusted.adjust()
        adjusted.ask(request.differs)
        request.targets = missing.as_made(request.experiment, workflow._workflow, request.targets)
        dag = workflow.dag(
            settings.DAGSettings(
                targets=frozenset(request.targets),
                forceall=request.force,
                rerun_triggers=frozenset({settings.RerunTrigger.MTIME}),
                max_checksum_file_size=0,
            )
        )
        inner = workflow._workflow
        theirs = inner._onstart

        def start(log) -> None:
            on_start(inner.dag)
            adjusted.tell_of_more(inner.dag, on_more)
            theirs(log)

        inner._onstart = start
        try:
            dag.execute_workflow(
                executor="local",
                execution_settings=settings.ExecutionSettings(
                    lock=False,
                    ignore_incomplete=True,
                    keep_metadata=False,
                    keep_incomplete=True,
                    keep_going=request.keep_going,
                    latency_wait=0,
                    retries=0,
                ),
                scheduling_settings=settings.SchedulingSettings(
                    scheduler="greedy", subsample=64, max_jobs_per_timespan=None
                ),
                scheduler_settings=GreedySettings(omit_prioritize_by_temp_and_input=True),
            )
            good = True
        except Exception as error:
            if not _started(inner) or _own(error):
                raise LabError(_explain(request, inner, error)) from None
            good = False
            for each in errors or [error]:
                if not isinstance(_own(each), StepError):  # which has been said already
                    inside = each.__context__ if _is_snakemakes(each) else None
                    text = _explain(request, inner, inside or each)
                    print(f"error: {text}", file=sys.stderr)
        missing.check_targets(request, inner.dag)
        return good, _graph(inner.dag)


def say(errors: Iterable[BaseException]) -> None:
    """Print the errors of steps that have not been said already."""
    for error in errors:
        if not isinstance(_own(error), StepError):
            text = str(_own(error) or _machines(error) or f"{type(error).__name__}: {error}")
            print(f"error: {text}", file=sys.stderr)


def read(request: Request, brought: Callable[[str], bool], complete: Callable) -> list[list]:
    """Return the jobs of the experiment without running anything.

    Args:
        request: what to read.
        brought: tells whether a file is data, which a build brings before all steps.
        complete: gets all jobs, each after all that it needs, and returns those checkpoints among
            them whose results can be read: what they decide is read, and the jobs come again.

    Returns:
        The jobs, each after what it needs, as known before the first checkpoint, and after each
        round of such ones.

    Raises:
        LabError: as `execute`.
    """
    adjusted.load()
    from snakemake.settings import types as settings
    from snakemake_interface_storage_plugins.io import Mtime

    with _Snakefile(request) as workflow:
        workflow.dag(
            settings.DAGSettings(
                targets=frozenset(request.targets),
                forceall=True,
                rerun_triggers=frozenset({settings.RerunTrigger.MTIME}),
            )
        )
        inner = workflow._workflow
        try:
            inner._prepare_dag(forceall=True, ignore_incomplete=True, lock_warn_only=True)
            for path in {str(f) for rule in inner.rules for f in rule.input if brought(str(f))}:
                inner.iocache.exists_local[path] = True
                inner.iocache.mtime[path] = Mtime(local=0, local_target=0)
            inner._build_dag()
            states = [_jobs(inner.dag)]
            while decided := complete(states[-1]):
                inner.dag._finished.update(decided)
                inner.async_run(inner.dag.update_checkpoint_dependencies(decided))
                states.append(_jobs(inner.dag))
        except Exception as error:
            raise LabError(_explain(request, inner, error)) from None
        return states


def outputs(dag) -> set[str]:
    """Return what jobs make, also those of complete checkpoints, which the graph leaves out."""
    made = {str(path) for job in dag.jobs for path in job.output}
    return made | set(map(str, dag.workflow.checkpoints.created_output))


def counted(dag) -> Callable[[], int]:
    """Return what counts the steps of a build that runs, which a checkpoint can make more."""
    known: dict[int, int] = {}

    def count() -> int:
        size = len(dag)  # of the graph: with it, the number changes
        if size not in known:
            jobs = {*list(dag._finished), *list(dag._needrun)}
            known[size] = sum(bool(job.output) for job in jobs)
        return known[size]

    return count


def _jobs(dag) -> list:
    levels = dag.toposorted()
    return [job for level in levels for job in sorted(level, key=str) if job.output]


def _started(workflow) -> bool:
    return getattr(workflow, "scheduler", None) is not None


class _Snakefile:
    """Snakemake's interface with the Snakefile read, its own messages held back."""

    def __init__(self, request: Request) -> None:
        self.request = request

    def __enter__(self):
        from snakemake.api import SnakemakeApi
        from snakemake.settings import types as settings

        quiet = frozenset() if is_debugging() else frozenset({settings.Quietness.ALL})
        if quiet:
            logging.getLogger("snakemake").setLevel(logging.CRITICAL + 1)
        request = self.request
        self.api = SnakemakeApi(
            settings.OutputSettings(
                quiet=quiet,
                verbose=not quiet,
                enable_file_logging=False,
                skip_plugin_handlers=True,
            )
        )
        self.api.__enter__()
        configfile = request.experiment.scripts / "config.yaml"
        request.experiment.generated.mkdir(parents=True, exist_ok=True)
        inner = None
        try:
            workflow = self.api.workflow(
                resource_settings=settings.ResourceSettings(**_resources(request.limits)),
                config_settings=settings.ConfigSettings(
                    configfiles=[configfile] if request.experiment.config() else [],
                    config=request.config,
                ),
                snakefile=request.experiment.scripts / "Snakefile",
                workdir=request.experiment.generated,
            )
            # Snakemake's own way to the workflow loses, when the Snakefile has an error, what is
            # needed to name its line.
            inner = workflow._workflow_store = workflow._get_workflow()
            for names in (inner.globals, inner.vanilla_globals):  # the second for modules
                names["shell"] = adjusted.shell(names["shell"], _perform)
            language.prepare(inner, request.experiment.generated)
            inner.include(workflow.snakefile, overwrite_default_target=True)
            inner.check()
            language.check(inner)
            missing.guard(request.experiment)
            inside.follow(request.experiment)
        except Exception as error:
            self.__exit__()
            raise LabError(_explain(request, inner, error)) from None
        return workflow

    def __exit__(self, *error) -> None:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            self.api.__exit__(None, None, None)


def _perform(command: str, variables: dict, globals_: dict) -> None:
    from labflake.steps import steps

    steps.perform(command, variables, globals_)


def _own(error: BaseException | None) -> LabError | None:
    """Return the error of this project that Snakemake wrapped, if it did."""
    return _cause(error, LabError)


def _cause(error: BaseException | None, kind: type[_Kind]) -> _Kind | None:
    """Return the error of a kind that another one was made of, or that one itself."""
    while error and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error if isinstance(error, kind) else None


def _is_snakemakes(error: BaseException) -> bool:
    return "snakemake" in type(error).__module__


def _resources(limits: Limits) -> dict:
    """Return the limits as Snakemake takes them; on a cluster it counts jobs, not processors."""
    most = {"mem_mb": limits.memory, "gpu": limits.gpus}
    found: dict = {"resources": {name: n for name, n in most.items() if n is not None}}
    if limits.cluster:
        return found | {"cores": 100_000, "nodes": limits.jobs}
    return found | {"cores": limits.jobs}


def _explain(request: Request, workflow, error: BaseException) -> str:
    """Say what Snakemake found wrong, and where, without its traceback."""
    from snakemake.exceptions import get_exception_origin

    own = _own(error)
    if own:
        return str(own)
    if getattr(error, "asked", None):
        return missing.explain(request.experiment, workflow, error)
    if told := _machines(error):
        return told
    maps = workflow.linemaps if workflow else {}
    line, file = get_exception_origin(error, maps) or (None, "")
    # Of the Python that Snakemake made of the file.
    line = maps[file].get(line) if file else getattr(error, "lineno", None)
    place = Path(file or request.experiment.scripts / "Snakefile")
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    text = "\n  ".join(lines) or type(error).__name__
    if type(error).__name__ == "ProtectedOutputException":
        text += "\n  protected, or of another user: chmod u+w (or sudo chown), then make"
    if isinstance(error, ImportError) and error.name == "lab":
        text += "\n  that is called labflake now; make env renames it in all you wrote"
    kind = "" if _is_snakemakes(error) else f"{type(error).__name__}: "
    return f"{relative(place)}{f':{line}' if line else ''}: {kind}{text}"


def _machines(error: BaseException | None) -> str | None:
    """Say it if not the Snakefile is wrong, but a disk or a permission."""
    from labflake.project.surroundings import explained

    found = _cause(error, OSError)
    return explained(found) if found else None


def _graph(dag) -> Graph:
    jobs = [
        (job.rule.name, [str(f) for f in job.input], [str(f) for f in job.output])
        for job in dag.jobs
        if job.output
    ]
    # A complete checkpoint leaves the graph when the steps that it decides on are known.
    made = {path for _, _, outputs in jobs for path in outputs}
    decided = sorted(map(str, dag.workflow.checkpoints.created_output))
    others: list[tuple[str, list[str], list[str]]] = [
        ("", [], [path]) for path in decided if path not in made
    ]
    deciding = [str(f) for job in dag.jobs if job.is_checkpoint for f in job.output]
    return Graph(jobs + others, [*deciding, *decided], sorted(dag.workflow.envvars))
