"""Which of the feasible nodes the scheduler likes best, in integers, as its plugins score: 0 to 100 times weight.

Weights and formulas follow the default plugins (``pkg/scheduler/framework/plugins``): least allocated 1, balanced
allocation 1, topology spread 2, PreferNoSchedule taints 3. Preferred affinities are not surveyed and image locality is
left out; both move pods among nodes that take them anyway.
"""

from __future__ import annotations

import numpy as np

from shipkeeper.twin.classes import Ids, SchedulingClass, Spreading
from shipkeeper.twin.filters import Filters

_SPREAD_WEIGHT = 2
_TAINT_WEIGHT = 3
_TOP = 100


class Scores:
    """Scores candidates. Integers only, so that no machine rounds another way."""

    def __init__(self, filters: Filters) -> None:
        self._filters = filters

    def total(self, item: SchedulingClass, candidates: Ids) -> Ids:
        """One score per candidate node."""
        score: Ids = self._filters.rooms.of(item.group.requests).scores[candidates]
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
        raw: Ids = self._cost(item.soft[0], candidates)
        for soft in item.soft[1:]:
            raw += self._cost(soft, candidates)
        most, least = int(raw[raw.argmax()]), int(raw[raw.argmin()])  # twice as fast as max and min
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
