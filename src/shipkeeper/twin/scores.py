"""Which of the feasible nodes the scheduler likes best, in integers, as its plugins score: 0 to 100 times weight.

Weights and formulas follow the default plugins (``pkg/scheduler/framework/plugins``): least allocated 1, balanced
allocation 1, topology spread 2, PreferNoSchedule taints 3. Preferred affinities are not surveyed and image locality is
left out; both move pods among nodes that take them anyway.
"""

from __future__ import annotations

import numpy as np

from shipkeeper.twin.classes import Ids, SchedulingClass, Spreading
from shipkeeper.twin.filters import Filters
from shipkeeper.twin.world import World

_SPREAD_WEIGHT = 2
_TAINT_WEIGHT = 3
_TOP = 100


class Scores:
    """Scores candidates. Integers only, so that no machine rounds another way."""

    def __init__(self, world: World, filters: Filters) -> None:
        base = world.base
        self._filters, self._occupancy = filters, world.occupancy
        self._cpu, self._memory = base.resources.index("cpu"), base.resources.index("memory")
        self._room_cpu = np.maximum(base.allocatable[self._cpu], 1)
        self._room_memory = np.maximum(base.allocatable[self._memory], 1)

    def total(self, item: SchedulingClass, candidates: Ids) -> Ids:
        """One score per candidate node."""
        requests = dict(item.group.requests)
        free = self._occupancy.free
        cpu_room, memory_room = self._room_cpu[candidates], self._room_memory[candidates]
        cpu = free[self._cpu, candidates] - requests.get(self._cpu, 0)
        memory = free[self._memory, candidates] - requests.get(self._memory, 0)
        np.maximum(cpu, 0, out=cpu)
        np.maximum(memory, 0, out=memory)
        score: Ids = (cpu * _TOP // cpu_room + memory * _TOP // memory_room) // 2
        gap = np.abs(cpu * 1_000 // cpu_room - memory * 1_000 // memory_room)
        score += _TOP - gap * _TOP // 2_000
        if item.soft:
            score += _SPREAD_WEIGHT * self._spread(item, candidates)
        if item.avoided >= 0:
            avoided = self._filters.verdict(item.avoided)[candidates]
            most = int(avoided.max())
            if most:
                score += _TAINT_WEIGHT * (_TOP - avoided * _TOP // most)
        return score

    def _spread(self, item: SchedulingClass, candidates: Ids) -> Ids:
        """Fewer matching pods in the domain is better; domains weigh by how many there are."""
        raw = np.zeros(len(candidates), dtype=np.int64)
        for soft in item.soft:
            raw += self._cost(soft, candidates)
        most, least = int(raw.max()), int(raw.min())
        if most == 0:
            return np.full(len(candidates), _TOP, dtype=np.int64)
        normal: Ids = _TOP * (most + least - raw) // most
        return normal

    def _cost(self, soft: Spreading, candidates: Ids) -> Ids:
        eligible = self._filters.verdict(soft.eligible) if soft.constraint.node_affinity_policy == "Honor" else None
        counts = self._filters.counts(soft, eligible)
        counts[-1] = 0
        of = soft.domains.of[candidates]
        size = min(len(candidates), soft.domains.count)
        cost = counts[of] * log_thousandths(size + 2) + (soft.constraint.max_skew - 1) * 1_000
        cost[of < 0] = 0
        result: Ids = cost
        return result


def log_thousandths(value: int) -> int:
    """The natural logarithm in thousandths, by integers: linear between powers of two (at most 6 % low)."""
    power = value.bit_length() - 1
    fraction = ((value << 10) >> power) - 1_024
    return ((power << 10) + fraction) * 693 >> 10
