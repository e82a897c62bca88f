"""How short a schedule could be at all: lower bounds on the time, and certificates of what cannot work.

Every bound uses the medians of the plan's own times and leaves out what is merely likely (retries, patches, volumes
being attached), so no schedule under the same rules is shorter unless the draws are lucky. The largest one binds.

- LB1   area: the nodes' time together, over how many may be away at once
- LB1'  the two longest that cannot avoid each other
- LB2   groups that must go one after another: control-plane nodes alone, zones when the order is by zones
- LB3   a budget: its pods' time without a replacement, over how many it lets go at once
- LB4   area again with only as many nodes away as the others have room for, by sums
- LB5   the control plane: replacements that one controller has to make, at the rate its client is limited to
- LB6   ordered StatefulSets: replacements of one node start one after the other
- LB7   windows: whether every node fits into the window, and how many windows it takes
- LB8   moves: every pod on these nodes moves at least once
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from shipkeeper.model.forecast import LowerBound
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import Plan
from shipkeeper.model.record import Record
from shipkeeper.model.time import SECOND, format_duration
from shipkeeper.model.words import count
from shipkeeper.planning.capacity import away_at_once
from shipkeeper.planning.estimates import slowest_ms
from shipkeeper.planning.load import Load, measure_load
from shipkeeper.planning.moves import Move
from shipkeeper.semantics.rates import CREATE_BURST, CREATES_PER_SECOND, least_ms


class Bound(Record, frozen=True, kw_only=True):
    """One lower bound on the whole plan's duration, in seconds, and the limit in words."""

    id: str
    seconds: float
    binding: str


class Bounds(Record, frozen=True, kw_only=True):
    """All of them, longest first. ``infeasible`` names what no schedule can get around."""

    bounds: tuple[Bound, ...]
    infeasible: tuple[str, ...]
    moves: int
    windows: int | None
    """Windows of this length that it takes at least; None without a window."""


class _Job(Struct, frozen=True):
    """One node: what leaves it, and how long it is away at least. Milliseconds."""

    name: str
    drain_ms: int
    away_ms: int

    @property
    def total_ms(self) -> int:
        return self.drain_ms + self.away_ms


def lower_bound(plan: Plan, inventory: Inventory) -> LowerBound:
    """The longest of the bounds, in seconds, and the limit that makes it so."""
    longest = all_bounds(plan, inventory).bounds[0]
    return LowerBound(value=longest.seconds, binding=f"{longest.binding} ({longest.id})")


def all_bounds(plan: Plan, inventory: Inventory) -> Bounds:
    """Every bound of a plan over the inventory it was made from."""
    names = [name for batch in plan.batches for name in batch]
    load = measure_load(inventory, names, plan.drain_policy, plan.timings, inventory.taken_ms)
    jobs = _jobs(plan, load)
    controllers = {node.name for node in plan.nodes if node.control_plane}
    workers = [job for job in jobs if job.name not in controllers]
    alone = sum(job.total_ms for job in jobs if job.name in controllers)
    most = max(1, plan.max_parallel)
    cap = away_at_once(inventory, [job.name for job in workers], optimistic=True)
    found = [
        *_machine_bounds(workers, alone, most),
        *_group_bounds(plan, jobs, alone, most),
        *_budget_bounds(load, jobs),
        *rate_bounds(load),
        *_chain_bounds(load, jobs),
    ]
    infeasible = [*_never(load), *_too_long(plan, jobs)]
    if workers and cap.nodes < most:
        room = max(1, cap.nodes)
        found.append(
            _bound(
                "LB4",
                _area(workers, room) + alone,
                f"room ({cap.resource}) for {count(room, 'node')} away at a time, by sums",
            )
        )
        if cap.nodes == 0:
            infeasible.append(f"no worker can be away: the others lack {cap.resource}, by sums of requests")
    found.sort(key=lambda bound: (-bound.seconds, bound.id))
    return Bounds(
        bounds=tuple(found),
        infeasible=tuple(infeasible),
        moves=sum(len(node.moves) for node in load.nodes.values()),
        windows=_windows(plan, found[0].seconds),
    )


def _jobs(plan: Plan, load: Load) -> list[_Job]:
    away = 0
    if plan.purpose == "reboot":
        away = round((plan.timings.reboot_seconds[0] + plan.timings.stable_ready_seconds) * SECOND)
    return [_Job(name, slowest_ms(node.moves)[0], away) for name, node in sorted(load.nodes.items())]


def _machine_bounds(workers: Sequence[_Job], alone: int, most: int) -> list[Bound]:
    if not workers:
        return [_bound("LB1", alone, "control-plane nodes one after another")]
    each = f"{count(len(workers), 'node')}, {'one' if most == 1 else most} at a time"
    return [
        _bound("LB1", _area(workers, most) + alone, each),
        _bound("LB1'", _pair(workers, most) + alone, "the longest nodes"),
    ]


def _group_bounds(plan: Plan, jobs: Sequence[_Job], alone: int, most: int) -> list[Bound]:
    """Groups whose times cannot overlap, added up."""
    if plan.order != "zones":
        return []
    zone = {node.name: node.zone for node in plan.nodes if not node.control_plane}
    groups: dict[str, list[_Job]] = {}
    for job in jobs:
        if job.name in zone:
            groups.setdefault(zone[job.name], []).append(job)
    total = sum(max(_area(group, most), _pair(group, most)) for group in groups.values())
    return [_bound("LB2", total + alone, f"{len(groups)} zones one after another")]


def _budget_bounds(load: Load, jobs: Sequence[_Job]) -> list[Bound]:
    """The last eviction under a budget cannot be before the others' units were free, and its node still follows."""
    away = {job.name: job.away_ms for job in jobs}
    moves: dict[str, list[tuple[str, Move]]] = {}
    for name, node in sorted(load.nodes.items()):
        for move in node.moves:
            for budget in move.budgets:
                moves.setdefault(budget, []).append((name, move))
    found = []
    for budget, under in sorted(moves.items()):
        limit = load.limits.get(budget, 0)
        if limit < 1:
            continue
        units = [_unit_ms(move) for _, move in under]
        last = max(0, sum(units) // limit - max(units))
        tail = min(move.termination_ms[0] + away[name] for name, move in under)
        found.append(_bound("LB3", last + tail, f"PodDisruptionBudget {budget} lets {limit} go at a time"))
    return found


def _unit_ms(move: Move) -> int:
    """How long a pod keeps a unit of its budget at least: without the time volumes take, which is only modelled."""
    return move.readiness_ms[0] + (move.termination_ms[0] if move.successive else 0)


def rate_bounds(load: Load, per_second: int = CREATES_PER_SECOND, burst: int = CREATE_BURST) -> list[Bound]:
    """A controller makes so many pods at once and so many a second; the last one still has to become Ready.

    A plan ends with every workload as well as it was. Of its pods that were Ready, those on these nodes are gone by
    then, so as many are made anew, less those that were not Ready and may have become it meanwhile.
    """
    moved: dict[str, dict[str, list[Move]]] = {}
    for node in load.nodes.values():
        for move in node.moves:
            if move.maker:
                moved.setdefault(move.maker, {}).setdefault(move.workload, []).append(move)
    found = []
    for maker, workloads in sorted(moved.items()):
        needed = {key: len(moves) - load.unready.get(key, 0) for key, moves in workloads.items()}
        creations = sum(number for number in needed.values() if number > 0)
        least = least_ms(creations, per_second, burst)
        if least > 0:
            ready = min(move.readiness_ms[0] for key, moves in workloads.items() if needed[key] > 0 for move in moves)
            words = f"the {maker} controller makes {creations} pods again, at most {per_second} a second by default"
            found.append(_bound("LB5", least + ready, words))
    return found


def _chain_bounds(load: Load, jobs: Sequence[_Job]) -> list[Bound]:
    """A node whose ordered replacements take longer than the node itself is settled only after them."""
    found = []
    for job in jobs:
        chains: dict[str, list[Move]] = {}
        for move in load.nodes[job.name].moves:
            if move.ordered:
                chains.setdefault(move.workload, []).append(move)
        for workload, moves in sorted(chains.items()):
            if len(moves) > 1:
                chain = min(m.termination_ms[0] for m in moves) + sum(m.readiness_ms[0] for m in moves)
                found.append(_bound("LB6", chain, f"{workload} starts its {len(moves)} pods of {job.name} in order"))
    return found


def _never(load: Load) -> list[str]:
    found: list[str] = []
    for name, node in sorted(load.nodes.items()):
        found.extend(
            f"PodDisruptionBudget {budget} never allows an eviction: {name} cannot be drained"
            for budget in load.hopeless(node)
        )
        found.extend(
            f"{move.pod} is under {len(move.budgets)} budgets: {name} cannot be drained"
            for move in node.moves
            if len(move.budgets) > 1
        )
    return found


def _too_long(plan: Plan, jobs: Sequence[_Job]) -> list[str]:
    usable = _usable_ms(plan)
    if usable is None:
        return []
    return [
        f"{job.name} takes at least {format_duration(job.total_ms)}, the window less its reserve has "
        f"{format_duration(usable)}"
        for job in jobs
        if job.total_ms > usable
    ]


def _windows(plan: Plan, seconds: float) -> int | None:
    usable = _usable_ms(plan)
    return None if usable is None else max(1, -(-round(seconds * SECOND) // usable))


def _usable_ms(plan: Plan) -> int | None:
    if plan.window is None:
        return None
    return max(1, plan.window.closes_ms - plan.window.opens_ms - plan.reserve_seconds * SECOND)


def _area(jobs: Sequence[_Job], most: int) -> int:
    return sum(job.total_ms for job in jobs) // most


def _pair(jobs: Sequence[_Job], most: int) -> int:
    """The longest node; or, with more nodes than may be away, the two that must share a place."""
    longest = sorted((job.total_ms for job in jobs), reverse=True)
    if not longest:
        return 0
    return max(longest[0], longest[most - 1] + longest[most] if len(longest) > most else 0)


def _bound(name: str, ms: int, binding: str) -> Bound:
    return Bound(id=name, seconds=ms / SECOND, binding=binding)
