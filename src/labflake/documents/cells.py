"""Starts the kernel of a document, and runs its cells from the first or from a snapshot."""

import asyncio
import itertools
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from nbclient.exceptions import CellExecutionError, DeadKernelError
from traitlets.config import Config

from labflake.content import temporary
from labflake.data_files.sources import secrecy
from labflake.documents import cell_errors, kernel_resumed, kernels, snapshots
from labflake.documents.client import Client
from labflake.documents.connection import Connection
from labflake.documents.problems import Problem
from labflake.documents.results import Executed
from labflake.documents.source import Cell, Source
from labflake.processes import orphans
from labflake.processes.determinism import of_step
from labflake.project.experiments import Experiment
from labflake.project.settings import told

# Figures of cells: as SVG, without date, in Matplotlib's own style whatever the user's is.
_PROFILE = """
c.InlineBackend.figure_formats = {"svg"}
c.InlineBackend.print_figure_kwargs = {"bbox_inches": "tight", "metadata": {"Date": None}}
c.IPKernelApp.capture_fd_output = False  # kernel_streams does, without a thread
c.InteractiveShell.display_page = True  # it has no other place
c.Session.copy_threshold = 1 << 60  # no thread that waits for large messages: snapshots have none
"""
_STYLE = "svg.hashsalt: document\nsvg.fonttype: path\n"


def execute(
    source: Source, header_expressions: list[str], variables: list[str], around: str = ""
) -> Executed:
    """Run all cells in order, in a fresh kernel, in the folder of the document.

    What they give is without the secrets that they know.

    Args:
        source: the document.
        header_expressions: those that are evaluated last.
        variables: names of what cells get of the environment, beyond where things are.
        around: what of the experiment cells can read without being seen to.
    """
    if executed := _tried(source, header_expressions, variables, around, go_on=True):
        return executed
    executed = _tried(source, header_expressions, variables, around, go_on=False)
    assert executed, "a fresh kernel always has an answer"
    return executed


def _tried(
    source: Source, header_expressions: list[str], variables: list[str], around: str, go_on: bool
) -> Executed | None:
    """Run the cells, from a snapshot where that is wanted; nothing if one did not go on well."""
    os.environ["NBFORMAT_VALIDATOR"] = "jsonschema"  # the other one writes itself a program first
    notebook = nbformat.v4.new_notebook(cells=[_node(c, i) for i, c in enumerate(source.cells)])
    with _client(notebook, source, variables, around, go_on) as (client, env, log):
        client.header_expressions = header_expressions
        try:
            client.execute(env=env, cleanup_kc=True, stdout=log, stderr=log)
        except CellExecutionError:
            client.problems.append(cell_errors.failure(source, notebook))
        except asyncio.CancelledError:  # what nbclient makes of Ctrl-C
            raise KeyboardInterrupt from None
        except RuntimeError as error:  # the kernel died, or never came
            if client.begun:
                return None
            if not isinstance(error, DeadKernelError):
                raise
            client.problems.append(cell_errors.death(client.current, Path(log.name).parent))
    outputs = [_joined(c.outputs) for c in notebook.cells if c.cell_type == "code"]
    missing = len(source.cells) + 1 - len(client.values)  # after a cell that failed
    values = client.values + [[]] * missing
    outputs, values = secrecy.hidden_in([outputs, values], env)
    problems = [Problem(line, secrecy.hidden_in(text, env)) for line, text in client.problems]
    return Executed(outputs, values, client.notes, problems)


def _joined(outputs: list) -> list[dict]:
    """Return outputs with what was printed in a row as one piece of each stream.

    The clock decides where the kernel cuts it, and so how its two streams alternate.
    """
    joined: list[dict] = []
    for printed, group in itertools.groupby(outputs, lambda o: o["output_type"] == "stream"):
        if printed:
            joined += _streams([*group])
        else:
            joined += map(dict, group)
    return joined


def _streams(outputs: list) -> list[dict]:
    texts = dict.fromkeys(("stdout", "stderr"), "")
    for output in outputs:
        texts[output["name"]] = texts.get(output["name"], "") + output["text"]
    return [
        {"output_type": "stream", "name": name, "text": text}
        for name, text in texts.items()
        if text
    ]


@contextmanager
def _client(notebook, source: Source, variables: list[str], around: str, go_on: bool):
    """Yield a client with a kernel of this very Python, with private sockets and settings."""
    folder = "/tmp" if os.access("/tmp", os.W_OK) else None  # socket paths must be short
    with temporary.folder("cells", folder) as place:
        private = str(place)
        config = Config({"KernelManager": {"transport": "ipc", "ip": f"{private}/kernel"}})
        manager = AsyncKernelManager(
            config=config, connection_file=f"{private}/kernel.json", client_factory=Connection
        )
        manager.kernel_spec_manager.kernel_dirs = []  # the kernels of the user's home do not count
        resources = {"metadata": {"path": str(source.path.parent)}}
        client = Client(notebook, km=manager, timeout=None, resources=resources)
        client.record_timing, client.shutdown_kernel = False, "immediate"
        client.source, client.values, client.notes, client.problems = source, [], {}, []
        client.current = source.cells[0]
        own = snapshots.folder_of(source.path)
        env = _environment(source, f"{own}-settings" if own else private, variables)
        client.kept, client.begun, client.known, client.env = None, 0, None, env
        if own:
            decides = [env, around, snapshots.packages()]
            _keep_snapshots(client, snapshots.Snapshots(own, source.cells, decides), go_on)
        with open(f"{private}/log", "w", encoding="utf-8") as log:
            client.others = kernels.Kernels(client, private, env, log)
            yield client, env, log


def _keep_snapshots(client: Client, kept: snapshots.Snapshots, go_on: bool) -> None:
    """Have the client keep snapshots, and begin after the last cell whose own still holds."""
    kept.end_others()
    client.kept = kept
    if go_on:
        client.begun, client.known = kept.latest()
    for name in kept.names[client.begun :]:
        kept.end(name)
    if client.begun:
        stub = [sys.executable, "-I", "-S", kernel_resumed.__file__]
        words = [*stub, kept.place(client.begun - 1), "{connection_file}"]
        manager: Any = client.km
        manager._kernel_spec = KernelSpec(argv=words, language="python")


def _environment(source: Source, private: str, variables: list[str]) -> dict[str, str]:
    """Return the environment of the kernel: that of a step, and nothing of the user's settings."""
    for name, text in {"ipython_kernel_config.py": _PROFILE, "matplotlibrc": _STYLE}.items():
        path = Path(private, "profile_default", name)
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text, encoding="utf-8")
    own = dict.fromkeys(("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"), private)
    own |= {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "MATPLOTLIBRC": str(path)}
    own |= {"PLOTLY_RENDERER": "plotly_mimetype"}  # what it draws, without a script for each
    own |= {"EXPERIMENT": source.path.parent.name, "COLUMNS": "100", "LINES": "50"}
    own["MPLCONFIGDIR"] = str(Experiment(source.path.parent.name).state / "fonts")
    return of_step(variables) | own | told() | orphans.marked()


def _node(cell: Cell, number: int):
    make = nbformat.v4.new_code_cell if cell.kind == "code" else nbformat.v4.new_markdown_cell
    return make(cell.text, id=f"cell-{number}")
