"""A client of the kernel of a document: runs cells, and evaluates the expressions of prose."""

import ast
import json
from typing import Any

import nbformat
from jupyter_client.utils import ensure_async
from nbclient import NotebookClient
from nbformat import NotebookNode

from labflake.data_files.sources import secrecy
from labflake.documents import cell_errors, connection, kernels, snapshots
from labflake.documents.problems import Problem
from labflake.documents.source import Cell, Source, expression_line

_KERNEL = "__import__('labflake.documents.kernel', fromlist=['kernel'])"
_SNAPSHOTS = _KERNEL.replace(".kernel'", ".kernel_snapshots'")
_THREADS = _KERNEL.replace(".kernel'", ".kernel_threads'")
_NOTES = _KERNEL.replace(".kernel'", ".kernel_notes'")


class Client(NotebookClient):
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
                if self.km:
                    await connection.end(self.km)

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
            await self._lost()
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
                said = cell_errors.message(answer["ename"], answer["evalue"])
                what = "\n    ".join([f"`{expression}`: {said}", *cell_errors.advice_on(said)])
                line = expression_line(self.source, cell, expression)
                self.problems.append(Problem(line, what))
            texts.append(_text(answer))
        return texts

    async def _notes(self) -> dict:
        answer = await self._ask("", {"notes": f"{_NOTES}.notes.report()"})
        return json.loads(ast.literal_eval(_plain(answer["notes"])))

    async def _lost(self) -> None:
        """Note the cells whose threads showed something that no cell shows."""
        answer = await self._ask("", {"lost": f"{_THREADS}.threads.report()"})
        python = [c for c in self.source.cells if c.kind == "code" and c.language == "python"]
        ran = [c for c in python if c.code.strip()]
        for number, what in json.loads(_text(answer["lost"])):
            how = "thread.join(), pool.shutdown(), process.wait(), await task"
            line = ran[number - 1].line if number else 1
            self.problems.append(Problem(line, f"{what}\n    wait for it in the cell:  {how}"))

    async def _ask(self, code: str, expressions: dict[str, str]) -> dict:
        """Evaluate expressions in the kernel, beside the history of the cells."""
        kernel: Any = self.kc  # whose own type does not know its channels
        asked = kernel.execute(code, silent=True, user_expressions=expressions)
        while True:
            reply = await ensure_async(kernel.get_shell_msg(timeout=None))
            if reply["parent_header"].get("msg_id") == asked:
                found = reply["content"].get("user_expressions", {})
                return {name: found[name] for name in expressions}


def _plain(answer: dict) -> str:
    return answer.get("data", {}).get("text/plain", "''")


def _text(answer: dict) -> str:
    return ast.literal_eval(_plain(answer))
