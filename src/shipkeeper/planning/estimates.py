"""How long each step of a node takes, before anything was rehearsed: simple arithmetic over its pods.

A drain asks for all evictions at once. Pods of one budget go in rounds of as many as the budget allows; each round
waits until the round before has its replacements Ready. A rehearsal is exact where this is rough.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from msgspec import Struct

from shipkeeper.model.plan import Estimate, Plan, Timings
from shipkeeper.model.time import SECOND
from shipkeeper.planning.load import Load, Move, NodeLoad
from shipkeeper.planning.timings import readiness_of

PATCH_MS = (500, 2 * SECOND)
"""Modelled: one patch of a node, answered and seen."""

Span = tuple[int, int]

_SHAPE = (
    (0.0, -0.85), (0.01, -0.78), (0.05, -0.64), (0.1, -0.54), (0.25, -0.3), (0.5, 0.0), (0.75, 0.33), (0.9, 0.74),
    (0.95, 1.0), (0.99, 1.45), (0.999, 1.9), (1.0, 2.0),
)  # fmt: skip
"""(quantile, distance from P50 in units of P95 - P50): durations are skewed to the right, as a rehearsal draws them."""


class DrainHold(Struct, frozen=True):
    """What makes a drain as long as it is: a budget (``namespace/name``) or a single pod."""

    took_ms: Span
    source: str
    budget: str = ""
    rounds: int = 1
    pods: int = 0
    pod: str = ""


class NodeTimes(Struct, frozen=True):
    """(P50, P95) in milliseconds of each step of one node."""

    cordon_ms: Span
    drain_ms: Span
    reboot_ms: Span
    serves_ms: Span
    uncordon_ms: Span
    settle_ms: Span
    hold: DrainHold

    @property
    def total_ms(self) -> Span:
        """All steps, one after another."""
        parts = (
            self.cordon_ms, self.drain_ms, self.reboot_ms, self.serves_ms, self.uncordon_ms, self.settle_ms
        )  # fmt: skip
        return sum(p[0] for p in parts), sum(p[1] for p in parts)


def node_times(
    load: NodeLoad,
    limits: dict[str, int],
    timings: Timings,
    *,
    reboots: bool,
    together: Mapping[str, int] | None = None,
) -> NodeTimes:
    """Estimate every step of a node. Steps that the plan leaves out take no time. ``together``: pods that leave under
    each budget on all nodes of the batch; without it the node is alone.
    """
    under = together if together is not None else pods_under([load])
    hold = drain_hold(load, limits, timings, under)
    reboot = _ms(timings.reboot_seconds) if reboots else (0, 0)
    serves = _serves(load, timings) if reboots else (0, 0)
    settle = _settle(load.moves, limits, under, hold.took_ms, (reboot[0] + serves[0], reboot[1] + serves[1]))
    return NodeTimes(PATCH_MS, hold.took_ms, reboot, serves, PATCH_MS, settle, hold)


def drain_hold(load: NodeLoad, limits: dict[str, int], timings: Timings, under: Mapping[str, int]) -> DrainHold:
    """The budget or pod that decides how long the drain takes. A budget that allows none counts one pod at a time:
    how long a person takes to mend it is nobody's estimate.
    """
    worst = _slowest_pod(load.moves, timings)
    by_budget: dict[str, list[Move]] = {}
    for move in load.moves:
        for budget in move.budgets:
            by_budget.setdefault(budget, []).append(move)
    for budget in sorted(by_budget):
        moves = by_budget[budget]
        rounds = -(-under[budget] // max(1, limits.get(budget, 1)))
        slowest = max(moves, key=lambda m: (m.unit_ms, m.pod))
        last = slowest_ms(moves[: max(1, limits.get(budget, 1))])
        took = tuple((rounds - 1) * slowest.unit_ms[i] + last[i] for i in (0, 1))
        if rounds > 1 and took > worst.took_ms:
            source = _source(timings, "readiness", slowest.workload)
            worst = DrainHold((took[0], took[1]), source, budget, rounds, under[budget], slowest.pod)
    return worst


def _slowest_pod(moves: Sequence[Move], timings: Timings) -> DrainHold:
    """The drain when no budget holds it back, and the pod that is likely to end last."""
    if not moves:
        return DrainHold((0, 0), "modelled")
    slowest = max(moves, key=lambda move: (move.termination_ms[1], move.termination_ms[0], move.pod))
    return DrainHold(slowest_ms(moves), _source(timings, "termination", slowest.workload), pods=1, pod=slowest.pod)


def slowest_ms(moves: Sequence[Move]) -> Span:
    """(P50, P95) of the time until the last of these pods has ended, when all are asked at once.

    The slowest of many is slower than each: of ``n`` pods alike, its median is their 0.5**(1/n) quantile.
    """
    alike = Counter((move.termination_ms, move.grace_ms) for move in moves)
    worst = [0, 0]
    for ((p50, p95), grace), count in alike.items():
        for i, share in ((0, 0.5), (1, 0.95)):
            takes = p50 + round((p95 - p50) * _distance(share ** (1 / count)))
            worst[i] = max(worst[i], min(takes, grace))
    return worst[0], worst[1]


def _distance(share: float) -> float:
    for (left, low), (right, high) in pairwise(_SHAPE):
        if share <= right:
            return low + (high - low) * (share - left) / (right - left)
    return _SHAPE[-1][1]


def plan_seconds(plan: Plan) -> Estimate:
    """How long the plan takes: the longest chain of steps. P95 adds the steps' P95s, so it errs on the long side."""
    return chain_seconds(plan)[0]


def chain_seconds(plan: Plan) -> tuple[Estimate, dict[str, tuple[float, float]]]:
    """The same, and when each step may begin: seconds from the start (P50, P95) by step id."""
    begins: dict[str, tuple[float, float]] = {}
    ends: dict[str, tuple[float, float]] = {}
    for step in plan.steps:
        begin = tuple(max((ends[need][i] for need in step.needs), default=0.0) for i in (0, 1))
        begins[step.id] = (begin[0], begin[1])
        ends[step.id] = (begin[0] + step.estimate_seconds.p50, begin[1] + step.estimate_seconds.p95)
    p50, p95 = (max((end[i] for end in ends.values()), default=0.0) for i in (0, 1))
    sources = sorted({step.estimate_seconds.source.split(" ")[0].rstrip(":") for step in plan.steps})
    return Estimate(p50=p50, p95=p95, source=", ".join(sources) or "modelled"), begins


def longest_first(names: Sequence[str], times: dict[str, NodeTimes]) -> list[str]:
    """Node names by falling duration (P50), then by name."""
    return sorted(names, key=lambda name: (-times[name].total_ms[0], name))


def make_times(load: Load, timings: Timings, *, reboots: bool) -> dict[str, NodeTimes]:
    """Times of every node of a load, each on its own."""
    return {name: node_times(node, load.limits, timings, reboots=reboots) for name, node in sorted(load.nodes.items())}


def batch_times(
    load: Load, batches: Sequence[Sequence[str]], timings: Timings, *, reboots: bool
) -> dict[str, NodeTimes]:
    """Times of every node when its whole batch drains at once and shares the budgets."""
    times = {}
    for batch in batches:
        together = pods_under([load.nodes[name] for name in batch])
        for name in batch:
            times[name] = node_times(load.nodes[name], load.limits, timings, reboots=reboots, together=together)
    return times


def pods_under(nodes: Sequence[NodeLoad]) -> dict[str, int]:
    """How many pods leave these nodes under each budget."""
    return dict(Counter(budget for node in nodes for move in node.moves for budget in move.budgets))


def _serves(load: NodeLoad, timings: Timings) -> Span:
    """Ready for long enough, and all daemon pods Ready again: whichever is later."""
    stable = round(timings.stable_ready_seconds * SECOND)
    daemons = [readiness_of(timings, key) for key in load.daemons if f"readiness:{key}" in timings.sources]
    return max([stable, *(d[0] for d in daemons)]), max([stable, *(d[1] for d in daemons)])


def _settle(
    moves: Sequence[Move], limits: dict[str, int], under: Mapping[str, int], drain_ms: Span, after_ms: Span
) -> Span:
    """What replacements still need after the uncordon. Pods tied to the node start only then; ordered ones of one
    StatefulSet start one after the other; pods that waited for their budget left at the end of the drain.
    """
    in_order: dict[str, list[Move]] = {}
    for move in moves:
        if move.ordered:
            in_order.setdefault(move.workload, []).append(move)
    chains = [[move] for move in moves if not move.ordered] + [in_order[key] for key in sorted(in_order)]
    left = [0, 0]
    for chain in chains:
        waited = any(under[b] > max(1, limits.get(b, 1)) for move in chain for b in move.budgets)
        for i in (0, 1):
            ends = max(move.termination_ms[i] for move in chain)
            gone_for = (ends if waited else drain_ms[i]) + after_ms[i] - (ends if chain[0].successive else 0)
            elapsed = 0 if any(move.pinned for move in chain) else gone_for
            left[i] = max(left[i], sum(move.readiness_ms[i] for move in chain) - elapsed)
    return PATCH_MS[0] + left[0], PATCH_MS[1] + left[1]


def _source(timings: Timings, what: str, workload: str) -> str:
    for key in (f"{what}:{workload}", f"{what}:*"):
        if key in timings.sources:
            return timings.sources[key]
    return "modelled"


def _ms(seconds: tuple[float, float]) -> Span:
    return round(seconds[0] * SECOND), round(seconds[1] * SECOND)
