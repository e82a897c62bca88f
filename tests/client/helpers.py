"""A client on a clock of its own, connected to the fake server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from msgspec.structs import replace

from shipkeeper.integrations.kubernetes.access import Access
from shipkeeper.integrations.kubernetes.connect import Connection
from shipkeeper.integrations.kubernetes.timing import Timing
from shipkeeper.ports.secrets import Secret
from tests.client.server import FakeApi, Handler

NOW_MS = 1_795_262_400_000
CANARY = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.Zm9yLW5vYm9keXMtZXllcw"


class Clock:
    """Waiting takes no time, is added up, and lets others go first."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.pauses: list[int] = []
        self._bells: list[tuple[int, asyncio.Event]] = []

    async def pause(self, duration_ms: int) -> None:
        self.now_ms += duration_ms
        self.pauses.append(duration_ms)
        for at_ms, bell in self._bells:
            if self.now_ms >= at_ms:
                bell.set()
        await asyncio.sleep(0)

    async def reaches(self, at_ms: int) -> None:
        """Wait until so much has been waited."""
        bell = asyncio.Event()
        self._bells.append((at_ms, bell))
        await bell.wait()

    def timing(self, **changes: Any) -> Timing:
        base = Timing(pause=self.pause, monotonic_ms=lambda: self.now_ms, now_ms=lambda: NOW_MS + self.now_ms)
        return replace(base, **changes)


class Rig:
    """Server, client, clock and the warnings that came."""

    def __init__(self, api: FakeApi, link: Connection, clock: Clock, warnings: list[str]) -> None:
        self.api, self.link, self.clock, self.warnings = api, link, clock, warnings


@contextlib.asynccontextmanager
async def rig(handler: Handler, *, access: dict[str, Any] | None = None, **timing: Any) -> AsyncIterator[Rig]:
    clock, warnings = Clock(), []
    async with FakeApi(handler).running() as api:
        found = Access(**{"server": api.url, "context": "test", "token": Secret(CANARY), **(access or {})})
        link = Connection(found, environ={}, timing=clock.timing(**timing), on_warning=warnings.append)
        async with link:
            yield Rig(api, link, clock, warnings)


def run(work: Callable[[], Awaitable[None]]) -> None:
    """Run a test's coroutine; nothing may take longer than it should."""

    async def limited() -> None:
        async with asyncio.timeout(20):
            await work()

    asyncio.run(limited())


def node(name: str, version: str = "1", uid: str = "", **spec: Any) -> dict[str, Any]:
    meta = {"name": name, "uid": uid or f"uid-{name}", "resourceVersion": version}
    return {"kind": "Node", "apiVersion": "v1", "metadata": meta, "spec": spec, "status": {}}


def pod(name: str, namespace: str = "shop", version: str = "1", **spec: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": namespace, "uid": f"uid-{name}", "resourceVersion": version}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": meta, "spec": {"containers": [], **spec}, "status": {}}


def listed(*items: dict[str, Any], version: str = "10", token: str = "", remaining: int = 0) -> dict[str, Any]:
    meta: dict[str, Any] = {"resourceVersion": version}
    if token:
        meta |= {"continue": token, "remainingItemCount": remaining}
    return {"kind": "List", "apiVersion": "v1", "metadata": meta, "items": list(items)}
