"""``ports.cluster.ClusterApi`` over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from shipkeeper.integrations.kubernetes.calls import Call, unexpected
from shipkeeper.integrations.kubernetes.evictions import evict_many
from shipkeeper.integrations.kubernetes.lists import collect, each_page, list_call
from shipkeeper.integrations.kubernetes.objects import Objects, fields, target
from shipkeeper.integrations.kubernetes.transport import Transport, server_time_ms
from shipkeeper.integrations.kubernetes.watch import HttpWatch
from shipkeeper.model.cluster import (
    ApiService,
    ClusterIdentity,
    EndpointSlice,
    Lease,
    Namespace,
    Quota,
    Service,
    Webhook,
)
from shipkeeper.model.errors import BadInput, Failed
from shipkeeper.model.facts import ImageUse
from shipkeeper.model.nodes import Node
from shipkeeper.model.pods import Pod
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.room import Room
from shipkeeper.model.storage import CsiNode, VolumeAttachment
from shipkeeper.model.table import PodTable, PodTableBuilder
from shipkeeper.model.time import SECOND, moment
from shipkeeper.model.workloads import Budget, Workload
from shipkeeper.ports.cluster import Eviction, EvictionAnswer, NodePatch, Watch
from shipkeeper.semantics.room import room_of
from shipkeeper.semantics.wire import READERS, Page, Reader, pods_into
from shipkeeper.semantics.wire.images import ImageTally

T = TypeVar("T")
R = TypeVar("R")

_RESOURCES: dict[type[Any], tuple[str, ...]] = {
    Node: ("nodes",),
    Pod: ("pods",),
    Budget: ("poddisruptionbudgets",),
    VolumeAttachment: ("volumeattachments",),
    CsiNode: ("csinodes",),
    Lease: ("leases",),
    Namespace: ("namespaces",),
    Quota: ("resourcequotas",),
    Webhook: ("mutatingwebhookconfigurations", "validatingwebhookconfigurations"),
    ApiService: ("apiservices",),
    Service: ("services",),
    EndpointSlice: ("endpointslices",),
}
"""The resources that become each kind; only a kind of one resource can be read by name, or watched."""

_WORKLOADS: dict[str, Reader[Workload]] = {
    reader.kind: reader for reader in READERS.values() if reader.type is Workload
}
_RUNNING = (("fieldSelector", "status.phase!=Succeeded,status.phase!=Failed"),)
_IN_FLIGHT = 8
_VERSION = Call(path="/version", verb="get", resource="the server's version")


class _ServerVersion(Struct, rename="camel"):
    git_version: str


class _User(Struct):
    username: str


class _Review(Struct, rename="camel"):
    user_info: _User


class _SelfSubjectReview(Struct):
    status: _Review


class HttpCluster:
    """A live cluster. Every read asks the API server itself: no cache, no ``resourceVersion=0``."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._objects = Objects(transport)
        self._watches: list[HttpWatch[Any]] = []

    async def identity(self) -> ClusterIdentity:
        """Which cluster this is: UID of kube-system, digest of the CA, version of the server."""
        system = await self.get(Namespace, "kube-system")
        if system is None or not system.uid:
            raise Failed(
                "the cluster has no namespace kube-system, so it cannot be told from another",
                code="no-identity",
                object="namespaces/kube-system",
            )
        return ClusterIdentity(
            uid=system.uid,
            ca_digest=self._transport.access.ca_digest,
            server_version=await self.server_version(),
            name=self._transport.access.context,
        )

    async def server_version(self) -> str:
        """The API server's version, such as v1.36.3."""
        return _decode(_VERSION, (await self._transport.ask(_VERSION)).body, _ServerVersion).git_version

    async def whoami(self) -> str:
        """The user name the API server gives us (SelfSubjectReview, GA since 1.28)."""
        call = Call(
            path="/apis/authentication.k8s.io/v1/selfsubjectreviews",
            method="POST",
            body=msgspec.json.encode({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}),
            verb="create",
            resource="selfsubjectreviews",
        )
        return _decode(call, (await self._transport.ask(call)).body, _SelfSubjectReview).status.user_info.username

    async def server_time_ms(self) -> int:
        """The API server's clock (``Date`` header), epoch milliseconds, to the second."""
        return server_time_ms(_VERSION, await self._transport.ask(_VERSION))

    async def get(self, kind: type[T], name: str, namespace: str = "") -> T | None:
        """One object, or None when there is none."""
        return await self._get(_reader(kind), name, namespace)

    async def list(self, kind: type[T], *, namespace: str = "", node: str = "") -> tuple[T, ...]:
        """Objects, sorted by namespace and name; ``node`` narrows to what is on that node."""
        found: list[T] = []
        for resource in _RESOURCES[kind]:
            reader: Reader[T] = READERS[resource]
            found += (await collect(self._transport, reader, namespace=namespace, query=_on_node(kind, node)))[0]
        if node and kind is VolumeAttachment:
            # The API has no field selector for it.
            found = [item for item in found if isinstance(item, VolumeAttachment) and item.node == node]
        return tuple(sorted(found, key=_place))

    def watch(self, kind: type[T], *, namespace: str = "", node: str = "") -> Watch[T]:
        """Watch Nodes, Pods or Budgets; ``node`` narrows pods to those on it, and nodes to that one."""
        watch = HttpWatch(self._transport, _reader(kind), namespace=namespace, query=_on_node(kind, node))
        self._watches = [item for item in self._watches if not item.done]
        self._watches.append(watch)
        return watch

    async def workloads(self, refs: Sequence[ObjectRef]) -> tuple[Workload | None, ...]:
        """Read these workloads, in this order; None where one is gone. Raises Failed for a kind that is none."""
        for ref in refs:
            if ref.kind not in _WORKLOADS:
                raise Failed(f"{ref} is no workload that Kubernetes itself runs", code="unknown-kind", object=str(ref))

        async def one(ref: ObjectRef) -> Workload | None:
            return await self._get(_WORKLOADS[ref.kind], ref.name, ref.namespace)

        return tuple(await _bounded(one, refs))

    async def all_workloads(self) -> tuple[Workload, ...]:
        """Every Deployment, ReplicaSet, StatefulSet, DaemonSet, Job and ReplicationController, sorted."""

        async def one(reader: Reader[Workload]) -> list[Workload]:
            return (await collect(self._transport, reader))[0]

        readers = [_WORKLOADS[kind] for kind in sorted(_WORKLOADS) if kind != "CronJob"]
        found = [workload for part in await _bounded(one, readers) for workload in part]
        return tuple(sorted(found, key=lambda workload: workload.ref))

    async def room(self) -> Room:
        """Free room on every node now, from what the pods on it request."""
        nodes = await self.list(Node)
        return room_of(nodes, await pod_table(self._transport, query=_RUNNING))

    async def patch_node(self, name: str, patch: NodePatch) -> Node:
        """Change a node by one merge patch; returns it as it is now. Raises Conflict when a precondition fails."""
        meta = fields(
            uid=patch.uid,
            resourceVersion=patch.resource_version or None,
            annotations=dict(patch.annotations) or None,
        )
        body: dict[str, Any] = {"metadata": meta}
        if patch.unschedulable is not None:
            body["spec"] = {"unschedulable": patch.unschedulable}
        reader = _reader(Node)
        return _one(reader, await self._objects.patch(target(reader, name), "merge", body))

    async def evict_many(self, evictions: Sequence[Eviction]) -> tuple[EvictionAnswer, ...]:
        """Ask for these evictions at once; answers in the same order. Never raises for one pod's answer."""
        return await evict_many(self._transport, evictions)

    async def put_lease(self, lease: Lease) -> Lease:
        """Create the lease (empty resourceVersion) or replace exactly that version. Raises Conflict otherwise."""
        reader = _reader(Lease)
        if not lease.resource_version:
            body = await self._objects.create(target(reader, "", lease.namespace), _lease_body(lease))
            return _one(reader, body)
        body = await self._objects.replace(target(reader, lease.name, lease.namespace), _lease_body(lease))
        return _one(reader, body)

    async def close(self) -> None:
        """End all watches. The connection belongs to whoever made it."""
        watches, self._watches = self._watches, []
        for watch in watches:
            watch.close()
        for watch in watches:
            await watch.ended()

    async def _get(self, reader: Reader[T], name: str, namespace: str) -> T | None:
        body = await self._objects.get(target(reader, name, namespace))
        return None if body is None else _one(reader, body)


async def pod_table(transport: Transport, query: tuple[tuple[str, str], ...] = ()) -> PodTable:
    """Every pod as columns, read page by page; no page outlives its reading."""
    pods, _ = await pods_and_images(transport, query)
    return pods


async def pods_and_images(
    transport: Transport, query: tuple[tuple[str, str], ...] = ()
) -> tuple[PodTable, tuple[ImageUse, ...]]:
    """Every pod as columns, and the images that they run."""
    builder, tally = PodTableBuilder(), ImageTally()

    def read(body: bytes) -> Page[Pod]:
        return pods_into(builder, body, tally=tally)

    def restart() -> None:
        nonlocal builder, tally
        builder, tally = PodTableBuilder(), ImageTally()

    await each_page(transport, list_call(READERS["pods"], query=query), read, restart)
    return builder.build(), tally.build()


async def _bounded(work: Callable[[T], Awaitable[R]], items: Sequence[T]) -> list[R]:
    """Do the work on all items, a few at a time; results in their order."""
    gate = asyncio.Semaphore(_IN_FLIGHT)

    async def one(item: T) -> R:
        async with gate:
            return await work(item)

    return list(await asyncio.gather(*(one(item) for item in items)))


def _reader(kind: type[T]) -> Reader[T]:
    (resource,) = _RESOURCES[kind]
    return READERS[resource]


def _place(item: Any) -> tuple[str, str]:
    return getattr(item, "namespace", ""), item.name


def _on_node(kind: type[Any], node: str) -> tuple[tuple[str, str], ...]:
    if not node or kind is VolumeAttachment:
        return ()
    field = "spec.nodeName" if kind is Pod else "metadata.name"
    return (("fieldSelector", f"{field}={node}"),)


def _one(reader: Reader[T], body: bytes) -> T:
    call = Call(path=reader.path(), verb="read", resource=reader.resource)
    try:
        found = reader.one(body)
    except BadInput as error:
        raise unexpected(call, error.message) from error
    if len(found) != 1:
        raise unexpected(call, f"{len(found)} objects in one")
    return found[0]


def _decode(call: Call, body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise unexpected(call, "fields that belong there are missing") from error


def _lease_body(lease: Lease) -> dict[str, Any]:
    def micro(at_ms: int) -> str | None:
        return moment(at_ms).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if at_ms else None

    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": fields(
            name=lease.name,
            namespace=lease.namespace,
            uid=lease.uid or None,
            resourceVersion=lease.resource_version or None,
            annotations=lease.annotations or None,
        ),
        "spec": fields(
            holderIdentity=lease.holder or None,
            # Rounded up: nobody may take it while its holder still believes to have it.
            leaseDurationSeconds=-(-lease.duration_ms // SECOND) or None,
            acquireTime=micro(lease.acquired_ms),
            renewTime=micro(lease.renewed_ms),
            leaseTransitions=lease.transitions,
        ),
    }
