"""The cluster, method by method: no JSON and no task per pod, so that a rehearsal pays for neither.

Implemented by the HTTP client (``integrations.kubernetes``) and by the twin. Reads are quorum reads (no
``resourceVersion=0``), never a cache. Errors: Unreachable, Unauthenticated, Forbidden, Conflict from
``model.errors``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, Literal, Protocol, TypeVar

from msgspec import Struct

from shipkeeper.model.cluster import ClusterIdentity, Lease
from shipkeeper.model.nodes import Node
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.room import Room
from shipkeeper.model.workloads import Workload

T = TypeVar("T")

ChangeType = Literal["present", "synced", "added", "modified", "deleted"]
EvictionOutcome = Literal[
    "accepted", "gone", "conflict", "spent", "hopeless", "busy", "namespace-terminating", "refused"
]


class Change(Struct, Generic[T], frozen=True):
    """One delivery of a watch. ``object`` is None only for ``synced``: all that was there has been told."""

    type: ChangeType
    object: T | None = None


class Watch(Protocol[T]):
    """A watch: first every ``present`` object, then ``synced``, then changes.

    Gaps (410, dropped connections) are closed inside, by listing again: an object that went away in the gap is told
    as ``deleted``, one that differs as ``modified``.
    """

    async def receive(self) -> Change[T]:
        """Wait for the next change. Raises Unreachable when it could not be re-established within its patience."""

    def close(self) -> None:
        """Stop the watch. Idempotent."""


class NodePatch(Struct, frozen=True):
    """One atomic change of a node. The UID and, when given, the resourceVersion are preconditions (else Conflict).

    ``annotations``: value None removes the key.
    """

    uid: str
    resource_version: str = ""
    unschedulable: bool | None = None
    annotations: dict[str, str | None] = {}


class Eviction(Struct, frozen=True):
    """One eviction, with the pod's UID as precondition. ``grace_ms`` None: the pod's own."""

    namespace: str
    name: str
    uid: str
    grace_ms: int | None = None


class EvictionAnswer(Struct, frozen=True):
    """What the API server said.

    accepted · gone (404) · conflict (409: another pod of that name) · spent (429, cause DisruptionBudget) ·
    hopeless (500: more than one budget) · busy (429 of priority and fairness, other 5xx, timeouts) ·
    namespace-terminating (403 with that cause) · refused (any other denial: RBAC, a webhook).
    """

    eviction: Eviction
    outcome: EvictionOutcome
    code: int = 201
    reason: str = ""
    message: str = ""
    retry_after_ms: int = 0
    budget: str = ""
    """Name of the budget the message names, when it names one."""


class ClusterApi(Protocol):
    """What execution asks of a cluster.

    Kinds: Node, Pod, Budget, VolumeAttachment, CsiNode, Lease, Namespace, Quota, Webhook, ApiService, Service,
    EndpointSlice.
    """

    async def identity(self) -> ClusterIdentity:
        """Which cluster this is."""

    async def whoami(self) -> str:
        """The user name the API server gives us (SelfSubjectReview)."""

    async def server_time_ms(self) -> int:
        """The API server's clock (``Date`` header), epoch milliseconds, to the second."""

    async def get(self, kind: type[T], name: str, namespace: str = "") -> T | None:
        """One object, or None when there is none."""

    async def list(self, kind: type[T], *, namespace: str = "", node: str = "") -> tuple[T, ...]:
        """Objects, sorted by namespace and name; pods and attachments can be narrowed to one node."""

    def watch(self, kind: type[T], *, namespace: str = "", node: str = "") -> Watch[T]:
        """Watch Nodes, Pods or Budgets. ``node`` narrows pods to those on it, and nodes to that one."""

    async def workloads(self, refs: Sequence[ObjectRef]) -> tuple[Workload | None, ...]:
        """Read these workloads, in this order; None where one is gone."""

    async def all_workloads(self) -> tuple[Workload, ...]:
        """Every Deployment, ReplicaSet, StatefulSet, DaemonSet, Job and ReplicationController."""

    async def room(self) -> Room:
        """Free room on every node now."""

    async def patch_node(self, name: str, patch: NodePatch) -> Node:
        """Change a node; returns it as it is now. Raises Conflict when a precondition fails."""

    async def evict_many(self, evictions: Sequence[Eviction]) -> tuple[EvictionAnswer, ...]:
        """Ask for these evictions at once; answers in the same order. Never raises for one pod's answer."""

    async def put_lease(self, lease: Lease) -> Lease:
        """Create the lease (empty resourceVersion) or replace exactly that version. Raises Conflict otherwise."""
