"""The connection to the kernel of a document: begins and ends without waiting for the clock."""

import asyncio
from contextlib import suppress
from queue import Empty
from typing import Any

from jupyter_client import AsyncKernelClient

_PATIENCE = 5  # s until a kernel that was killed is left alone


class Connection(AsyncKernelClient):
    """Knows from its manager whether the kernel lives: no thread listens for its heart."""

    def start_channels(self, *_: Any, **__: Any) -> None:
        """Begin to listen."""
        super().start_channels(hb=False)

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until the kernel answers, and what it shows arrives here.

        The one of Jupyter then waits for a fifth of a second in which nothing arrives.

        Raises:
            RuntimeError: the kernel ended, or did not answer in time.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._wait_for_ready()
        except TimeoutError:
            raise RuntimeError(f"Kernel didn't respond in {timeout} seconds") from None

    async def _wait_for_ready(self) -> None:
        manager: Any = self.parent
        while True:
            self.kernel_info()
            with suppress(Empty):
                await self.get_shell_msg(timeout=1)
                await self.get_iopub_msg(timeout=0.2)
                return
            if not await manager.is_alive():
                raise RuntimeError("Kernel died before replying to kernel_info")


async def end(manager: Any) -> None:
    """Kill a kernel; Jupyter looks ten times a second whether it is gone."""
    if not manager.provisioner or not await manager.is_alive():
        return
    await manager.provisioner.kill()
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            while await manager.is_alive():
                await asyncio.sleep(0.002)
