"""Many nights into one forecast."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from shipkeeper.model.forecast import BlockedPod, NodeForecast, WorkloadForecast
from shipkeeper.model.plan import Plan
from shipkeeper.model.record import Spread
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.time import SECOND
from shipkeeper.rehearsal.night import Night, NodeMarks
from shipkeeper.rehearsal.spreads import rank, spread
from shipkeeper.twin import WorkloadMeasure

FITS, DOES_NOT_FIT, BLOCKED = "fits", "does-not-fit", "blocked"
_NO_MARKS = NodeMarks("")


def usable_ms(plan: Plan) -> int | None:
    """Window minus reserve; None without a window."""
    if plan.window is None:
        return None
    return plan.window.closes_ms - plan.window.opens_ms - plan.reserve_seconds * SECOND


def verdict(plan: Plan, nights: Sequence[Night]) -> str:
    """By P95: the night that ranks there either ended with every node done, and in time, or did not."""
    ended = sorted(night.duration_ms for night in nights if night.went_well)
    at = rank(len(nights), 95)
    if at >= len(ended):
        return BLOCKED
    usable = usable_ms(plan)
    return FITS if usable is None or ended[at] <= usable else DOES_NOT_FIT


def durations(nights: Sequence[Night]) -> Spread:
    """How long the nights took: those in which every node was done, or all where none was."""
    return spread([night.duration_ms for night in nights if night.went_well] or [n.duration_ms for n in nights])


def node_forecasts(plan: Plan, nights: Sequence[Night]) -> tuple[NodeForecast, ...]:
    """Marks of each node in the plan's order. A mark that most nights never reached is None."""
    by_night = [{marks.name: marks for marks in night.nodes} for night in nights]
    found = []
    for name in (name for batch in plan.batches for name in batch):
        marks = [night.get(name, _NO_MARKS) for night in by_night]
        found.append(
            NodeForecast(
                name=name,
                cordoned=_mark([item.cordoned_ms for item in marks]),
                drained=_mark([item.drained_ms for item in marks]),
                ready=_mark([item.ready_ms for item in marks]),
                serves=_mark([item.serves_ms for item in marks]),
                done=_mark([item.done_ms for item in marks]),
            )
        )
    return tuple(found)


def _mark(values: Sequence[int]) -> Spread | None:
    reached = [value for value in values if value >= 0]
    return spread(reached) if 2 * len(reached) > len(values) else None


def workload_forecasts(nights: Sequence[Night]) -> tuple[WorkloadForecast, ...]:
    """What each workload feels that felt anything in any night, by namespace and name."""
    felt = workload_measures(nights)
    count = len(nights)
    found = []
    for ref in sorted(felt, key=lambda ref: (ref.namespace, ref.name, ref.kind)):
        measures = felt[ref]
        missing = [0] * (count - len(measures))
        found.append(
            WorkloadForecast(
                kind=ref.kind,
                namespace=ref.namespace,
                name=ref.name,
                downtime_seconds=spread([item.downtime_ms for item in measures] + missing),
                degraded_seconds=spread([item.degraded_ms for item in measures] + missing),
                evictions=round(sum(item.evictions for item in measures) / count, 2),
            )
        )
    return tuple(found)


def workload_measures(nights: Sequence[Night]) -> dict[ObjectRef, list[WorkloadMeasure]]:
    """Measures by workload, of the nights in which it felt something."""
    felt: dict[ObjectRef, list[WorkloadMeasure]] = {}
    for night in nights:
        for item in night.workloads:
            felt.setdefault(item.ref, []).append(item)
    return felt


def blocked(nights: Sequence[Night]) -> tuple[BlockedPod, ...]:
    """What stopped nodes, the most frequent first. Reasons of one pod differ in counts only; the first one stands."""
    seen: dict[tuple[str, str, str], list[str]] = {}
    for night in nights:
        for item in night.obstacles:
            seen.setdefault((item.node, item.pod, item.rule), []).append(item.reason)
    ordered = sorted(seen.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    return tuple(
        BlockedPod(node=node, pod=pod, rule=rule, reason=min(reasons), seeds=len(reasons))
        for (node, pod, rule), reasons in ordered
    )


def deferred(plan: Plan, nights: Sequence[Night]) -> tuple[str, ...]:
    """Nodes that are not done inside the window in most nights; they would not be started there."""
    usable = usable_ms(plan)
    if usable is None:
        return ()
    late: dict[str, int] = {}
    for night in nights:
        for marks in night.nodes:
            if marks.done_ms < 0 or marks.done_ms > usable:
                late[marks.name] = late.get(marks.name, 0) + 1
    return tuple(name for batch in plan.batches for name in batch if 2 * late.get(name, 0) > len(nights))


def notes(nights: Sequence[Night]) -> tuple[str, ...]:
    """What else happened, and in how many of the seeds."""
    seen: dict[str, int] = {}
    for night in nights:
        for text, _ in night.notes:
            seen[text] = seen.get(text, 0) + 1
    ordered = sorted(seen.items(), key=lambda item: (-item[1], item[0]))
    return tuple(f"{text} (in {count} of {len(nights)} seeds)" for text, count in ordered)


def trace_digest(nights: Sequence[Night]) -> str:
    """One digest over the digests of all nights, in the order of their seeds."""
    total = hashlib.blake2b(digest_size=32)
    for night in nights:
        total.update(f"{night.seed} {night.digest}\n".encode())
    return total.hexdigest()
