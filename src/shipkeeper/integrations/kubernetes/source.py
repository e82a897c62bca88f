"""What a survey asks of a live cluster: whole lists, straight into the model."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from shipkeeper.integrations.kubernetes.calls import Call, failure, unexpected
from shipkeeper.integrations.kubernetes.cluster import HttpCluster, pods_and_images
from shipkeeper.integrations.kubernetes.discovery import Discovery, NotServed
from shipkeeper.integrations.kubernetes.lists import collect
from shipkeeper.integrations.kubernetes.platform import PlatformSource
from shipkeeper.integrations.kubernetes.transport import Transport
from shipkeeper.model.cluster import ClusterIdentity
from shipkeeper.model.errors import Failed, Forbidden
from shipkeeper.model.facts import ImageUse
from shipkeeper.model.table import PodTable
from shipkeeper.semantics.wire import READERS

_METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"


class _Remaining(Struct, rename="camel", frozen=True):
    remaining_item_count: int = 0


class _Counted(Struct):
    """``items`` is null in an empty list of metadata."""

    items: list[msgspec.Raw] | None
    metadata: _Remaining = _Remaining()


class KubeSource:
    """Reads one live cluster for a survey. Each method may be called on its own, and several at once."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._discovery = Discovery(transport)
        self._cluster = HttpCluster(transport)
        self.platform = PlatformSource(transport, self._discovery)

    @property
    def context(self) -> str:
        """Name of the kubeconfig context, or ``in-cluster``."""
        return self._transport.access.context

    async def identity(self) -> ClusterIdentity:
        """Which cluster this is. Raises Forbidden when namespace kube-system may not be read."""
        return await self._cluster.identity()

    async def list_resource(self, resource: str) -> tuple[Any, ...]:
        """Every object of one of ``semantics.wire.READERS``, sorted by namespace and name.

        Raises Forbidden (we may not), NotServed (the server has no such resource) and Unreachable.
        """
        reader = READERS[resource]
        try:
            found, _ = await collect(self._transport, reader)
        except Forbidden:
            # An API server also says 403 to a path that it does not have.
            await self._discovery.find(reader.group, reader.kind)
            raise
        except Failed as error:
            raise self._not_served(error, resource) from error
        return tuple(sorted(found, key=_place))

    async def pods(self) -> tuple[PodTable, tuple[ImageUse, ...]]:
        """Every pod as columns, and the images that they run; raises as ``list_resource``."""
        try:
            return await pods_and_images(self._transport)
        except Failed as error:
            raise self._not_served(error, "pods") from error

    async def probe(self, group: str, kind: str) -> int:
        """How many objects of a kind there are, of which nothing else is read.

        Raises NotServed when the kind is not installed, Forbidden when we may not list it, and Failed (code
        stale-group) when that cannot be known.
        """
        served = await self._discovery.find(group, kind)
        call = Call(
            path=served.path,
            query=(("limit", "1"),),
            accept=_METADATA_ONLY,
            verb="list",
            resource=f"{served.resource}.{group}" if group else served.resource,
        )
        answer = await self._transport.send(call)
        if answer.code == 404:
            raise NotServed(f"the API server does not serve {call.resource}", object=call.resource)
        if answer.code >= 400:
            raise failure(call, answer)
        try:
            counted = msgspec.json.decode(answer.body, type=_Counted)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise unexpected(call, "no list") from error
        return len(counted.items or ()) + counted.metadata.remaining_item_count

    def _not_served(self, error: Failed, resource: str) -> Failed:
        if error.code != "not-found":
            return error
        return NotServed(f"the API server does not serve {resource}", object=resource, why=error.why)


def _place(item: Any) -> tuple[str, ...]:
    return tuple(getattr(item, field, "") for field in ("namespace", "configuration", "name"))
