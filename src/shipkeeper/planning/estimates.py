"""How long each step of a node takes, before anything was rehearsed: simple arithmetic over its pods.

A drain asks for all evictions at once. Pods of one budget go in rounds of as many as the budget allows; each round
waits until the round before has its replacements Ready. A rehearsal is exact where this is rough.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from msgspec import Struct

from shipkeeper.model.plan import Estimate, Plan, Timings
from shipkeeper.model.time import SECOND
from shipkeeper.planning.load import Load, NodeLoad
from shipkeeper.planning.moves import Move
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

    def of(self, action: str) -> Span:
        """The time of one step, by its action's name."""
        span: Span = getattr(self, f"{action}_ms")
        return span

    @property
    def total_ms(self) -> Span:
        """All steps, one after another."""
        parts = (
            self.cordon_ms, self.drain_ms, self.reboot_ms, self.serves_ms, self.uncordon_ms, self.settle_ms
        )  # fmt: skip
        return sum(p[0] for p in parts), sum(p[1] for p in parts)


def node_times(load: NodeLoad, limits: Mapping[str, int], timings: Timings, *, reboots: bool) -> NodeTimes:
    """Estimate every step of a node that is away alone. Steps that the plan leaves out take no time."""
    return _node_times(load, _queues(pods_under([load]), limits), timings, reboots)


def _node_times(load: NodeLoad, queues: Mapping[str, _Queue], timings: Timings, reboots: bool) -> NodeTimes:
    hold = _drain_hold(load, timings, queues)
    reboot = _ms(timings.reboot_seconds) if reboots else (0, 0)
    serves = _serves(load, timings) if reboots else (0, 0)
    settle = _settle(load.moves, queues, hold.took_ms, (reboot[0] + serves[0], reboot[1] + serves[1]))
    return NodeTimes(PATCH_MS, hold.took_ms, reboot, serves, PATCH_MS, settle, hold)


class _Queue(NamedTuple):
    """A budget under which more pods leave than it lets go at once, so that some wait. Most budgets never are one."""

    pods: int
    at_once: int

    @property
    def rounds(self) -> int:
        """How many times it lets some go."""
        return -(-self.pods // self.at_once)


def _queues(under: Mapping[str, int], limits: Mapping[str, int]) -> dict[str, _Queue]:
    """By budget, from how many pods leave under each. A budget that allows none counts one pod at a time: how long a
    person takes to mend it is nobody's estimate.
    """
    at_once = {budget: max(1, limits.get(budget, 1)) for budget, pods in under.items() if pods > 1}
    return {budget: _Queue(under[budget], most) for budget, most in at_once.items() if under[budget] > most}


def _drain_hold(load: NodeLoad, timings: Timings, queues: Mapping[str, _Queue]) -> DrainHold:
    """The budget or pod that decides how long the drain takes."""
    worst = _slowest_pod(load.moves, timings)
    if not queues:
        return worst
    for budget in sorted(queues):
        moves = [move for move in load.moves if budget in move.budgets]
        if not moves:  # the queue is on other nodes of the batch
            continue
        queue = queues[budget]
        slowest = max(moves, key=lambda m: (m.unit_ms, m.pod))
        last = slowest_ms(moves[: queue.at_once])
        took = tuple((queue.rounds - 1) * slowest.unit_ms[i] + last[i] for i in (0, 1))
        if took > worst.took_ms:
            source = _source(timings, "readiness", slowest.workload)
            worst = DrainHold((took[0], took[1]), source, budget, queue.rounds, queue.pods, slowest.pod)
    return worst


def _slowest_pod(moves: Sequence[Move], timings: Timings) -> DrainHold:
    """The drain when no budget holds it back, and the pod that is likely to end last."""
    if not moves:
        return DrainHold((0, 0), "modelled")
    slowest = max(moves, key=_ending)
    return DrainHold(slowest_ms(moves), _source(timings, "termination", slowest.workload), pods=1, pod=slowest.pod)


def _ending(move: Move) -> tuple[int, int, str]:
    return move.termination_ms[1], move.termination_ms[0], move.pod


def slowest_ms(moves: Sequence[Move]) -> Span:
    """(P50, P95) of the time until the last of these pods has ended, when all are asked at once.

    The slowest of many is slower than each: of ``n`` pods alike, its median is their 0.5**(1/n) quantile.
    """
    alike = Counter([(move.termination_ms, move.grace_ms) for move in moves])
    ends = [_last_of(count, *kind) for kind, count in alike.items()]
    return max([0, *(end[0] for end in ends)]), max([0, *(end[1] for end in ends)])


@lru_cache(maxsize=4_096)  # a cluster has few grace periods, and a node few pods of each
def _last_of(count: int, termination_ms: Span, grace_ms: int) -> Span:
    """When the last of so many pods alike has ended."""
    p50, p95 = termination_ms
    takes = [p50 + round((p95 - p50) * _distance(share ** (1 / count))) for share in (0.5, 0.95)]
    return min(takes[0], grace_ms), min(takes[1], grace_ms)


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
        begin = _latest([ends[need] for need in step.needs])
        begins[step.id] = begin
        ends[step.id] = (begin[0] + step.estimate_seconds.p50, begin[1] + step.estimate_seconds.p95)
    longest = _latest(list(ends.values()))
    told = {step.estimate_seconds.source for step in plan.steps}
    sources = sorted({source.split(" ")[0].rstrip(":") for source in told})
    return Estimate(p50=longest[0], p95=longest[1], source=", ".join(sources) or "modelled"), begins


def _latest(moments: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The latest of several (P50, P95), each figure by itself; the start, where there is none."""
    if len(moments) == 1:
        return moments[0]
    return max([0.0, *(p50 for p50, _ in moments)]), max([0.0, *(p95 for _, p95 in moments)])


def longest_first(names: Sequence[str], times: dict[str, NodeTimes]) -> list[str]:
    """Node names by falling duration (P50), then by name."""
    return sorted(names, key=lambda name: (-times[name].total_ms[0], name))


def make_times(load: Load, timings: Timings, *, reboots: bool) -> dict[str, NodeTimes]:
    """Times of every node of a load, each on its own."""
    return {name: node_times(node, load.limits, timings, reboots=reboots) for name, node in sorted(load.nodes.items())}


def batch_times(
    load: Load, batches: Sequence[Sequence[str]], alone: Mapping[str, NodeTimes], timings: Timings, *, reboots: bool
) -> dict[str, NodeTimes]:
    """Times of every node when its whole batch drains at once and shares the budgets. ``alone``: each on its own."""
    times = {}
    for batch in batches:
        if len(batch) == 1:
            times[batch[0]] = alone[batch[0]]
            continue
        queues = _queues(pods_under([load.nodes[name] for name in batch]), load.limits)
        for name in batch:
            times[name] = _node_times(load.nodes[name], queues, timings, reboots)
    return times


def pods_under(nodes: Sequence[NodeLoad]) -> dict[str, int]:
    """How many pods leave these nodes under each budget."""
    return dict(Counter(budget for node in nodes for move in node.moves for budget in move.budgets))


def _serves(load: NodeLoad, timings: Timings) -> Span:
    """Ready for long enough, and all daemon pods Ready again: whichever is later."""
    stable = round(timings.stable_ready_seconds * SECOND)
    daemons = [readiness_of(timings, key) for key in load.daemons if f"readiness:{key}" in timings.sources]
    return max([stable, *(d[0] for d in daemons)]), max([stable, *(d[1] for d in daemons)])


def _settle(moves: Sequence[Move], queues: Mapping[str, _Queue], drain_ms: Span, after_ms: Span) -> Span:
    """What replacements still need after the uncordon. Most pods were evicted when the drain began. Pods tied to the
    node start only now; ordered ones of one StatefulSet start one after the other; pods that waited for their budget
    left at the end of the drain.
    """
    at_once: list[Span] = [(0, 0)]
    chains: list[list[Move]] = []
    in_order: dict[str, list[Move]] = {}
    for move in moves:
        if move.ordered:
            in_order.setdefault(move.workload, []).append(move)
        elif move.pinned or (queues and _waits(move, queues)):
            chains.append([move])
        else:
            at_once.append(move.back_ms)
    ago = (drain_ms[0] + after_ms[0], drain_ms[1] + after_ms[1])
    left = [max(back[0] for back in at_once) - ago[0], max(back[1] for back in at_once) - ago[1]]
    for chain in (*chains, *in_order.values()):
        needs = _chain_left(chain, drain_ms, after_ms, waited=any(_waits(move, queues) for move in chain))
        left = [max(left[0], needs[0]), max(left[1], needs[1])]
    return PATCH_MS[0] + max(0, left[0]), PATCH_MS[1] + max(0, left[1])


def _chain_left(chain: Sequence[Move], drain_ms: Span, after_ms: Span, *, waited: bool) -> Span:
    """What pods that start one after the other still need."""
    left = []
    for i in (0, 1):
        ends = max(move.termination_ms[i] for move in chain)
        gone_for = (ends if waited else drain_ms[i]) + after_ms[i] - (ends if chain[0].successive else 0)
        elapsed = 0 if any(move.pinned for move in chain) else gone_for
        left.append(sum(move.readiness_ms[i] for move in chain) - elapsed)
    return left[0], left[1]


def _waits(move: Move, queues: Mapping[str, _Queue]) -> bool:
    return any(budget in queues for budget in move.budgets)


def _source(timings: Timings, what: str, workload: str) -> str:
    for key in (f"{what}:{workload}", f"{what}:*"):
        if key in timings.sources:
            return timings.sources[key]
    return "modelled"


def _ms(seconds: tuple[float, float]) -> Span:
    return round(seconds[0] * SECOND), round(seconds[1] * SECOND)
