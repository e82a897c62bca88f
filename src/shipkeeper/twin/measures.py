"""What workloads felt and when nodes passed their marks, integrated event by event."""

from __future__ import annotations

from msgspec import Struct

from shipkeeper.model.nodes import Node
from shipkeeper.model.refs import ObjectRef
from shipkeeper.twin.world import World


class WorkloadMeasure(Struct, frozen=True):
    """One workload. ``downtime_ms``: no pod served; ``degraded_ms``: fewer than it wants, or than it had at the start.

    ``evictions`` counts pods that were made to leave: evicted, preempted, or deleted by a taint.
    """

    ref: ObjectRef
    downtime_ms: int
    degraded_ms: int
    evictions: int
    serving: int
    wanted: int


class NodeMeasure(Struct, frozen=True):
    """When a node passed each mark, epoch milliseconds; 0: never. ``drained``: nothing movable was left."""

    name: str
    cordoned_ms: int = 0
    drained_ms: int = 0
    ready_ms: int = 0
    uncordoned_ms: int = 0


class Measurement(Struct, frozen=True):
    """Everything measured, and what a reader should know, counted."""

    workloads: tuple[WorkloadMeasure, ...]
    nodes: tuple[NodeMeasure, ...]
    notes: tuple[tuple[str, int], ...]
    pending: tuple[tuple[str, str], ...]
    """(namespace/name, reason) of pods that found no node."""


class Measures:
    """Integrates serving pods per workload. A workload without a serving pod at the start has no downtime to lose."""

    def __init__(self, world: World) -> None:
        self._world = world
        tops = world.base.tops
        self._serving = [0] * len(tops)
        self._static: set[int] = set()
        """Mirror pods that name no owner: they belong to their node and go down with it, as nobody's workload."""
        pods, groups = world.pods, world.base.groups
        for row, group in enumerate(pods.group):
            if pods.mirror[row]:
                self._static.add(groups[group].top)
            if pods.serving[row]:
                self._serving[groups[group].top] += 1
        self.wanted = [
            min(top.desired, serving) if top.desired >= 0 else serving
            for top, serving in zip(tops, self._serving, strict=True)
        ]
        self._since = [world.now] * len(tops)
        self._down = [0] * len(tops)
        self._degraded = [0] * len(tops)
        self._evictions = [0] * len(tops)
        self._movable = [0] * len(world.nodes)
        self._cordoned = [0] * len(world.nodes)
        self._drained = [0] * len(world.nodes)
        self._ready = [0] * len(world.nodes)
        self._uncordoned = [0] * len(world.nodes)
        for row, node in enumerate(pods.node):
            if node >= 0 and self._moves(row):
                self._movable[node] += 1
        pods.on_serving.append(self._changed)
        pods.on_bound.append(self._bound)
        pods.on_gone.append(self._gone)
        world.on_node.append(self._node_changed)

    def evicted(self, row: int) -> None:
        """A pod was made to leave."""
        self._evictions[self._world.base.groups[self._world.pods.group[row]].top] += 1

    def returned(self, node: int) -> None:
        """A node is Ready after a reboot."""
        self._ready[node] = self._world.now

    def result(self, pending: list[tuple[int, str]]) -> Measurement:
        """Everything up to now. Workloads that felt nothing are left out."""
        world = self._world
        tops = world.base.tops
        for top in range(len(tops)):
            self._account(top)
        workloads = [
            WorkloadMeasure(
                tops[i].ref, self._down[i], self._degraded[i], self._evictions[i], self._serving[i], self.wanted[i]
            )
            for i in range(len(tops))
            if tops[i].ref.kind != "Node"
            and i not in self._static
            and (self._down[i] or self._degraded[i] or self._evictions[i])
        ]
        workloads.sort(key=lambda item: item.ref)
        nodes = tuple(
            NodeMeasure(node.name, self._cordoned[i], self._drained[i], self._ready[i], self._uncordoned[i])
            for i, node in enumerate(world.nodes)
            if self._cordoned[i]
        )
        labels = tuple((world.pods.label(row), reason) for row, reason in pending)
        return Measurement(tuple(workloads), nodes, tuple(sorted(world.notes.items())), labels)

    def _changed(self, row: int, change: int) -> None:
        top = self._world.base.groups[self._world.pods.group[row]].top
        self._account(top)
        self._serving[top] += change

    def _account(self, top: int) -> None:
        now = self._world.now
        passed = now - self._since[top]
        if passed:
            self._since[top] = now
            serving, wanted = self._serving[top], self.wanted[top]
            if serving < wanted:
                self._degraded[top] += passed
                if not serving:
                    self._down[top] += passed

    def _moves(self, row: int) -> bool:
        """Whether a drain has to wait for the pod."""
        group = self._world.base.groups[self._world.pods.group[row]]
        return not self._world.base.is_daemon(group) and not self._world.pods.mirror[row]

    def _bound(self, row: int) -> None:
        if self._moves(row):
            self._movable[self._world.pods.node[row]] += 1

    def _gone(self, row: int) -> None:
        node = self._world.pods.node[row]
        if node >= 0 and self._moves(row):
            self._movable[node] -= 1
            if not self._movable[node] and self._world.nodes[node].unschedulable:
                self._drained[node] = self._world.now

    def _node_changed(self, row: int, before: Node, after: Node) -> None:
        if before.unschedulable != after.unschedulable:
            if after.unschedulable:
                self._cordoned[row] = self._world.now
                if not self._movable[row]:
                    self._drained[row] = self._world.now
            else:
                self._uncordoned[row] = self._world.now
