"""The API server of the twin: ports.cluster.ClusterApi over the world's state, with latency."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import numpy as np
from msgspec.structs import replace

from shipkeeper.model.cluster import (
    ApiService,
    Autoscaler,
    ClusterIdentity,
    EndpointSlice,
    Lease,
    LimitRange,
    Namespace,
    PriorityClass,
    Quota,
    Service,
    Webhook,
)  # fmt: skip
from shipkeeper.model.errors import Conflict, Failed, Unreachable, UsageProblem
from shipkeeper.model.nodes import Node, Taint
from shipkeeper.model.pods import Pod
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.room import Room
from shipkeeper.model.storage import Claim, CsiNode, StorageClass, Volume, VolumeAttachment
from shipkeeper.model.time import SECOND
from shipkeeper.model.workloads import Budget, Workload
from shipkeeper.ports.cluster import Eviction, EvictionAnswer, NodePatch, Watch
from shipkeeper.semantics.eviction import decide_state
from shipkeeper.semantics.taints import UNSCHEDULABLE
from shipkeeper.twin.budgets import Disruption
from shipkeeper.twin.machines import Machines
from shipkeeper.twin.quotas import Quotas
from shipkeeper.twin.storage import Volumes
from shipkeeper.twin.watches import Watches
from shipkeeper.twin.workloads import Workloads
from shipkeeper.twin.world import World

T = TypeVar("T")

_SURVEYED: dict[type, str] = {
    Namespace: "namespaces", Claim: "claims", Volume: "volumes", StorageClass: "storage_classes",
    LimitRange: "limit_ranges", Webhook: "webhooks", ApiService: "api_services", Service: "services",
    EndpointSlice: "endpoint_slices", Autoscaler: "autoscalers", PriorityClass: "priority_classes",
}  # fmt: skip
"""Kinds that nothing in the twin changes: they are what was surveyed."""


def _nobody_answers() -> Unreachable:
    return Unreachable("the API server does not answer: connection refused", hint="too few control-plane nodes are up")


class TwinApi:
    """Implements ports.cluster.ClusterApi. Every call takes the API's latency, half before it acts and half after."""

    def __init__(
        self,
        world: World,
        disruption: Disruption,
        volumes: Volumes,
        machines: Machines,
        workloads: Workloads,
        watches: Watches,
        quotas: Quotas,
        delete: Callable[[int, str, int | None], None],
        user: str,
    ) -> None:
        self._world, self._disruption, self._volumes = world, disruption, volumes
        self._machines, self._workloads, self._watches = machines, workloads, watches
        self._quotas, self._delete, self._user = quotas, delete, user
        self._takes = world.lag("api", world.settings.api_ms)
        self._eviction_takes = world.lag("api", world.settings.eviction_ms)
        self._calls = 0
        self._evicting_until = 0
        self._leases = {(item.namespace, item.name): item for item in world.base.inventory.leases}
        self._lease_versions = 0
        self._known: dict[type, dict[tuple[str, str], Any]] = {}

    # --- who and when ----------------------------------------------------------------------

    async def identity(self) -> ClusterIdentity:
        """The surveyed cluster's."""
        await self._there("get", "identity")
        return self._world.base.inventory.identity

    async def whoami(self) -> str:
        """The rehearsal's user name."""
        await self._there("create", "selfsubjectreviews")
        return self._user

    async def server_time_ms(self) -> int:
        """Virtual time, to the second."""
        await self._there("get", "version")
        return self._world.now // SECOND * SECOND

    # --- reading ---------------------------------------------------------------------------

    async def get(self, kind: type[T], name: str, namespace: str = "") -> T | None:
        """One object, or None."""
        half = await self._request("get", f"{kind.__name__} {namespace}/{name}")
        found = self._find(kind, name, namespace)
        await self._answer(half, "get", f"{kind.__name__} {namespace}/{name}")
        return cast("T | None", found)

    async def list(self, kind: type[T], *, namespace: str = "", node: str = "") -> tuple[T, ...]:
        """Objects, sorted by namespace and name."""
        half = await self._request("list", kind.__name__)
        found = self._all(kind, namespace, node)
        await self._answer(half, "list", kind.__name__)
        return cast("tuple[T, ...]", found)

    def watch(self, kind: type[T], *, namespace: str = "", node: str = "") -> Watch[T]:
        """Watch Nodes, Pods or Budgets."""
        index = self._world.base.node_index.get(node, -1) if node else None
        made: Any
        if kind is Pod:
            made = self._watches.pods(namespace, index)
        elif kind is Node:
            if index == -1:
                raise Failed(f"there is no node {node} to watch", object=f"Node {node}")
            made = self._watches.nodes(index)
        elif kind is Budget:
            made = self._watches.budgets(namespace)
        else:
            raise UsageProblem(f"{kind.__name__} cannot be watched", hint="watch Nodes, Pods or Budgets")
        return cast("Watch[T]", made)

    async def workloads(self, refs: Sequence[ObjectRef]) -> tuple[Workload | None, ...]:
        """These workloads as they are now."""
        half = await self._request("list", "workloads")
        found = tuple(self._workloads.find(ref) for ref in refs)
        await self._answer(half, "list", "workloads")
        return found

    async def all_workloads(self) -> tuple[Workload, ...]:
        """Every workload that runs pods."""
        half = await self._request("list", "workloads")
        found = self._workloads.all()
        await self._answer(half, "list", "workloads")
        return found

    async def room(self) -> Room:
        """Free room on every node now."""
        half = await self._request("list", "room")
        world = self._world
        found = Room(tuple(world.nodes), world.base.resources, np.ascontiguousarray(world.occupancy.free.T))
        await self._answer(half, "list", "room")
        return found

    # --- writing ---------------------------------------------------------------------------

    async def patch_node(self, name: str, patch: NodePatch) -> Node:
        """Change a node atomically; a cordon brings its taint along, as the node controller does."""
        half = await self._request("patch", f"Node {name}")
        world = self._world
        index = world.base.node_index.get(name, -1)
        if index < 0:
            raise Failed(f"there is no node {name}", code="not-found", object=f"Node {name}")
        node = world.nodes[index]
        if patch.uid != node.uid:
            raise Conflict(f"node {name} has another UID now", object=f"Node {name}", why="it is another machine")
        if patch.resource_version and patch.resource_version != node.resource_version:
            raise Conflict(f"node {name} changed since it was read", object=f"Node {name}", hint="read it again")
        annotations = {key: value for key, value in node.annotations.items() if key not in patch.annotations}
        annotations.update({key: value for key, value in patch.annotations.items() if value is not None})
        after = replace(node, annotations=annotations)
        if patch.unschedulable is not None:
            taints = tuple(taint for taint in node.taints if taint.key != UNSCHEDULABLE)
            if patch.unschedulable:
                taints = (*taints, Taint(UNSCHEDULABLE, "NoSchedule"))
            after = replace(after, unschedulable=patch.unschedulable, taints=taints)
        written = world.set_node(index, after, f"patched-{int(after.unschedulable)}")
        await self._answer(half, "patch", f"Node {name}")
        return written

    async def evict_many(self, evictions: Sequence[Eviction]) -> tuple[EvictionAnswer, ...]:
        """Decide each eviction in turn, as the API server would."""
        half = await self._request("evict", str(len(evictions)))
        await self._take_turns(len(evictions))
        answers = tuple(self._evict(eviction) for eviction in evictions)
        await self._answer(half, "evict", str(len(evictions)))
        return answers

    async def put_lease(self, lease: Lease) -> Lease:
        """Create or replace the lease."""
        half = await self._request("update", f"Lease {lease.namespace}/{lease.name}")
        key = (lease.namespace, lease.name)
        known = self._leases.get(key)
        if (known.resource_version if known is not None else "") != lease.resource_version:
            raise Conflict(f"lease {lease.namespace}/{lease.name} changed since it was read", object=str(lease.ref))
        self._lease_versions += 1
        uid = known.uid if known is not None else f"lease-{self._lease_versions}"
        written = replace(lease, uid=uid, resource_version=f"l{self._lease_versions}")
        self._leases[key] = written
        self._world.trace.note("lease", f"{lease.namespace}/{lease.name} {lease.holder}")
        await self._answer(half, "update", f"Lease {lease.namespace}/{lease.name}")
        return written

    # --- inside ----------------------------------------------------------------------------

    def _evict(self, eviction: Eviction) -> EvictionAnswer:
        world, pods = self._world, self._world.pods
        row = pods.find(eviction.namespace, eviction.name)
        if row < 0:
            return EvictionAnswer(eviction, "gone", 404, "NotFound", f"pods {eviction.name!r} not found")
        decision = decide_state(
            free=not pods.active(row) or pods.phase[row] == 0,
            ready=bool(pods.ready[row]),
            budgets=self._disruption.matching(row),
            minor=world.minor,
            namespace_terminating=world.is_terminating(eviction.namespace),
        )
        world.trace.note("evict", f"{pods.label(row)} {decision.code}")
        if decision.decrements:
            self._disruption.spend(row)
        if decision.accepted and pods.uids[row] != eviction.uid:
            # Observed on v1.36: the budget pays before the UIDs are compared, and gets it back only after two minutes.
            message = f"the UID in the precondition ({eviction.uid}) is not the pod's ({pods.uids[row]})"
            return EvictionAnswer(eviction, "conflict", 409, "Conflict", message)
        if decision.accepted:
            self._delete(row, "evicted", eviction.grace_ms)
        return EvictionAnswer(
            eviction,
            decision.outcome,
            decision.code,
            decision.reason,
            decision.message,
            decision.retry_after_ms,
            decision.budget,
        )

    def _find(self, kind: type, name: str, namespace: str) -> object | None:
        world = self._world
        if kind is Pod:
            row = world.pods.find(namespace, name)
            return world.pods.materialise(row) if row >= 0 else None
        if kind is Node:
            index = world.base.node_index.get(name, -1)
            return world.nodes[index] if index >= 0 else None
        if kind is Lease:
            return self._leases.get((namespace, name))
        if kind is CsiNode:
            return self._machines.csi.get(name)
        if kind in _SURVEYED:
            return self._surveyed(kind).get((namespace, name))
        for item in self._all(kind, namespace, ""):
            if item.name == name:
                return cast("object", item)
        return None

    def _all(self, kind: type, namespace: str, node: str) -> tuple[Any, ...]:
        world = self._world
        if kind is Pod:
            return tuple(self._pods(namespace, node))
        if kind is Node:
            return tuple(sorted(world.nodes, key=lambda item: item.name))
        if kind is VolumeAttachment:
            if not node:
                return self._volumes.all()
            index = world.base.node_index.get(node, -1)
            return self._volumes.on_node(index)
        if kind is CsiNode:
            return tuple(item for _, item in sorted(self._machines.csi.items()))
        if kind is Budget:
            return self._disruption.listed(namespace)
        if kind is Quota:
            return self._quotas.listed(namespace)
        if kind in _SURVEYED and not namespace:
            return cast("tuple[Any, ...]", getattr(world.base.inventory, _SURVEYED[kind]))
        found: Sequence[Any]
        if kind is Lease:
            found = list(self._leases.values())
        elif kind is Workload:
            found = self._workloads.all()
        elif kind in _SURVEYED:
            found = getattr(world.base.inventory, _SURVEYED[kind])
        else:
            raise UsageProblem(f"the twin holds no {kind.__name__}")
        chosen = [item for item in found if not namespace or getattr(item, "namespace", "") == namespace]
        return tuple(sorted(chosen, key=lambda item: (getattr(item, "namespace", ""), item.name)))

    def _surveyed(self, kind: type) -> dict[tuple[str, str], Any]:
        """Objects of a kind that nothing changes, by namespace and name."""
        known = self._known.get(kind)
        if known is None:
            found = getattr(self._world.base.inventory, _SURVEYED[kind])
            known = self._known[kind] = {(getattr(item, "namespace", ""), item.name): item for item in found}
        return known

    def _pods(self, namespace: str, node: str) -> Sequence[Pod]:
        world = self._world
        pods, groups = world.pods, world.base.groups
        rows: Sequence[int]
        if node:
            index = world.base.node_index.get(node, -1)
            rows = list(world.occupancy.on_node[index]) if index >= 0 else []
        elif namespace:
            rows = pods.in_namespace(namespace)
        else:
            rows = [row for row in range(len(pods.names)) if pods.alive[row]]
        chosen = [row for row in rows if not namespace or groups[pods.group[row]].namespace == namespace]
        chosen.sort(key=lambda row: (groups[pods.group[row]].namespace, pods.names[row]))
        return [pods.materialise(row) for row in chosen]

    async def _take_turns(self, evictions: int) -> None:
        """Evictions asked for together, by one drain or by several, are written one after the other."""
        world = self._world
        begin = max(world.now, self._evicting_until)
        further = evictions if begin > world.now else evictions - 1
        for _ in range(further):
            self._calls += 1
            begin += self._eviction_takes.ms(self._calls)
        self._evicting_until = begin
        if begin > world.now:
            await world.kernel.sleep(begin - world.now)

    async def _there(self, verb: str, key: str) -> None:
        await self._answer(await self._request(verb, key), verb, key)

    async def _request(self, verb: str, key: str) -> int:
        """Travel to the server; returns how long the way back takes."""
        world = self._world
        self._calls += 1
        both = self._takes.ms(self._calls)
        problem = _nobody_answers() if world.api_away else world.faults.before_call(verb, key, world.now)
        if problem is not None:
            await world.kernel.sleep(both)
            raise problem
        await world.kernel.sleep(both // 2)
        return both - both // 2

    async def _answer(self, half: int, verb: str, key: str) -> None:
        world = self._world
        await world.kernel.sleep(half)
        problem = world.faults.after_call(verb, key, world.now)
        if problem is not None:
            raise problem
