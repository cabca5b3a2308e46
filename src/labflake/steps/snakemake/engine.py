"""Snakemake in this process: it reads the Snakefile, orders the jobs and respects the limits.

Content decides elsewhere (`labflake.steps.steps`) whether a job has anything to do. All that
is used of Snakemake's interior is in this file and in `adjusted`; `poetry.lock` pins the
version that it fits.
"""

import io
import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from labflake.errors import LabError
from labflake.project.experiments import Experiment, relative
from labflake.project.options import is_debugging
from labflake.steps import beside, reading, steps
from labflake.steps.job import Graph, Job
from labflake.steps.limits import Limits
from labflake.steps.runner import StepError
from labflake.steps.snakemake import adjusted, inside, language, missing
from labflake.steps.step import Step

_MANY = 1_000_000  # processors

_CONFIGFILE = re.compile(r"configfile (\S+) but it is not present")
_Kind = TypeVar("_Kind", bound=BaseException)
_Result = TypeVar("_Result")


@dataclass
class Request:
    """What one run of Snakemake shall do."""

    experiment: Experiment
    limits: Limits
    config: dict
    targets: list[str] = field(default_factory=list)
    force: bool = False
    differs: Callable[[Job], bool] = lambda job: False  # ask it; Snakemake adds what follows
    perform: Callable[[Step, bool], None] = lambda step, is_plain: None
    keep_going: bool = False


def execute(
    request: Request,
    on_start: Callable[[Graph], None],
    on_more: Callable[[Graph], None],
    on_ready: Callable[[], None],
) -> tuple[bool, Graph]:
    """Perform what is needed; return whether all went well, and the jobs.

    Args:
        request: what to run.
        on_start: called with the jobs before the first one starts.
        on_more: called with them when a checkpoint has added some.
        on_ready: called in the main thread when Snakemake has set up all that it uses.

    Raises:
        LabError: the Snakefile cannot be read, an input is missing, or a job asks for too much.
    """
    return _with_files_beside(
        request.experiment, lambda: _execute(request, on_start, on_more, on_ready)
    )


def _execute(
    request: Request,
    on_start: Callable[[Graph], None],
    on_more: Callable[[Graph], None],
    on_ready: Callable[[], None],
) -> tuple[bool, Graph]:
    adjusted.load()
    from snakemake.settings import types as settings

    from labflake.steps.snakemake import executor, jobs

    def begin(dag) -> None:
        missing.check_targets(request, dag)
        _refuse_empty_folders(request.experiment)
        for job in dag.jobs:
            language.check_job(job)  # also what functions say, which only a job asks
        on_start(_graph(dag))

    build = executor.Build(
        limits=request.limits,
        keep_going=request.keep_going,
        begin=begin,
        more=lambda dag: on_more(_graph(dag)),
        ready=on_ready,
        perform=lambda job: request.perform(jobs.step_to_run(job), jobs.is_plain(job)),
    )
    executor.register(build)
    with Snakefile(request) as workflow:
        adjusted.adjust()
        adjusted.ask(lambda job: request.differs(jobs.job_of(job)))
        inner = workflow._workflow
        request.targets = missing.as_made(request.experiment, inner, request.targets)
        dag = workflow.dag(
            settings.DAGSettings(
                targets=frozenset(request.targets),
                forceall=request.force,
                rerun_triggers=frozenset({settings.RerunTrigger.MTIME}),
                max_checksum_file_size=0,
                max_inventory_wait_time=0,  # it would stumble over a file where a folder is to be
            )
        )
        try:
            dag.execute_workflow(
                executor=executor.NAME,
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
                    scheduler=executor.NAME, subsample=None, max_jobs_per_timespan=None
                ),
            )
            good = True
        except Exception as error:
            if not _started(inner) or _own(error):
                raise _error(request, inner, error) from None
            good = False
            _say(request, inner, build.failures or [error])
        missing.check_targets(request, inner.dag)
        return good, _graph(inner.dag)


def say(errors: Iterable[BaseException]) -> None:
    """Print the errors of steps that have not been said already."""
    for error in errors:
        if not isinstance(_own(error), StepError):
            text = str(_own(error) or _machines(error) or f"{type(error).__name__}: {error}")
            print(f"error: {text}", file=sys.stderr)


def _say(request: Request, workflow, errors: list[BaseException]) -> None:
    """Say what went wrong and has not been said by a step."""
    for each in errors:
        if isinstance(each, KeyboardInterrupt) or isinstance(_own(each), StepError):
            continue
        inner = each.__context__ if _is_snakemakes(each) else None
        print(f"error: {explain(request, workflow, inner or each)}", file=sys.stderr)


def read(
    request: Request,
    brought: Callable[[str], bool],
    complete: Callable[[list[Step]], list[str]],
) -> list[list[Step]]:
    """Return the steps of the experiment without running anything.

    Args:
        request: what to read.
        brought: tells whether a file is data, which a build brings before all steps.
        complete: gets all steps, each after all that it needs, and returns the names of those
            checkpoints among them whose results can be read: what they decide is read, and the
            steps come again.

    Returns:
        The steps, each after what it needs, as known before the first checkpoint, and after each
        round of such ones.

    Raises:
        LabError: as `execute`.
    """
    return _with_files_beside(request.experiment, lambda: _read(request, brought, complete))


def _read(
    request: Request,
    brought: Callable[[str], bool],
    complete: Callable[[list[Step]], list[str]],
) -> list[list[Step]]:
    adjusted.load()
    from snakemake.settings import types as settings
    from snakemake_interface_storage_plugins.io import Mtime

    with Snakefile(request) as workflow:
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
            known = _jobs(inner.dag)
            states = [[*map(_described, known)]]
            while decided := complete(states[-1]):
                done = [j for j, s in zip(known, states[-1], strict=True) if s.name in decided]
                inner.dag._finished.update(done)
                inner.async_run(inner.dag.update_checkpoint_dependencies(done))
                known = _jobs(inner.dag)
                states.append([*map(_described, known)])
        except Exception as error:
            raise _error(request, inner, error) from None
        return states


def _described(job) -> Step:
    from labflake.steps.snakemake import jobs

    return steps.named(jobs.step_of(job))


def _jobs(dag) -> list:
    levels = dag.toposorted()
    return [job for level in levels for job in sorted(level, key=str) if job.output]


def _started(workflow) -> bool:
    return getattr(workflow, "scheduler", None) is not None


class Snakefile:
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
        inner = self.inner = None
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
            inner = self.inner = workflow._workflow_store = workflow._get_workflow()
            language.prepare(inner, request.experiment.generated)
            inner.include(workflow.snakefile, overwrite_default_target=True)
            inner.check()
            language.check(inner)
            _refuse_empty_folders(request.experiment)
            missing.guard(request.experiment)
            inside.follow(request.experiment)
        except Exception as error:
            self.__exit__()
            raise _error(request, inner, error) from None
        return workflow

    def __exit__(self, *error) -> None:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            self.api.__exit__(None, None, None)
        if self.inner and (copies := self.inner.sourcecache.runtime_cache):
            copies.cleanup()  # of scripts; this process ends without a look back


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
    """Let Snakemake hand over all that is ready: the limits are respected where jobs take turns."""
    return {"cores": _MANY, "max_threads": None if limits.cluster else limits.jobs}


def _error(request: Request, workflow, error: BaseException) -> LabError:
    """Return the error to raise; it knows which files are missing."""
    if own := _cause(error, beside.MissingError):
        return own
    asked = getattr(error, "asked", None)
    files = asked[1] if asked else [*_missing_files(error)]
    return beside.MissingError(explain(request, workflow, error), files)


def _missing_files(error: BaseException) -> Iterator[str]:
    """Give the file that a Snakefile opens or takes as settings, and that is not there."""
    found = _cause(error, FileNotFoundError)
    if found and isinstance(found.filename, str):
        yield found.filename
    if named := _CONFIGFILE.search(str(error)):
        yield named[1]


def _refuse_empty_folders(experiment: Experiment) -> None:
    """Refuse what was read where a folder seemed to be empty that is beside the Snakefile."""
    if folders := beside.lacking(experiment, reading.listed()):
        raise beside.MissingError(f"{folders[0]} is beside the Snakefile", folders)


def _with_files_beside(experiment: Experiment, read: Callable[[], _Result]) -> _Result:
    """Return what `read` does; where files are missing that are beside the Snakefile, again."""
    while True:
        try:
            return read()
        except beside.MissingError as error:
            if not beside.bring(experiment, error.files):
                raise


def explain(request: Request, workflow, error: BaseException) -> str:
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
    from labflake.steps.snakemake import jobs

    known = {id(job): jobs.job_of(job) for job in dag.jobs if job.output}
    needed = [j for j in dag.jobs if j.output and (dag.needrun(j) or dag.finished(j))]
    return Graph(
        jobs=[*known.values()],
        needed=[replace(known[id(job)], wanted=jobs.wanted(job)) for job in needed],
        # A complete checkpoint leaves the graph when the steps that it decides on are known.
        decided=set(map(str, dag.workflow.checkpoints.created_output)),
        variables=sorted(dag.workflow.envvars),
    )
