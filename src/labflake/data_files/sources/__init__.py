"""The sources of data that `config.yaml` declares under `data:`, one module per kind."""

from labflake.data_files.sources.declaration import declared
from labflake.data_files.sources.job import Job, Source

__all__ = ["Job", "Source", "declared"]
