"""Preemption: a pod that fits nowhere may push out pods of lower priority. Budgets are respected only where possible.

Source: ``pkg/scheduler/framework/preemption``: victims that a budget protects are spared first, then the more important
ones; the node with the fewest budget violations wins, then the lowest highest priority, the lowest sum, the fewest
victims, the victims that started last.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from msgspec import Struct

from shipkeeper.twin.budgets import Disruption
from shipkeeper.twin.classes import SchedulingClass
from shipkeeper.twin.filters import Filters
from shipkeeper.twin.world import World

_CANDIDATES = 100


class Victims(Struct, frozen=True):
    """What preempting on one node would cost."""

    node: int
    rows: tuple[int, ...]
    violations: int


class Preemption:
    """Looks for victims, and deletes them."""

    def __init__(
        self, world: World, filters: Filters, disruption: Disruption, delete: Callable[[int, str], None]
    ) -> None:
        self._world, self._filters, self._disruption, self._delete = world, filters, disruption, delete

    def try_for(self, row: int, item: SchedulingClass) -> int:
        """Make room for the pod; returns the node it is to have, or -1 when nothing can be pushed out for it."""
        priority = item.group.shape.priority
        world = self._world
        if not item.group.shape.preemption or all(other >= priority for other in world.occupancy.priorities):
            return -1
        possible = self._filters.static(item)
        for _, mask in self._filters.dynamic(item):
            possible = possible & mask
        nodes = np.flatnonzero(possible)
        most = max(_CANDIDATES, len(world.nodes) // 10)
        found: list[Victims] = []
        for node in nodes.tolist():
            victims = self._on_node(node, item)
            if victims is not None:
                found.append(victims)
                if len(found) >= most:
                    break
        if not found:
            return -1
        best = min(found, key=self._cost)
        for victim in best.rows:
            world.note(f"{self._name(victim)} loses a pod to {self._name(row)}, which has a higher priority")
            self._delete(victim, "preempted")
        return best.node

    def _name(self, row: int) -> str:
        base = self._world.base
        return str(base.tops[base.groups[self._world.pods.group[row]].top].ref)

    def _on_node(self, node: int, item: SchedulingClass) -> Victims | None:
        world = self._world
        pods, groups = world.pods, world.base.groups
        lower = [
            row
            for row in world.occupancy.on_node[node]
            if not pods.finished(row) and groups[pods.group[row]].shape.priority < item.group.shape.priority
        ]
        free = {line: int(world.occupancy.free[line, node]) for line in range(len(world.base.resources))}
        for row in lower:
            self._give(free, row, 1)
        if not lower or any(free[line] < amount for line, amount in item.group.requests):
            return None
        for line, amount in item.group.requests:
            free[line] -= amount
        protected, others = self._split(lower)
        gone: list[int] = []
        violations = 0
        for pile, costs in ((protected, 1), (others, 0)):
            for row in pile:
                self._give(free, row, -1)
                if min(free.values()) < 0:
                    self._give(free, row, 1)
                    gone.append(row)
                    violations += costs
        # A pod that leaves already needs no second push; its room comes when it is gone.
        return Victims(node, tuple(row for row in gone if pods.deletion_ms[row] < 0), violations)

    def _give(self, free: dict[int, int], row: int, sign: int) -> None:
        for line, amount in self._world.base.groups[self._world.pods.group[row]].requests:
            free[line] += sign * amount

    def _split(self, rows: list[int]) -> tuple[list[int], list[int]]:
        """(protected by a spent budget, the rest), the most important first."""
        left: dict[int, int] = {}
        protected: list[int] = []
        others: list[int] = []
        for row in sorted(rows, key=self._importance):
            budgets = self._world.base.groups[self._world.pods.group[row]].budgets
            spent = False
            for index in budgets:
                left[index] = left.get(index, self._disruption.budgets[index].allowed) - 1
                spent = spent or left[index] < 0
            (protected if spent else others).append(row)
        return protected, others

    def _importance(self, row: int) -> tuple[int, int, int]:
        pods = self._world.pods
        return -self._world.base.groups[pods.group[row]].shape.priority, pods.scheduled_ms[row], row

    def _cost(self, victims: Victims) -> tuple[int, int, int, int, int, int]:
        pods, groups = self._world.pods, self._world.base.groups
        priorities = [groups[pods.group[row]].shape.priority for row in victims.rows]
        highest = max(priorities, default=-(1 << 31))
        latest = min((pods.scheduled_ms[row] for row in victims.rows), default=0)
        return victims.violations, highest, sum(priorities), len(priorities), -latest, victims.node
