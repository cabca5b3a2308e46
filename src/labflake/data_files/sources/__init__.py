"""The sources of data that `config.yaml` declares under `data:`, one module per kind."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labflake.data_files.sources.job import Source
    from labflake.project.experiments import Experiment


def declared(experiment: "Experiment") -> "dict[str, Source]":
    """Return the sources of an experiment by the name of their data.

    Raises:
        LabError: A declaration is not understood; the message has the allowed keys.
    """
    from labflake.data_files.sources import declaration

    return declaration.declared(experiment)
