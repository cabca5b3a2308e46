"""Kernels of other languages than Python, as Jupyter knows them on this machine."""

import asyncio
from functools import cache
from typing import IO

from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.utils import ensure_async
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from traitlets.config import Config

_INSTALL = {
    "r": "R: install.packages('IRkernel'); IRkernel::installspec()",
    "julia": 'Julia: using Pkg; Pkg.add("IJulia")',
    "bash": "a program belongs into a step of the Snakefile",
}


@cache
def find(language: str) -> str | None:
    """Return the name of an installed kernel that runs a language."""
    for name, found in sorted(KernelSpecManager().get_all_specs().items()):
        if language in (name.lower(), str(found["spec"].get("language", "")).lower()):
            return name
    return None


def advice(language: str) -> str:
    """Return what is wrong with a cell that no kernel runs, and what to do."""
    how = f" ({_INSTALL[language]})" if language in _INSTALL else ""
    return (
        f"this cell is {{{language}}}, and no Jupyter kernel of that language is installed\n"
        f"    install one{how}; a listing that is not run is ```{{.{language}}}"
    )


class Kernels:
    """The kernels of a document beside that of Python, each started for its first cell."""

    def __init__(self, client: NotebookClient, folder: str, env: dict[str, str], log: IO) -> None:
        self.client, self.folder, self.env, self.log = client, folder, env, log
        self.running: dict[str, NotebookClient] = {}

    async def execute(self, language: str, cell, index: int):
        """Execute a cell in the kernel of its language, as long as that of Python lives."""
        if language not in self.running:
            self.running[language] = await self._start(language)
        task = asyncio.ensure_future(self.running[language].async_execute_cell(cell, index))
        while not task.done():
            await asyncio.wait([task], timeout=0.5)
            python = self.client.km
            if python is None or not await ensure_async(python.is_alive()):  # Ctrl-C
                task.cancel()
        return await task

    async def _start(self, language: str) -> NotebookClient:
        ours, place = self.client, f"{self.folder}/{language}"
        config = Config({"KernelManager": {"transport": "ipc", "ip": place}})
        manager = AsyncKernelManager(
            config=config, kernel_name=find(language), connection_file=f"{place}.json"
        )
        other = NotebookClient(ours.nb, km=manager, timeout=None, resources=ours.resources)
        other.record_timing = False
        try:
            await other.async_start_new_kernel(env=self.env, stderr=self.log)
            await other.async_start_new_kernel_client()
        except (RuntimeError, OSError) as error:
            print(error, file=self.log, flush=True)
            raise DeadKernelError(str(error)) from None
        return other

    async def close(self) -> None:
        """End all kernels."""
        for other in self.running.values():
            if other.kc and other.km:
                other.kc.stop_channels()
                await ensure_async(other.km.shutdown_kernel(now=True))
        self.running = {}
