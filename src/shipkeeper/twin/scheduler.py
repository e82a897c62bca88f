"""The scheduler: one pod per cycle, priority first, then time; what does not fit waits for something to change.

Source: Kubernetes documentation, "Scheduling Framework"; ``pkg/scheduler/schedule_one.go`` (node sampling from 100
nodes on, ties broken at random). Which node a pod lands on is one of many outcomes: the twin draws one by seed.
"""

from __future__ import annotations

import heapq

import numpy as np

from shipkeeper.model.nodes import Node
from shipkeeper.model.time import MINUTE, SECOND
from shipkeeper.twin.classes import Ids, SchedulingClass
from shipkeeper.twin.filters import AFFINITY, FIT, PORTS, SPREAD, STATIC, VOLUMES, Filters
from shipkeeper.twin.preemption import Preemption
from shipkeeper.twin.scores import Scores
from shipkeeper.twin.world import World

_FLUSH_MS = 5 * MINUTE
_BACKOFF_MS = SECOND
_LONGEST_BACKOFF_MS = 10 * SECOND
_SAMPLE_FROM = 100


class Scheduler:
    """Active queue, backoff queue, and the pods that wait, by class."""

    def __init__(self, world: World, filters: Filters, scores: Scores, preemption: Preemption) -> None:
        self._world, self._filters, self._scores, self._preemption = world, filters, scores, preemption
        self._active: list[tuple[int, int, int, int]] = []
        self._sequence = 0
        self._awake = False
        self._waiting: dict[int, dict[int, int]] = {}
        """Group → row → why it did not fit (bits)."""
        self._attempts: dict[int, int] = {}
        self._failed_ms: dict[int, int] = {}
        self._ties = world.entropy.stream("ties")
        self._order = _zone_order(world.base.nodes)
        self._next_start = 0
        self._sample = sample_size(len(world.nodes))
        pods = world.pods
        pods.on_created.append(self._created)
        pods.on_bound.append(self._bound)
        pods.on_deleting.append(self._deleting)
        pods.on_finished.append(self._freed)
        pods.on_gone.append(self._freed)
        world.on_node.append(self._node_changed)
        for row in range(len(pods.names)):
            if pods.node[row] < 0 and pods.active(row) and not pods.materialise(row).node:
                self._created(row)  # one on a node that the inventory does not hold is nobody's to place

    def pending(self) -> list[tuple[int, str]]:
        """(row, reason) of every pod that found no node, oldest first."""
        found = []
        for rows in self._waiting.values():
            for row in rows:
                item = self._class(row)
                gates = item.group.shape.scheduling_gates
                found.append((row, "it has scheduling gates" if gates else self._filters.reasons(item, row)))
        return sorted(found)

    # --- events ----------------------------------------------------------------------------

    def _created(self, row: int) -> None:
        group = self._world.base.groups[self._world.pods.group[row]]
        if group.owner >= 0 and self._world.base.owners[group.owner].kind == "DaemonSet":
            return  # its controller names the node
        if group.shape.scheduling_gates:
            self._waiting.setdefault(group.index, {})[row] = 0
            return
        self._push(row)

    def _bound(self, row: int) -> None:
        if self._waiting:
            self._move(SPREAD | AFFINITY, row, -1)

    def _deleting(self, row: int) -> None:
        group = self._world.pods.group[row]
        self._filters.reserved.pop(row, None)
        self._forget(row, group)
        if self._waiting:
            self._move(SPREAD, row, -1)

    def _freed(self, row: int) -> None:
        self._forget(row, self._world.pods.group[row])
        if self._waiting and self._world.pods.node[row] >= 0:
            self._move(SPREAD | AFFINITY | PORTS | VOLUMES, row, self._world.pods.node[row])

    def _node_changed(self, row: int, before: Node, after: Node) -> None:
        if not self._waiting or (before.unschedulable == after.unschedulable and before.taints == after.taints):
            return
        for group in list(self._waiting):
            if self._filters.static(self._filters.classes.of(group))[row]:
                for pod in list(self._waiting[group]):
                    self._wake(pod, group)

    def _move(self, bits: int, row: int, node: int) -> None:
        """Something about that pod changed; wake those whom it may help. ``node``: where room became free, or -1."""
        groups = self._world.base.groups
        namespace = groups[self._world.pods.group[row]].namespace
        for group in list(self._waiting):
            item = self._filters.classes.of(group)
            room = node >= 0 and bool(self._filters.static(item)[node]) and self._filters.fits_on(item, node)
            near = item.group.namespace == namespace or bool(item.near or item.apart)
            for pod, why in list(self._waiting[group].items()):
                if (room and why & FIT) or (why & bits and (near or why & bits & (PORTS | VOLUMES))):
                    self._wake(pod, group)

    def _wake(self, row: int, group: int) -> None:
        if self._world.base.groups[group].shape.scheduling_gates:
            return
        self._forget(row, group)
        ready_at = self._failed_ms[row] + min(_LONGEST_BACKOFF_MS, _BACKOFF_MS << min(self._attempts[row] - 1, 8))
        if ready_at > self._world.now:
            self._world.kernel.call_at(ready_at, self._push, row)
        else:
            self._push(row)

    def _flush(self, row: int, attempts: int) -> None:
        group = self._world.pods.group[row]
        if self._attempts.get(row) == attempts and row in self._waiting.get(group, ()):
            self._wake(row, group)

    def _forget(self, row: int, group: int) -> None:
        rows = self._waiting.get(group)
        if rows is not None and rows.pop(row, None) is not None and not rows:
            del self._waiting[group]

    # --- cycles ----------------------------------------------------------------------------

    def _push(self, row: int) -> None:
        priority = self._world.base.groups[self._world.pods.group[row]].shape.priority
        self._sequence += 1
        heapq.heappush(self._active, (-priority, self._world.now, self._sequence, row))
        if not self._awake:
            self._awake = True
            self._world.kernel.call_after(self._world.settings.cycle_ms, self._cycle)

    def _cycle(self) -> None:
        pods = self._world.pods
        while self._active:
            row = heapq.heappop(self._active)[3]
            if pods.alive[row] and pods.node[row] < 0 and pods.deletion_ms[row] < 0:
                self._schedule(row)
                break
        self._awake = bool(self._active)
        if self._awake:
            self._world.kernel.call_after(self._world.settings.cycle_ms, self._cycle)

    def _schedule(self, row: int) -> None:
        item = self._class(row)
        attempt = self._attempts[row] = self._attempts.get(row, 0) + 1
        candidates = self._find(self._filters.feasible(item, row))
        if not len(candidates):
            self._fail(row, item, attempt)
            return
        if len(candidates) == 1:
            node = int(candidates[0])
        else:
            scores = self._scores.total(item, candidates)
            best = (scores == scores[scores.argmax()]).nonzero()[0]
            node = int(candidates[best[self._ties.at(row, attempt) % len(best)]])
        self._filters.reserved.pop(row, None)
        self._attempts.pop(row)
        self._failed_ms.pop(row, None)
        self._world.pods.bind(row, node)

    def _fail(self, row: int, item: SchedulingClass, attempt: int) -> None:
        world = self._world
        self._failed_ms[row] = world.now
        why = self._filters.why_not(item, row) or STATIC
        self._waiting.setdefault(item.group.index, {})[row] = why
        world.trace.note("unschedulable", f"{world.pods.label(row)} {why}")
        world.kernel.call_after(_FLUSH_MS, self._flush, row, attempt)
        if row not in self._filters.reserved:
            node = self._preemption.try_for(row, item)
            if node >= 0:
                self._filters.reserved[row] = (node, item.group.index)

    def _find(self, mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Ids:
        """Feasible nodes; in a large cluster only as many as the scheduler looks for, from where it stopped last."""
        if self._sample >= len(mask):
            return mask.nonzero()[0]
        ordered = self._order
        hits = mask[ordered].nonzero()[0]
        split = int(hits.searchsorted(self._next_start))
        rotated = np.concatenate((hits[split:], hits[:split]))[: self._sample]
        if len(rotated) == self._sample:
            self._next_start = (int(rotated[-1]) + 1) % len(mask)
        found: Ids = ordered[rotated]
        return found

    def _class(self, row: int) -> SchedulingClass:
        return self._filters.classes.of(self._world.pods.group[row])


def sample_size(nodes: int) -> int:
    """How many feasible nodes are enough: all below 100, else a share that falls with size, at least 100."""
    if nodes < _SAMPLE_FROM:
        return nodes
    return max(_SAMPLE_FROM, nodes * max(5, 50 - nodes // 125) // 100)


def _zone_order(nodes: tuple[Node, ...]) -> Ids:
    """The order in which the scheduler walks nodes: one zone after the other, node by node."""
    zones: dict[str, list[int]] = {}
    for index, node in enumerate(nodes):
        zones.setdefault(node.zone, []).append(index)
    order: list[int] = []
    depth = 0
    while len(order) < len(nodes):
        order.extend(rows[depth] for rows in zones.values() if depth < len(rows))
        depth += 1
    return np.asarray(order, dtype=np.int64)
