"""What leaves each node and how long that takes, told pod by pod: slow, plain, and the measure of the quick way.

``shipkeeper.planning`` looks at pods by class, because 150,000 pods are a few thousand classes. Here every pod is
looked at on its own, with the same rules of ``semantics``, and nothing is remembered from one pod to the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import DrainPolicy, Timings
from shipkeeper.model.pods import Pod
from shipkeeper.model.time import MINUTE, SECOND
from shipkeeper.planning.estimates import _SHAPE, PATCH_MS, DrainHold, NodeTimes
from shipkeeper.planning.load import Load, NodeLoad
from shipkeeper.planning.moves import Move
from shipkeeper.planning.timings import readiness_of, termination_of
from shipkeeper.semantics import budgets as rules
from shipkeeper.semantics.drain import grace_ms, sort_pods
from shipkeeper.semantics.ownership import by_uid, top_of, top_workload
from shipkeeper.semantics.rates import MAKERS
from shipkeeper.semantics.volumes import Storage, reach, single_node_claims
from tests.semantics.budget_rule import matching

Span = tuple[int, int]


def load_of(inventory: Inventory, names: Sequence[str], policy: DrainPolicy, timings: Timings, now_ms: int) -> Load:
    """What ``measure_load`` must say."""
    nodes = {}
    for name in names:
        pods = [pod for pod in inventory.pods if pod.node == name]
        piles = sort_pods(pods, policy, now_ms)
        moves = [move_of(item.pod, inventory, policy, timings) for item in (*piles.evict, *piles.terminating)]
        nodes[name] = NodeLoad(
            name,
            tuple(moves),
            len(piles.skip),
            tuple((f"{item.pod.namespace}/{item.pod.name}", item.reason) for item in piles.blocked),
            tuple(sorted({key_of(pod, inventory) for pod in pods if pod.daemon})),
        )
    sizes = Counter(key_of(pod, inventory) for pod in inventory.pods if pod.phase == "Running" and pod.owner)
    limits = limits_of(inventory)
    alive = [pod for pod in inventory.pods if pod.phase in ("Pending", "Running") and pod.owner]
    unready = Counter(key_of(pod, inventory) for pod in alive if not pod.ready)
    return Load(nodes, limits, dict(sizes), dict(unready), frozenset(key for key, limit in limits.items() if limit < 1))


def limits_of(inventory: Inventory) -> dict[str, int]:
    """How many each budget lets go while all its pods are healthy."""
    found = {}
    for budget in inventory.budgets:
        under = [
            pod
            for pod in inventory.pods
            if pod.phase in ("Pending", "Running") and matching([budget], pod.namespace, pod.shape.labels) == [budget]
        ]
        aim = rules.desired_and_expected(budget, under, rules.counting_once(by_uid(inventory.workloads)))
        found[f"{budget.namespace}/{budget.name}"] = rules.allowed(max(len(under), aim.expected), aim)
    return found


def move_of(pod: Pod, inventory: Inventory, policy: DrainPolicy, timings: Timings) -> Move:
    """One pod that leaves."""
    storage = Storage(inventory.claims, inventory.volumes)
    top = top_workload(pod.owner, by_uid(inventory.workloads))
    kind = pod.owner.kind if pod.owner is not None else ""
    key = key_of(pod, inventory)
    gone = pod.finished or pod.terminating
    covered = [] if gone else matching(inventory.budgets, pod.namespace, pod.shape.labels)
    volumes = [storage.volume_of(pod.namespace, claim) for claim in pod.claims]
    grace = grace_ms(pod.shape.grace_ms, policy)
    return Move(
        pod=f"{pod.namespace}/{pod.name}",
        workload=key,
        budgets=tuple(f"{b.namespace}/{b.name}" for b in covered),
        termination_ms=(0, 0) if pod.finished else termination_of(timings, key, grace),
        readiness_ms=(0, 0) if pod.finished or pod.owner is None else readiness_of(timings, key),
        grace_ms=0 if pod.finished else grace,
        successive=kind == "StatefulSet",
        ordered=kind == "StatefulSet" and top is not None and top.pod_management != "Parallel",
        with_volume=bool(single_node_claims(pod, storage)),
        pinned=any(volume is not None and reach(volume) == "node" for volume in volumes),
        maker="" if gone or kind not in MAKERS else kind,
    )


def key_of(pod: Pod, inventory: Inventory) -> str:
    """``Kind/namespace/name`` of what a pod belongs to."""
    if pod.owner is None:
        return f"Pod/{pod.namespace}/{pod.name}"
    top = top_of(pod.owner, pod.namespace, by_uid(inventory.workloads))
    return f"{top.kind}/{top.namespace}/{top.name}"


def readiness_samples(inventory: Inventory) -> dict[str, list[int]]:
    """What ``measure_readiness`` must say."""
    found: dict[str, list[int]] = {}
    for pod in inventory.pods:
        took = pod.ready_ms - pod.scheduled_ms
        tells = pod.ready and not pod.restarts and not pod.mirror and pod.owner is not None
        if tells and pod.scheduled_ms > 0 and 0 <= took <= 30 * MINUTE:
            found.setdefault(key_of(pod, inventory), []).append(took)
    return {key: sorted(samples) for key, samples in found.items()}


def times_of(load: Load, batch: Sequence[str], timings: Timings, *, reboots: bool) -> dict[str, NodeTimes]:
    """What ``batch_times`` must say of one batch."""
    under = Counter(budget for name in batch for move in load.nodes[name].moves for budget in move.budgets)
    return {name: _node_times(load.nodes[name], load.limits, timings, reboots, under) for name in batch}


def _node_times(
    load: NodeLoad, limits: dict[str, int], timings: Timings, reboots: bool, under: Counter[str]
) -> NodeTimes:
    hold = _hold(load, limits, timings, under)
    reboot, serves = (0, 0), (0, 0)
    if reboots:
        reboot = tuple(round(part * SECOND) for part in timings.reboot_seconds)
        stable = round(timings.stable_ready_seconds * SECOND)
        daemons = [readiness_of(timings, key) for key in load.daemons if f"readiness:{key}" in timings.sources]
        serves = tuple(max([stable, *(daemon[i] for daemon in daemons)]) for i in (0, 1))
    settle = _settle(load.moves, limits, under, hold.took_ms, (reboot[0] + serves[0], reboot[1] + serves[1]))
    return NodeTimes(PATCH_MS, hold.took_ms, reboot, serves, PATCH_MS, settle, hold)


def _hold(load: NodeLoad, limits: dict[str, int], timings: Timings, under: Counter[str]) -> DrainHold:
    """Every budget in turn, whether or not it makes anything wait."""
    if not load.moves:
        return DrainHold((0, 0), "modelled")
    last = max(load.moves, key=lambda move: (move.termination_ms[1], move.termination_ms[0], move.pod))
    worst = DrainHold(_slowest_ms(load.moves), _source(timings, "termination", last.workload), pods=1, pod=last.pod)
    for budget in sorted({budget for move in load.moves for budget in move.budgets}):
        moves = [move for move in load.moves for one in move.budgets if one == budget]
        at_once = max(1, limits.get(budget, 1))
        rounds = -(-under[budget] // at_once)
        slowest = max(moves, key=lambda move: (move.unit_ms, move.pod))
        ends = _slowest_ms(moves[:at_once])
        took = tuple((rounds - 1) * slowest.unit_ms[i] + ends[i] for i in (0, 1))
        if rounds > 1 and took > worst.took_ms:
            source = _source(timings, "readiness", slowest.workload)
            worst = DrainHold((took[0], took[1]), source, budget, rounds, under[budget], slowest.pod)
    return worst


def _slowest_ms(moves: Sequence[Move]) -> Span:
    """Of each kind of pod the 0.5**(1/n) and 0.95**(1/n) quantiles, never beyond the grace period; the longest."""
    worst = [0, 0]
    for ((p50, p95), grace), count in Counter((move.termination_ms, move.grace_ms) for move in moves).items():
        for i, share in ((0, 0.5), (1, 0.95)):
            places, units = zip(*_SHAPE, strict=True)
            takes = p50 + round((p95 - p50) * float(np.interp(share ** (1 / count), places, units)))
            worst[i] = max(worst[i], min(takes, grace))
    return worst[0], worst[1]


def _settle(moves: Sequence[Move], limits: dict[str, int], under: Counter[str], drain_ms: Span, after_ms: Span) -> Span:
    chains = [[move] for move in moves if not move.ordered]
    in_order = sorted({move.workload for move in moves if move.ordered})
    chains += [[move for move in moves if move.ordered and move.workload == key] for key in in_order]
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
    return timings.sources.get(f"{what}:{workload}", timings.sources.get(f"{what}:*", "modelled"))
