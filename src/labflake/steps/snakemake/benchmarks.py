"""What a step used, in the table that Snakemake writes for `benchmark:`."""

import contextlib
import os
from collections.abc import Iterator

from snakemake.benchmark import BenchmarkRecord, benchmarked, write_benchmark_records


@contextlib.contextmanager
def measured(process: int, path: str) -> Iterator[None]:
    """Measure a process, and all that it starts, while the block runs; write it to a file."""
    record = BenchmarkRecord()
    with benchmarked(process, record):
        yield
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    write_benchmark_records([record], path, False)
