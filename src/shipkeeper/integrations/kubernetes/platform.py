"""What a survey asks a live cluster about the platform on it: custom resources, Helm's records, deprecated requests."""

from __future__ import annotations

import asyncio
from typing import Any, Literal
from urllib.parse import quote

import msgspec
from msgspec import Struct

from shipkeeper.integrations.kubernetes.calls import Call, unexpected
from shipkeeper.integrations.kubernetes.discovery import Discovery
from shipkeeper.integrations.kubernetes.lists import PAGE, each_page, list_call
from shipkeeper.integrations.kubernetes.transport import Transport
from shipkeeper.model.errors import BadInput
from shipkeeper.model.facts import DeprecatedRequest
from shipkeeper.model.releases import Release
from shipkeeper.semantics.wire import PLATFORM_READERS, Page
from shipkeeper.semantics.wire.metrics import deprecated_requests, is_metrics
from shipkeeper.semantics.wire.platform.kinds import page_size
from shipkeeper.semantics.wire.platform.releases import (
    SELECTOR,
    Record,
    WireFullRecord,
    WireRecord,
    by_labels,
    newest,
    record_of,
    unpack,
)
from shipkeeper.semantics.wire.platform.vulnerabilities import Shared
from shipkeeper.semantics.wire.raw import WireListMeta

Storage = Literal["secret", "configmap"]

_METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
_METRICS = Call(path="/metrics", verb="get", resource="/metrics", accept="text/plain")
_AT_ONCE = 4


class Refused(Struct, frozen=True):
    """One object that was there and could not be read."""

    name: str
    why: str


class _Records(Struct):
    """``items`` is null in an empty list of metadata."""

    items: list[WireRecord] | None
    metadata: WireListMeta | None = None


class _FullRecords(Struct):
    items: list[WireFullRecord] | None


_RECORDS = msgspec.json.Decoder(_Records)
_FULL_RECORDS = msgspec.json.Decoder(_FullRecords)


class PlatformSource:
    """Reads the platform on one live cluster. Each method may be called on its own, and several at once."""

    def __init__(self, transport: Transport, discovery: Discovery) -> None:
        self._transport = transport
        self._discovery = discovery

    async def list_kind(self, full_name: str) -> tuple[tuple[Any, ...], tuple[Refused, ...]]:
        """Every object of one of ``semantics.wire.PLATFORM_READERS`` in the version the server prefers.

        Also the objects that could not be read, each with why. Raises NotServed (not installed), Failed (code
        stale-group: whether it is installed cannot be known) and Forbidden.
        """
        known = PLATFORM_READERS[full_name]
        served = await self._discovery.find(known.group, known.resource)
        reader = known.at(f"/apis/{served.group}/{served.version}")
        found: list[Any] = []
        refused: list[Refused] = []
        shared = Shared()

        def read(body: bytes) -> Page[Any]:
            page = reader.one_by_one(body, lambda name, why: refused.append(Refused(name, why)))
            found.extend(shared.of(item) for item in page.items)
            return page

        def restart() -> None:
            found.clear()
            refused.clear()

        call = list_call(reader)
        call = msgspec.structs.replace(call, resource=full_name)
        await each_page(self._transport, call, read, restart, limit=page_size(known, PAGE))
        return tuple(found), tuple(refused)

    async def releases(self, storage: Storage) -> tuple[tuple[Release, ...], tuple[Refused, ...]]:
        """The newest revision of every Helm release that is recorded in Secrets, or in ConfigMaps.

        All records are listed by their labels alone; only the newest of each release is then read whole, one at a
        time by its name. One that cannot be read is told by its labels, and why. Raises Forbidden.
        """
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(record: Record, deployed: int) -> tuple[Release, Refused | None]:
            async with gate:
                return await self._release(record, deployed)

        tops = newest(await self._records(storage))
        answers = await asyncio.gather(*(one(record, deployed) for record, deployed in tops))
        refused = tuple(item for _, item in answers if item is not None)
        return tuple(release for release, _ in answers), refused

    async def deprecated_requests(self) -> tuple[DeprecatedRequest, ...]:
        """Deprecated APIs that were asked for since the API server that answers started. Raises Forbidden."""
        answer = await self._transport.ask(_METRICS)
        if not is_metrics(answer.body):
            raise unexpected(_METRICS, "no metrics of an API server")
        return deprecated_requests(answer.body)

    async def _records(self, storage: Storage) -> list[Record]:
        """What the labels of all records tell. Their content does not leave the server."""
        records: list[Record] = []

        def read(body: bytes) -> Page[Any]:
            try:
                listed = _RECORDS.decode(body)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise BadInput("it is no list of objects' metadata") from error
            records.extend(found for item in listed.items or () if (found := record_of(item.metadata, storage)))
            meta = listed.metadata or WireListMeta()
            return Page((), meta.resource_version or "", meta.token or "")

        call = Call(
            path=f"/api/v1/{storage}s",
            query=(("labelSelector", SELECTOR),),
            accept=_METADATA_ONLY,
            verb="list",
            resource=f"{storage}s",
        )
        await each_page(self._transport, call, read, records.clear)
        return records

    async def _release(self, record: Record, deployed: int) -> tuple[Release, Refused | None]:
        """One release by its record. A list of one: then the right to list is enough."""
        call = Call(
            path=f"/api/v1/namespaces/{quote(record.namespace, safe='')}/{record.storage}s",
            query=(("fieldSelector", f"metadata.name={record.object}"), ("labelSelector", SELECTOR)),
            verb="list",
            resource=f"{record.storage}s",
            namespace=record.namespace,
        )
        body = (await self._transport.ask(call)).body
        try:
            items = _FULL_RECORDS.decode(body).items or []
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise unexpected(call, "no list of objects") from error
        wire = next((item for item in items if item.metadata.name == record.object), None)
        name = f"{record.namespace}/{record.name}"
        if wire is None:
            return by_labels(record, deployed), Refused(name, "its record went away while it was read")
        try:
            return unpack(record, deployed, wire.data.release if wire.data else None), None
        except BadInput as error:
            return by_labels(record, deployed), Refused(name, error.message)
