"""The scheduler's filters over all nodes at once. Each rule is ``semantics``; here it is counted per class.

``tests/twin/test_filters.py`` holds this against ``semantics.board`` on random clusters.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shipkeeper.model.nodes import Node
from shipkeeper.model.pods import Pod, PodShape
from shipkeeper.semantics.placement import static_reasons, tally
from shipkeeper.semantics.ports import clash
from shipkeeper.twin.classes import Classes, Ids, SchedulingClass, Spreading, Term
from shipkeeper.twin.rooms import Rooms
from shipkeeper.twin.storage import Volumes
from shipkeeper.twin.tallies import Tally
from shipkeeper.twin.world import World

Mask = NDArray[np.bool_]

STATIC, FIT, PORTS, SPREAD, AFFINITY, VOLUMES = 1, 2, 4, 8, 16, 32

WORDS = {
    FIT: "too little room",
    PORTS: "the host port is taken",
    SPREAD: "topology spread would be too uneven",
    AFFINITY: "required affinity or anti-affinity between pods",
    VOLUMES: "the volume is in use, or the node's limit of volumes is reached",
}


class Filters:
    """Node verdicts kept current, and the dynamic filters."""

    def __init__(self, world: World, classes: Classes, volumes: Volumes) -> None:
        self._world, self.classes, self._volumes = world, classes, volumes
        self._occupancy = world.occupancy
        self.rooms = Rooms(world.base, world.occupancy)
        self._verdicts: list[Ids | None] = []
        self._masks: dict[int, Mask] = {}
        self._flags: dict[int, bytearray] = {}
        """Verdicts as bytes, for reading one by one."""
        self._tallies: dict[int, Tally] = {}
        """By identity of the constraint: they live as long as the classes."""
        self._shared: dict[tuple[int, tuple[int, ...], int], Tally] = {}
        self._by_verdict: dict[int, list[Tally]] = {}
        self.reserved: dict[int, tuple[int, int]] = {}
        """Row that preempted → (node, group): its room is kept free until it is bound."""
        world.on_node.append(self._node_changed)

    def verdict(self, index: int) -> Ids:
        """One node verdict over all nodes as they are now."""
        verdicts = self._verdicts
        if index >= len(verdicts):
            verdicts.extend([None] * (index + 1 - len(verdicts)))
        known = verdicts[index]
        if known is None:
            known = verdicts[index] = self.classes.initial[index].copy()
            surveyed = self._world.base.nodes
            for row, node in enumerate(self._world.nodes):
                if node is not surveyed[row]:
                    known[row] = self.classes.verdict(index, row, node)
        return known

    def static(self, item: SchedulingClass) -> Mask:
        """Nodes that may ever take pods of the class, as they are now."""
        known = self._masks.get(item.static)
        if known is None:
            known = self._masks[item.static] = self.verdict(item.static) != 0
        return known

    def _flagged(self, index: int) -> bytearray:
        known = self._flags.get(index)
        if known is None:
            known = self._flags[index] = bytearray((self.verdict(index) != 0).tobytes())
        return known

    def _node_changed(self, row: int, before: Node, after: Node) -> None:
        if before.unschedulable == after.unschedulable and before.taints == after.taints:
            return
        for index, values in enumerate(self._verdicts):
            if values is not None:
                values[row] = verdict = self.classes.verdict(index, row, after)
                if index in self._masks:
                    self._masks[index][row] = verdict != 0
                if index in self._flags and self._flags[index][row] != (verdict != 0):
                    self._flags[index][row] = verdict != 0
                    for tally in self._by_verdict.get(index, ()):
                        tally.stale = True

    # --- all filters -----------------------------------------------------------------------

    def feasible(self, item: SchedulingClass, row: int = -1) -> Mask:
        """Nodes that take one more pod of the class now. ``row``: the pod, whose own reservation does not count."""
        mask = self.static(item) & self.fits(item, row)
        if not item.plain:
            for _, more in self.dynamic(item):
                mask &= more
        return mask

    def why_not(self, item: SchedulingClass, row: int = -1) -> int:
        """Which filters reject nodes that those before them let through (bits)."""
        why = 0
        mask = self.static(item)
        if not mask.all():
            why |= STATIC
        left = mask & self.fits(item, row)
        if (mask != left).any():
            why |= FIT
        for bit, more in self.dynamic(item):
            after = left & more
            if (after != left).any():
                why |= bit
            left = after
        return why

    def reasons(self, item: SchedulingClass, row: int = -1) -> str:
        """How many nodes each filter rejects, the first one that does counting, in the scheduler's manner."""
        left = self.static(item).copy()
        parts = [f"{count}: {reason}" for reason, count in self._static_reasons(item)]
        for bit, mask in [(FIT, self.fits(item, row)), *self.dynamic(item)]:
            lost = int((left & ~mask).sum())
            if lost:
                parts.append(f"{lost}: {WORDS[bit]}")
            left &= mask
        return f"0 of {len(left)} nodes: " + ", ".join(parts)

    def _static_reasons(self, item: SchedulingClass) -> tuple[tuple[str, int], ...]:
        """Reasons that do not change with pods, most frequent first."""
        group = item.group
        asked = Pod(namespace=group.namespace, name="", uid="", shape=group.shape, claims=group.claims)
        storage = self.classes.storage
        found = (static_reasons(asked, node, storage) for node in self._world.nodes)
        return tally(reasons[0] for reasons in found if reasons)

    def dynamic(self, item: SchedulingClass) -> list[tuple[int, Mask]]:
        """The filters that change with every pod, besides resources."""
        found: list[tuple[int, Mask]] = []
        if item.group.shape.host_ports:
            found.append((PORTS, self._ports(item.group.shape)))
        found.extend((SPREAD, self._spread(hard)) for hard in item.hard)
        if item.near:
            found.append((AFFINITY, self._near(item)))
        found.extend((AFFINITY, ~self._held(term)) for term in item.apart)
        if item.exclusive or item.drivers:
            found.append((VOLUMES, self._limits(item)))
        return found

    def fits(self, item: SchedulingClass, row: int = -1) -> Mask:
        """Nodes with room for one more. What a preempting pod of at least this priority waits for is not room."""
        if not self.reserved:
            return self.rooms.of(item.group.requests).fits
        free = self._free_but_reserved(item, row)
        requests = item.group.requests
        line, amount = requests[0]
        mask: Mask = free[line] >= amount
        for line, amount in requests[1:]:
            mask &= free[line] >= amount
        return mask

    def fits_on(self, item: SchedulingClass, node: int) -> bool:
        """Whether one node has room for one more."""
        free = self._occupancy.free
        return all(free[line, node] >= amount for line, amount in item.group.requests)

    def _free_but_reserved(self, item: SchedulingClass, row: int) -> Ids:
        groups, free = self._world.base.groups, self._occupancy.free
        copied = False
        for other, (node, group) in self.reserved.items():
            if other != row and groups[group].shape.priority >= item.group.shape.priority:
                if not copied:
                    free, copied = free.copy(), True
                for line, amount in groups[group].requests:
                    free[line, node] -= amount
        return free

    # --- one by one ------------------------------------------------------------------------

    def _ports(self, shape: PodShape) -> Mask:
        mask = np.ones(len(self._world.nodes), dtype=np.bool_)
        for wanted in shape.host_ports:
            for node, taken in self._occupancy.ports.get((wanted.protocol, wanted.port), ()):
                if clash(wanted, taken):
                    mask[node] = False
        return mask

    def counts(self, item: Spreading, everywhere: bool = False) -> dict[int, int]:
        """Matching pods that stay, per domain that has any (-1: nodes without the key).

        ``everywhere``: also on nodes that are not eligible; a constraint is always asked in the same way.
        """
        tally = self._tallies.get(id(item))
        if tally is None:
            tally = self._tallies[id(item)] = self._tally(item, everywhere)
        if tally.stale:
            tally.count(self._occupancy.staying)
        return tally.counts

    def _tally(self, item: Spreading, everywhere: bool) -> Tally:
        """Classes of one workload ask about the same pods: they share the answer."""
        key = (id(item.domains), item.groups, -1 if everywhere else item.eligible)
        tally = self._shared.get(key)
        if tally is None:
            flags = None if everywhere else self._flagged(item.eligible)
            tally = self._shared[key] = Tally(item.domains.at, item.groups, flags)
            for group in item.groups:
                self._occupancy.tallies.setdefault(group, []).append(tally)
            if not everywhere:
                self._by_verdict.setdefault(item.eligible, []).append(tally)
        return tally

    def _spread(self, item: Spreading) -> Mask:
        eligible = self.verdict(item.eligible)
        counts = np.zeros(item.domains.count + 1, dtype=np.int64)
        for domain, count in self.counts(item).items():
            counts[domain] = count
        of, rule = item.domains.of, item.constraint
        present = np.zeros(item.domains.count + 1, dtype=np.bool_)
        present[of[eligible != 0]] = True
        present[-1] = False
        domains = int(present.sum())
        least = int(counts[present].min()) if domains and domains >= rule.min_domains else 0
        fits: Mask = counts + int(item.counts_self) - least <= rule.max_skew
        # A domain that does not count holds nobody; a node without the key is never a place.
        fits[~present] = int(item.counts_self) - least <= rule.max_skew
        fits[-1] = False
        return fits[of]

    def _held(self, term: Term) -> Mask:
        """Nodes whose domain holds a pod that the term is about, terminating ones included."""
        of = term.domains.of
        held = np.zeros(term.domains.count + 1, dtype=np.bool_)
        present = self._occupancy.present
        for group in term.groups:
            for node in present[group]:
                held[of[node]] = True
        held[-1] = False
        return held[of]

    def _near(self, item: SchedulingClass) -> Mask:
        mask = np.ones(len(self._world.nodes), dtype=np.bool_)
        present = self._occupancy.present
        anybody = any(present[group] for group in item.near[0].groups)
        for term in item.near:
            mask &= self._held(term) if anybody or not item.near_self else term.domains.of >= 0
        return mask

    def _limits(self, item: SchedulingClass) -> Mask:
        nodes = self._world.nodes
        present = self._occupancy.present
        if any(present[group] for group in item.exclusive):
            return np.zeros(len(nodes), dtype=np.bool_)
        mask = np.ones(len(nodes), dtype=np.bool_)
        limits = self.classes.storage.limits
        for driver, count in item.drivers:
            for row, node in enumerate(nodes):
                limit = limits.get(node.name, {}).get(driver)
                if limit is not None:
                    mask[row] &= self._volumes.count(row, driver) + count <= limit
        return mask
