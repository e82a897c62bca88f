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


class _Kept:
    """Scores by room of one more pod with certain requests, per node, and how much of the log they have seen."""

    __slots__ = ("scores", "seen")

    def __init__(self, scores: Ids, seen: int) -> None:
        self.scores, self.seen = scores, seen


class Scores:
    """Scores candidates. Integers only, so that no machine rounds another way."""

    def __init__(self, world: World, filters: Filters) -> None:
        base = world.base
        self._filters, self._occupancy = filters, world.occupancy
        self._cpu, self._memory = base.resources.index("cpu"), base.resources.index("memory")
        self._room_cpu = np.maximum(base.allocatable[self._cpu], 1)
        self._room_memory = np.maximum(base.allocatable[self._memory], 1)
        self._by_requests: dict[tuple[int, int], _Kept] = {}
        self._requests = [self._requested(group.requests) for group in base.groups]

    def total(self, item: SchedulingClass, candidates: Ids) -> Ids:
        """One score per candidate node."""
        score: Ids = self._by_room(item)[candidates]
        if item.soft:
            score += _SPREAD_WEIGHT * self._spread(item, candidates)
        if item.avoided >= 0:
            avoided = self._filters.verdict(item.avoided)[candidates]
            most = int(avoided.max())
            if most:
                score += _TAINT_WEIGHT * (_TOP - avoided * _TOP // most)
        return score

    def _requested(self, requests: tuple[tuple[int, int], ...]) -> tuple[int, int]:
        known = dict(requests)
        return known.get(self._cpu, 0), known.get(self._memory, 0)

    def _by_room(self, item: SchedulingClass) -> Ids:
        """Least and balanced allocation over all nodes: only nodes whose room changed since are worked out again."""
        log = self._occupancy.touched
        requests = self._requests[item.group.index]
        kept = self._by_requests.get(requests)
        if kept is None:
            kept = self._by_requests[requests] = _Kept(self._allocation(requests, slice(None)), len(log))
        elif kept.seen < len(log):
            rows: Ids | slice = slice(None)
            if (len(log) - kept.seen) * 4 < len(kept.scores):
                rows = np.asarray(log[kept.seen :], dtype=np.int64)
            kept.scores[rows] = self._allocation(requests, rows)
            kept.seen = len(log)
        return kept.scores

    def _allocation(self, requests: tuple[int, int], rows: Ids | slice) -> Ids:
        cpu = self._share(self._cpu, requests[0], self._room_cpu, rows)
        memory = self._share(self._memory, requests[1], self._room_memory, rows)
        # Tenths of whole thousandths are whole hundredths: the score's 0 to 100 needs no division of its own.
        score: Ids = (cpu // 10 + memory // 10) // 2
        score += _TOP - np.abs(cpu - memory) * _TOP // 2_000
        return score

    def _share(self, line: int, requested: int, room: Ids, rows: Ids | slice) -> Ids:
        """Thousandths of the node that would stay free."""
        left: Ids = self._occupancy.free[line][rows] - requested
        np.maximum(left, 0, out=left)
        left *= 1_000
        left //= room[rows]
        return left

    def _spread(self, item: SchedulingClass, candidates: Ids) -> Ids:
        """Fewer matching pods in the domain is better; domains weigh by how many there are."""
        raw: Ids = self._cost(item.soft[0], candidates)
        for soft in item.soft[1:]:
            raw += self._cost(soft, candidates)
        most, least = int(np.maximum.reduce(raw)), int(np.minimum.reduce(raw))
        if most == 0:
            return np.full(len(candidates), _TOP, dtype=np.int64)
        raw *= -_TOP
        raw += _TOP * (most + least)
        raw //= most
        return raw

    def _cost(self, soft: Spreading, candidates: Ids) -> Ids:
        domains = soft.domains
        weight = log_thousandths(min(len(candidates), domains.count) + 2)
        least = (soft.constraint.max_skew - 1) * 1_000
        cost = np.empty(domains.count + 1, dtype=np.int64)
        cost.fill(least)
        everywhere = soft.constraint.node_affinity_policy != "Honor"
        for domain, count in self._filters.counts(soft, everywhere).items():
            cost[domain] = count * weight + least
        cost[-1] = 0  # nodes without the key
        result: Ids = cost[domains.of[candidates]]
        return result


def log_thousandths(value: int) -> int:
    """The natural logarithm in thousandths, by integers: linear between powers of two (at most 6 % low)."""
    power = value.bit_length() - 1
    fraction = ((value << 10) >> power) - 1_024
    return ((power << 10) + fraction) * 693 >> 10
