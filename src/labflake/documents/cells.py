"""Runs the cells and the inline expressions of a document in a kernel."""

import ast
import asyncio
import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.utils import ensure_async
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from traitlets.config import Config

from labflake.content import temporary
from labflake.data_files.sources import secrecy
from labflake.documents import cell_errors, kernel_resumed, kernels, snapshots
from labflake.documents.problems import Problem
from labflake.documents.results import Executed
from labflake.documents.source import Cell, Source, expression_line
from labflake.processes import orphans
from labflake.processes.determinism import of_step
from labflake.project.experiments import Experiment
from labflake.project.settings import told

# Figures of cells: as SVG, without date, in Matplotlib's own style whatever the user's is.
_PROFILE = """
c.InlineBackend.figure_formats = {"svg"}
c.InlineBackend.print_figure_kwargs = {"bbox_inches": "tight", "metadata": {"Date": None}}
c.Session.copy_threshold = 1 << 60  # no thread that waits for large messages: snapshots have none
"""
_STYLE = "svg.hashsalt: document\nsvg.fonttype: path\n"
_KERNEL = "__import__('labflake.documents.kernel', fromlist=['kernel'])"
_SNAPSHOTS = _KERNEL.replace(".kernel'", ".kernel_snapshots'")


class _Client(NotebookClient):
    """Executes code cells, and evaluates the expressions of the prose between them."""

    source: Source
    header_expressions: list[str]
    current: Cell
    others: kernels.Kernels
    kept: snapshots.Snapshots | None
    env: dict[str, str]
    begun: int  # cells that a snapshot stands for
    known: snapshots.Snapshot | None
    values: list[list[str]]
    notes: dict
    problems: list[Problem]

    async def async_execute_cell(
        self,
        cell: NotebookNode,
        cell_index: int,
        execution_count: int | None = None,
        store_history: bool = True,
    ) -> NotebookNode:
        """Execute one cell, or evaluate its inline expressions if it is prose."""
        last = cell_index == len(self.source.cells) - 1
        try:
            return await self._execute(cell, cell_index, execution_count, store_history)
        except BaseException:
            last = True
            raise
        finally:
            if last:
                await self.others.close()

    async def _execute(
        self, cell: NotebookNode, cell_index: int, execution_count: int | None, store_history: bool
    ) -> NotebookNode:
        if cell_index == 0:
            await self._prepare()
        ours: Cell = self.source.cells[cell_index]
        self.current = ours
        if self.known and cell_index < self.begun:
            if ours.kind == "code":
                cell["outputs"] = [nbformat.from_dict(o) for o in self.known.outputs[cell_index]]
        elif ours.language != "python":
            cell = await self.others.execute(ours.language, cell, cell_index)
        elif ours.kind == "code" and ours.code.strip():
            cell = await super().async_execute_cell(
                cell, cell_index, execution_count, store_history
            )
        if self.known and cell_index < self.begun:
            self.values.append(self.known.values[cell_index])
        else:
            self.values.append(await self._evaluate(ours.expressions, ours))
            await self._keep(cell_index)
        if cell_index == len(self.source.cells) - 1:
            self.values.append(await self._evaluate(self.header_expressions, None))
            self.notes = await self._notes()
            self.notes["programs"] |= bool({c.language for c in self.source.cells} - {"python"})
        return cell

    async def _prepare(self) -> None:
        """Prepare the kernel for the first cell, or for the one with which it goes on."""
        if not self.begun:
            await self._ask("", {"ready": f"{_KERNEL}.prepare()"})
        if self.kept:
            await self._ask("", {"ready": f"{_SNAPSHOTS}.prepare()"})

    async def _keep(self, number: int) -> None:
        """Keep the kernel as it is after a cell, while the document is watched."""
        if not self.kept or self.source.cells[number].kind != "code" or self.kept.is_full():
            return
        pending = self.problems or self.widget_state or self._display_id_map or self.others.running
        if pending:
            return
        wanted = {"reason": f"{_SNAPSHOTS}.take({self.kept.place(number)!r})"}
        wanted["modules"] = f"{_SNAPSHOTS}.modules()"
        answers = await self._ask("", wanted)
        if any(answer["status"] != "ok" for answer in answers.values()) or _text(answers["reason"]):
            return
        cells = self.nb.cells[: number + 1]
        outputs = [[dict(o) for o in cell.get("outputs", ())] for cell in cells]
        outputs, values = secrecy.hidden_in([outputs, list(self.values)], self.env)
        modules, notes = json.loads(_text(answers["modules"])), await self._notes()
        self.kept.keep(number, snapshots.Snapshot(outputs, values, notes, modules))

    async def _evaluate(self, expressions: list[str], cell: Cell | None) -> list[str]:
        """Return the text of each expression; note the ones that fail."""
        wanted = {str(i): f"{_KERNEL}.text(({e}))" for i, e in enumerate(expressions)}
        answers = await self._ask("", wanted) if wanted else {}
        texts = []
        for expression, answer in zip(expressions, answers.values(), strict=True):
            if answer["status"] != "ok":
                said = f"{answer['ename']}: {answer['evalue']}"
                what = "\n    ".join([f"`{expression}`: {said}", *cell_errors.advice_on(said)])
                line = expression_line(self.source, cell, expression)
                self.problems.append(Problem(line, what))
            texts.append(_text(answer))
        return texts

    async def _notes(self) -> dict:
        answer = await self._ask("", {"notes": f"{_KERNEL}.notes.report()"})
        return json.loads(ast.literal_eval(_plain(answer["notes"])))

    async def _ask(self, code: str, expressions: dict[str, str]) -> dict:
        """Evaluate expressions in the kernel, beside the history of the cells."""
        kernel: Any = self.kc  # whose own type does not know its channels
        asked = kernel.execute(code, silent=True, user_expressions=expressions)
        while True:
            reply = await ensure_async(kernel.get_shell_msg(timeout=None))
            if reply["parent_header"].get("msg_id") == asked:
                found = reply["content"].get("user_expressions", {})
                return {name: found[name] for name in expressions}


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
            client.problems.append(cell_errors.death(client.current, log.name))
    outputs = [_joined(c.outputs) for c in notebook.cells if c.cell_type == "code"]
    missing = len(source.cells) + 1 - len(client.values)  # after a cell that failed
    values = client.values + [[]] * missing
    outputs, values = secrecy.hidden_in([outputs, values], env)
    problems = [Problem(line, secrecy.hidden_in(text, env)) for line, text in client.problems]
    return Executed(outputs, values, client.notes, problems)


def _joined(outputs: list) -> list[dict]:
    """Return outputs with what was printed in one piece: the clock decides where it is cut."""
    joined: list[dict] = []
    for output in outputs:
        last = joined[-1] if joined else {}
        if output.get("name") and output["name"] == last.get("name"):
            last["text"] += output["text"]
        else:
            joined.append(dict(output))
    return joined


@contextmanager
def _client(notebook, source: Source, variables: list[str], around: str, go_on: bool):
    """Yield a client with a kernel of this very Python, with private sockets and settings."""
    folder = "/tmp" if os.access("/tmp", os.W_OK) else None  # socket paths must be short
    with temporary.folder("cells", folder) as place:
        private = str(place)
        config = Config({"KernelManager": {"transport": "ipc", "ip": f"{private}/kernel"}})
        manager = AsyncKernelManager(config=config, connection_file=f"{private}/kernel.json")
        manager.kernel_spec_manager.kernel_dirs = []  # the kernels of the user's home do not count
        resources = {"metadata": {"path": str(source.path.parent)}}
        client = _Client(notebook, km=manager, timeout=None, resources=resources)
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


def _keep_snapshots(client: _Client, kept: snapshots.Snapshots, go_on: bool) -> None:
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


def _plain(answer: dict) -> str:
    return answer.get("data", {}).get("text/plain", "''")


def _text(answer: dict) -> str:
    return ast.literal_eval(_plain(answer))
