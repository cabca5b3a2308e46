"""A Snakefile that Snakemake has read, in this process."""

import io
import logging
import tempfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field

from labflake.project.experiments import Experiment
from labflake.project.options import is_debugging
from labflake.steps import beside, reading
from labflake.steps.job import Job
from labflake.steps.limits import Limits
from labflake.steps.recorded import Due
from labflake.steps.snakemake import faults, inside, language, sources, statements
from labflake.steps.step import Step

_MANY = 1_000_000  # processors


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
    # Runs steps that need no Snakemake; without it, Snakemake orders them, and all are performed.
    carry_out: Callable[[Due], bool] | None = None
    keep_going: bool = False
    given: set[str] = field(default_factory=set)  # files that are given though a rule makes them
    former: frozenset[str] = frozenset()  # what steps made, of this Snakefile or of an earlier one


class Snakefile:
    """A Snakefile that was read, with Snakemake's own messages held back.

    Attributes:
        reader: Snakemake's API.
        workflow: what a Snakefile knows as `workflow`.
    """

    def __init__(self, request: Request, is_build: bool = True) -> None:
        self.request = request
        self.is_build = is_build

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
        self.workflow = None
        snakefile, place = request.experiment.snakefile, sources.begin()
        shell, before = statements.shell_of(), _last_read()
        try:
            reader = self.reader = self.api.workflow(
                resource_settings=settings.ResourceSettings(**_resources(request.limits)),
                storage_settings=settings.StorageSettings(
                    shared_fs_usage=settings.SharedFSUsage.all()
                    - {settings.SharedFSUsage.INPUT_OUTPUT},
                    notemp=not self.is_build,
                ),
                config_settings=settings.ConfigSettings(
                    configfiles=[configfile] if request.experiment.config() else [],
                    config=request.config,
                ),
                workflow_settings=settings.WorkflowSettings(runtime_source_cache_path=place),
                snakefile=snakefile,
                workdir=request.experiment.generated,
            )
            statements.check([str(snakefile)], request.experiment.generated)
            reader.dag()  # reads the Snakefile
            self.workflow = _last_read()
            statements.check(self.workflow.linemaps, request.experiment.generated)
            statements.check_shell(self.workflow, shell)
            language.check(self.workflow)
            refuse_what_is_beside(request.experiment)
            language.settle(self.workflow)
            inside.follow(request.experiment)
        except Exception as error:
            if _last_read() is not before:
                self.workflow = _last_read()
            self.__exit__()
            raise faults.as_ours(request.experiment, self.workflow, error) from None
        return self

    def __exit__(self, *error) -> None:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            self.api.__exit__(None, None, None)
        sources.end()


def _last_read():
    """Return what Snakefiles know as `workflow`: that of the last one read, also with errors."""
    try:
        from snakemake.workflow import workflow
    except ImportError:  # none was read
        return None
    return workflow


def _resources(limits: Limits) -> dict:
    """Let Snakemake hand over all that is ready: the limits are respected where jobs take turns."""
    return {
        "cores": _MANY if limits.cluster else limits.jobs,  # what a Snakefile sees of them
        "nodes": _MANY,
        "max_threads": None if limits.cluster else limits.jobs,
        "default_resources": {"tmpdir": tempfile.gettempdir()},
    }


def refuse_what_is_beside(experiment: Experiment) -> None:
    """Refuse what was read where something seemed not to be there that is beside the Snakefile."""
    if folders := beside.lacking(experiment, reading.listed(), reading.missed()):
        raise beside.MissingError(f"{folders[0]} is beside the Snakefile", folders)
