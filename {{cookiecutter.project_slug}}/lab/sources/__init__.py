"""The sources of data that `config.yaml` declares under `data:`, one module per kind."""

from lab.sources.declaration import declared
from lab.sources.job import Job, Source

__all__ = ["Job", "Source", "declared"]
