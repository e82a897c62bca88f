"""The same plan in other batches: one node at a time, or two, for comparison."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec.structs import replace

from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import Plan, PlanStep
from shipkeeper.model.time import HOUR, iso
from shipkeeper.planning.batches import BatchRules, in_sequence
from shipkeeper.planning.capacity import away_at_once
from shipkeeper.planning.load import measure_load

ENDLESS_MS = 400 * 24 * HOUR
"""A window that nothing reaches the end of: how long a plan takes is asked before whether it fits."""


def in_batches(plan: Plan, batches: Sequence[Sequence[str]]) -> Plan:
    """The plan with other batches of the same nodes, sealed. A batch needs all of the batch before."""
    by_node: dict[str, list[PlanStep]] = {}
    for step in plan.steps:
        by_node.setdefault(step.target, []).append(step)
    steps: list[PlanStep] = []
    before: tuple[str, ...] = ()
    for batch in batches:
        for name in batch:
            first, *rest = by_node[name]
            steps.extend((replace(first, needs=before), *rest))
        before = tuple(by_node[name][-1].id for name in batch)
    return replace(
        plan,
        batches=tuple(tuple(batch) for batch in batches),
        max_parallel=max((len(batch) for batch in batches), default=1),
        steps=tuple(steps),
    ).sealed()


def only(plan: Plan, names: Collection[str]) -> Plan:
    """The plan with only these of its nodes, sealed."""
    kept = [tuple(name for name in batch if name in names) for batch in plan.batches]
    shorter = replace(plan, nodes=tuple(node for node in plan.nodes if node.name in names))
    return in_batches(shorter, [batch for batch in kept if batch])


def one_at_a_time(plan: Plan) -> Plan:
    """The plan's nodes one after the other, in the same order."""
    return in_batches(plan, [(name,) for batch in plan.batches for name in batch])


def two_at_a_time(plan: Plan, inventory: Inventory) -> Plan | None:
    """Pairs of neighbours in the plan's order where budgets, replicas and room let both be away; None where no pair
    may. Control-plane nodes stay alone.
    """
    names = [name for batch in plan.batches for name in batch]
    controllers = {node.name for node in plan.nodes if node.control_plane}
    workers = [name for name in names if name not in controllers]
    load = measure_load(inventory, names, plan.drain_policy, plan.timings, inventory.taken_ms)
    room = away_at_once(inventory, workers, optimistic=False)
    rules = BatchRules(load, 2, room.nodes)
    batches = in_sequence(workers, rules.allows)
    if len(batches) == len(workers):
        return None
    return in_batches(plan, [*batches, *([name] for name in names if name in controllers)])


def without_end(plan: Plan) -> Plan:
    """The plan as it is played: its window opens when it does and has no end, and nobody has to confirm anything.

    Whether it fits is judged afterwards, from how long it took.
    """
    policy = replace(plan.drain_policy, confirm="none")
    window = plan.window
    if window is not None:
        window = replace(window, closes_at=iso(window.opens_ms + ENDLESS_MS))
    return replace(plan, window=window, drain_policy=policy).sealed()
