"""A watch that closes its own gaps: list, follow with bookmarks, come back from the last version, list again on 410."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Generic, TypeVar

import httpx2
import msgspec
from msgspec import Struct

from shipkeeper.integrations.kubernetes.calls import Answer, Call, failure, unexpected
from shipkeeper.integrations.kubernetes.lists import collect, path_of
from shipkeeper.integrations.kubernetes.timing import Patience
from shipkeeper.integrations.kubernetes.transport import Transport
from shipkeeper.model.errors import BadInput, Failed, ShipkeeperError, Unreachable
from shipkeeper.model.time import SECOND
from shipkeeper.ports.cluster import Change
from shipkeeper.semantics.wire import Reader

T = TypeVar("T")
Key = tuple[str, str]

_AT_LEAST_MS = SECOND
"""A watch that the server ends sooner without a word counts as trouble: else we would ask in a tight circle."""


class _Event(Struct):
    type: str
    object: msgspec.Raw = msgspec.Raw(b"{}")


class _Meta(Struct, rename="camel", frozen=True):
    resource_version: str = ""


class _Versioned(Struct):
    metadata: _Meta = _Meta()


_EVENTS = msgspec.json.Decoder(_Event)
_VERSIONS = msgspec.json.Decoder(_Versioned)


class _Expired(Exception):
    """The server no longer has the version that the watch wants to go on from."""


class HttpWatch(Generic[T]):
    """``ports.cluster.Watch`` over HTTP. Begins with the first ``receive``; a cancelled ``receive`` loses nothing."""

    def __init__(
        self,
        transport: Transport,
        reader: Reader[T],
        *,
        namespace: str = "",
        query: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self._transport, self._reader = transport, reader
        self._namespace, self._query = namespace, query
        self._call = Call(
            path=path_of(reader, namespace), verb="watch", resource=reader.resource, namespace=namespace, query=query
        )
        self._known: dict[Key, T] = {}
        self._queue: asyncio.Queue[Change[T] | ShipkeeperError] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._patience = Patience(transport.timing)

    async def receive(self) -> Change[T]:
        """Wait for the next change. Raises Unreachable past the patience, Unauthenticated and Forbidden at once."""
        if self._closed:
            raise Failed(f"{self._call.words}: the watch is closed", code="watch-closed")
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"watch {self._reader.resource}")
        item = await self._queue.get()
        if isinstance(item, ShipkeeperError):
            self._queue.put_nowait(item)
            raise item
        return item

    def close(self) -> None:
        """Stop the watch; whoever waits in ``receive`` gets Failed. Idempotent."""
        if not self._closed:
            self._closed = True
            self._queue.put_nowait(Failed(f"{self._call.words}: the watch is closed", code="watch-closed"))
            if self._task is not None:
                self._task.cancel()

    @property
    def done(self) -> bool:
        """Closed, and nothing of it left."""
        return self._closed and (self._task is None or self._task.done())

    async def ended(self) -> None:
        """Wait until a closed watch has let go of its connection."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            version = await self._list(first=True)
            while True:
                try:
                    version = await self._follow(version)
                except _Expired:
                    timing = self._transport.timing
                    await timing.pause(timing.first_retry_ms)
                    version = await self._list(first=False)
        except ShipkeeperError as error:
            self._queue.put_nowait(error)
        except Exception as error:
            broken = Failed(f"{self._call.words}: the watch broke: {type(error).__name__}", code="watch-broken")
            broken.__cause__ = error
            self._queue.put_nowait(broken)

    async def _list(self, *, first: bool) -> str:
        """List everything and tell the difference to what is known; the version to go on from."""
        while True:
            try:
                found, version = await collect(
                    self._transport, self._reader, namespace=self._namespace, query=self._query
                )
                break
            except ShipkeeperError as error:
                await self._patience.wait(error, self._call.words)
        self._patience.reset()
        before, self._known = self._known, {_key(item): item for item in found}
        for key in sorted(before.keys() - self._known.keys()):
            self._tell("deleted", before[key])
        for key in sorted(self._known):
            self._tell_difference(before.get(key), self._known[key], first=first)
        if first:
            self._queue.put_nowait(Change("synced"))
        return version

    def _tell_difference(self, old: T | None, new: T, *, first: bool) -> None:
        if first:
            self._tell("present", new)
        elif old is None:
            self._tell("added", new)
        elif _uid(old) != _uid(new):
            self._tell("deleted", old)
            self._tell("added", new)
        elif old != new:
            self._tell("modified", new)

    async def _follow(self, version: str) -> str:
        """Follow changes until the connection ends; the version to go on from."""
        timing = self._transport.timing
        began_ms = timing.monotonic_ms()
        at = version
        try:
            async with self._transport.stream(self._from(version)) as response:
                async for line in _lines(response):
                    at = self._take(line) or at
                    self._patience.reset()
            if at == version and timing.monotonic_ms() - began_ms < _AT_LEAST_MS:
                raise Unreachable(f"{self._call.words}: the server ended the watch at once")
        except httpx2.ReadTimeout:
            pass  # Silence: come back from the last version. When the server is gone, that is what fails.
        except httpx2.HTTPError as error:
            await self._patience.wait(self._transport.trouble(self._call, error), self._call.words)
        except ShipkeeperError as error:
            if error.code == "expired":
                raise _Expired from None
            await self._patience.wait(error, self._call.words)
        return at

    def _from(self, version: str) -> Call:
        more = (
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", version),
            ("timeoutSeconds", str(self._transport.timing.watch_ms // SECOND)),
        )
        return msgspec.structs.replace(self._call, query=self._call.query + more)

    def _take(self, line: bytes) -> str:
        """Tell one event; the version it brings us to (empty: none)."""
        try:
            event = _EVENTS.decode(line)
            if event.type == "ERROR":
                self._refuse(bytes(event.object))
            version = _VERSIONS.decode(event.object).metadata.resource_version
            if event.type != "BOOKMARK":
                for item in self._reader.one(bytes(event.object)):
                    self._learn(event.type, item)
        except (msgspec.MsgspecError, UnicodeDecodeError, BadInput) as error:
            raise unexpected(self._call, f"an event that cannot be read ({type(error).__name__})") from error
        return version

    def _refuse(self, status: bytes) -> None:
        answer = Answer(500, status)
        code = answer.status.code if answer.status else 500
        raise failure(self._call, Answer(code if code >= 400 else 500, status))

    def _learn(self, kind: str, new: T) -> None:
        key = _key(new)
        old = self._known.get(key)
        if kind == "DELETED":
            self._known.pop(key, None)
            self._tell("deleted", new)
            return
        self._known[key] = new
        self._tell_difference(old, new, first=False)

    def _tell(self, kind: Any, item: T) -> None:
        self._queue.put_nowait(Change(kind, item))


def _key(item: Any) -> Key:
    return getattr(item, "namespace", ""), item.name


def _uid(item: Any) -> str:
    return getattr(item, "uid", "")


async def _lines(response: httpx2.Response) -> AsyncIterator[bytes]:
    """Whole lines only: one that the connection's end cut off is dropped, and told again after coming back."""
    rest = b""
    async for chunk in response.aiter_bytes():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line.strip():
                yield line
