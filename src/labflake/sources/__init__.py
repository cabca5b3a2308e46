"""The sources of data that `config.yaml` declares under `data:`, one module per kind."""

from labflake.sources.declaration import declared
from labflake.sources.job import Job, Source

__all__ = ["Job", "Source", "declared"]
