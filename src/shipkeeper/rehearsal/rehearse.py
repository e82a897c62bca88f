"""A plan, an inventory and seeds in; a forecast out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from shipkeeper.model.forecast import Forecast, LowerBound
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import Plan
from shipkeeper.model.record import Spread
from shipkeeper.model.time import SECOND, format_seconds
from shipkeeper.rehearsal import aggregate
from shipkeeper.rehearsal.labels import basis
from shipkeeper.rehearsal.night import Night, play_night
from shipkeeper.rehearsal.spreads import rank
from shipkeeper.rehearsal.variants import one_at_a_time, only, two_at_a_time, without_end
from shipkeeper.twin import Loaded, TwinSettings
from shipkeeper.twin.settings import DEFAULT

Player = Callable[[Plan, Sequence[int]], Iterable[Night]]
"""Plays a plan once for each seed, and yields the nights in that order."""

_TOLERANCE_MS = 5 * SECOND
_SOME_SEEDS = 20
"""Enough for a figure that stands beside a verdict and is none itself."""


def in_process(inventory: Inventory | Loaded, settings: TwinSettings = DEFAULT) -> Player:
    """Plays one night after the other in this process; the inventory is indexed once."""
    loaded = inventory if isinstance(inventory, Loaded) else Loaded(inventory)

    def play(plan: Plan, seeds: Sequence[int]) -> Iterable[Night]:
        return (play_night(plan, loaded, seed, settings) for seed in seeds)

    return play


def rehearse(
    plan: Plan,
    inventory: Inventory,
    seeds: Sequence[int],
    *,
    lower_bound: LowerBound,
    made_at: str,
    play: Player | None = None,
    settings: TwinSettings = DEFAULT,
    compare: bool = True,
) -> Forecast:
    """Play the plan once for each seed, and say what to expect of it.

    ``compare``: also play it one node at a time when it is not, and two at a time when it is; without it, the
    baseline is the plan's own duration. Raises ValueError without seeds.
    """
    if not seeds:
        raise ValueError("a rehearsal needs at least one seed")
    player = play if play is not None else in_process(inventory, settings)
    nights = list(player(without_end(plan), seeds))
    verdict = aggregate.verdict(plan, nights)
    took = aggregate.durations(nights)
    workloads = aggregate.workload_forecasts(nights)
    baseline = took
    alternatives: tuple[str, ...] = ()
    further = look_further(plan, nights, player)
    if compare and verdict == aggregate.BLOCKED:
        alternatives = without_blocked(plan, seeds, [*nights, *further], player)
    elif compare:
        baseline, alternatives = _comparison(plan, inventory, seeds, nights, player)
    assumptions, measurements = basis(plan, inventory, workloads, settings)
    return Forecast(
        plan_digest=plan.digest,
        made_at=made_at,
        verdict=verdict,
        seeds=len(seeds),
        duration_seconds=took,
        lower_bound_seconds=lower_bound,
        baseline_seconds=baseline,
        gap=None
        if verdict == aggregate.BLOCKED or lower_bound.value <= 0
        else round(took.p50 / lower_bound.value - 1, 4),
        nodes=aggregate.node_forecasts(plan, nights),
        workloads=workloads,
        blocked=aggregate.blocked([*nights, *further]),
        assumptions=assumptions,
        measurements=measurements,
        alternatives=alternatives,
        deferred=() if verdict == aggregate.BLOCKED else aggregate.deferred(plan, nights),
        trace_digest=aggregate.trace_digest([*nights, *further]),
        notes=aggregate.notes(nights),
    )


def look_further(plan: Plan, nights: Sequence[Night], play: Player) -> list[Night]:
    """What else stands in the way: each night that was stopped goes on, on a fresh twin, with the nodes after the one
    that stopped it. Together this costs no more than a night without obstacles.
    """
    order = [name for batch in plan.batches for name in batch]
    found: list[Night] = []
    stopped = [(night, order) for night in nights if not night.went_well]
    while stopped:
        rests: dict[tuple[str, ...], list[int]] = {}
        for night, asked in stopped:
            rest = _rest(night, asked)
            if rest and len(rest) < len(asked):
                rests.setdefault(rest, []).append(night.seed)
        stopped = []
        for rest, seeds in sorted(rests.items()):
            played = list(play(without_end(only(plan, rest)), seeds))
            found.extend(played)
            stopped.extend((night, list(rest)) for night in played if not night.went_well)
    return found


def _rest(night: Night, asked: Sequence[str]) -> tuple[str, ...]:
    """Nodes that are neither done nor stopped by something of their own."""
    done = {marks.name for marks in night.nodes if marks.done_ms >= 0}
    blocked = {item.node for item in night.obstacles}
    return tuple(name for name in asked if name not in done and name not in blocked)


def without_blocked(plan: Plan, seeds: Sequence[int], nights: Sequence[Night], play: Player) -> tuple[str, ...]:
    """How long the nodes take that nothing stands in the way of, in words."""
    blocked = {item.node for night in nights for item in night.obstacles}
    rest = {node.name for node in plan.nodes} - blocked
    if not rest or "" in blocked:
        return ()
    some = seeds[:_SOME_SEEDS]
    shorter = list(play(without_end(only(plan, rest)), some))
    if not all(night.went_well for night in shorter):
        return ()
    took = aggregate.durations(shorter)
    return (f"the other {len(rest)} of {len(plan.nodes)} nodes go through: {_both(took)}, in {len(some)} seeds",)


def _comparison(
    plan: Plan, inventory: Inventory, seeds: Sequence[int], nights: Sequence[Night], play: Player
) -> tuple[Spread, tuple[str, ...]]:
    """(one node at a time, what else was rehearsed in words)."""
    took = aggregate.durations(nights)
    if any(len(batch) > 1 for batch in plan.batches):
        serial = list(play(without_end(one_at_a_time(plan)), seeds))
        return aggregate.durations(serial), ()
    pairs = two_at_a_time(plan, inventory)
    if pairs is None:
        return took, ()
    other: list[Night] = []
    for night in play(without_end(pairs), seeds):
        if not night.went_well:
            return took, ()
        other.append(night)
    if not as_safe(nights, other):
        return took, ()
    faster = aggregate.durations(other)
    if faster.p50 >= took.p50:
        return took, ()
    return took, (
        f"two at a time would take {_both(faster)}, as safe in all {len(seeds)} seeds: plan --max-parallel 2",
    )


def as_safe(nights: Sequence[Night], other: Sequence[Night]) -> bool:
    """Whether no workload is without a Ready pod for longer (P95) in the other nights, nor evicted more often by
    anything but its own node's turn.
    """
    before = aggregate.workload_measures(nights)
    for ref, measures in aggregate.workload_measures(other).items():
        known = before.get(ref, [])
        was = _p95([item.downtime_ms for item in known], len(nights))
        now = _p95([item.downtime_ms for item in measures], len(other))
        if now > was + (max(_TOLERANCE_MS, was // 10) if was else 0):
            return False
    return {text for night in other for text, _ in night.notes} <= {text for night in nights for text, _ in night.notes}


def _p95(values: Sequence[int], count: int) -> int:
    ordered = sorted([*values, *[0] * (count - len(values))])
    return ordered[rank(count, 95)]


def _both(took: Spread) -> str:
    return f"{format_seconds(took.p50)} (P95 {format_seconds(took.p95)})"
