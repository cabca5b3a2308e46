"""A Snakefile that Snakemake has read, in this process."""

import io
import logging
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field

from labflake.project.experiments import Experiment
from labflake.project.options import is_debugging
from labflake.steps import beside, reading
from labflake.steps.job import Job
from labflake.steps.limits import Limits
from labflake.steps.snakemake import faults, inside, language, missing
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
    keep_going: bool = False


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
            refuse_empty_folders(request.experiment)
            missing.guard(request.experiment)
            inside.follow(request.experiment)
        except Exception as error:
            self.__exit__()
            raise faults.as_ours(request.experiment, inner, error) from None
        return workflow

    def __exit__(self, *error) -> None:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            self.api.__exit__(None, None, None)
        if self.inner and (copies := self.inner.sourcecache.runtime_cache):
            copies.cleanup()  # of scripts; this process ends without a look back


def _resources(limits: Limits) -> dict:
    """Let Snakemake hand over all that is ready: the limits are respected where jobs take turns."""
    return {"cores": _MANY, "max_threads": None if limits.cluster else limits.jobs}


def refuse_empty_folders(experiment: Experiment) -> None:
    """Refuse what was read where a folder seemed to be empty that is beside the Snakefile."""
    if folders := beside.lacking(experiment, reading.listed()):
        raise beside.MissingError(f"{folders[0]} is beside the Snakefile", folders)
