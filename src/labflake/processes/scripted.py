"""Runs inside a step whose rule has a `script:`, `notebook:` or `run:`, as Snakemake would."""

import os
import sys
from collections.abc import Mapping

from labflake.project.declared import VARIABLE

LATER = "LAB_LATER"  # instead of `VARIABLE` until `watch` is called
UNWATCHED = f'{LATER}="${VARIABLE}" {VARIABLE}='  # before a command
_PREAMBLE = "snakemake-job-properties"  # the tag of the cell that Snakemake puts first


def watch() -> None:
    """Note from now on what is read: before, this process was ours, and not the step's."""
    import sitecustomize

    os.environ[VARIABLE] = os.environ.pop(LATER, "")
    sitecustomize.begin()


def run_notebook(source: str, preamble: str, executed: str) -> None:
    """Run the cells of a notebook in this folder.

    Args:
        source: the notebook.
        preamble: a file with the code of a cell before all others.
        executed: where the notebook goes with what its cells showed; "" keeps it nowhere.
    """
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(source, as_version=4)
    with open(preamble, encoding="utf-8") as file:
        first = nbformat.v4.new_code_cell(file.read(), metadata={"tags": [_PREAMBLE]})
    own = [c for c in notebook.cells if _PREAMBLE not in c.metadata.get("tags", [])]
    notebook.cells = [first, *own]
    os.environ["IPYTHONDIR"] = os.path.dirname(preamble)  # nobody's own settings
    client = NotebookClient(notebook, timeout=None, record_timing=False)
    if language_in(notebook.metadata) == "python":
        client.kernel_name = "python3"  # that of this environment, whatever the file says
        client.extra_arguments = ["--log-level=ERROR"]  # no warning of its own in the log
    try:
        client.execute(cwd=os.getcwd())
    finally:
        if executed:
            os.makedirs(os.path.dirname(os.path.abspath(executed)), exist_ok=True)
            nbformat.write(notebook, executed)


def language_in(metadata: Mapping) -> str:
    """Return the language that metadata of a notebook say; many a tool names its kernel alone."""
    kernel = metadata.get("kernelspec", {}).get("language", "python")
    return metadata.get("language_info", {}).get("name", kernel).lower()


if __name__ == "__main__":
    run_notebook(*sys.argv[1:])
