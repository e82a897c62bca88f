"""The two runtimes, each driven to the end of one coroutine; asyncio with a clock of ours, so that no test waits."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import Any

from shipkeeper.integrations.system.runtime import AsyncioRuntime
from shipkeeper.ports.runtime import Runtime
from shipkeeper.twin.kernel import Kernel

START_MS = 1_700_000_000_000

Body = Callable[[Runtime], Awaitable[Any]]


class _Jumping(selectors.DefaultSelector):
    """Instead of waiting, moves the loop's clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise AssertionError("nothing is scheduled, and the loop waits for ever")
        self.now += max(0.0, timeout)
        return super().select(0)


class JumpingLoop(asyncio.SelectorEventLoop):
    """asyncio in virtual time."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def on_kernel(body: Body) -> Any:
    kernel = Kernel(START_MS)

    async def main() -> Any:
        return await body(kernel)

    return kernel.run(main())


def on_asyncio(body: Body) -> Any:
    loop = JumpingLoop()
    runtime = AsyncioRuntime(lambda: START_MS + int(loop.time() * 1_000))

    async def main() -> Any:
        return await body(runtime)

    try:
        return loop.run_until_complete(main())
    finally:
        loop.close()
