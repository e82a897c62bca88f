"""What leaves each node, what holds it back, and how long that takes: the ground of estimates, batches and bounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np
from msgspec import Struct

from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import DrainPolicy, Timings
from shipkeeper.model.pods import Pod
from shipkeeper.model.time import SECOND
from shipkeeper.model.workloads import Budget, Workload
from shipkeeper.planning.timings import readiness_of, termination_of
from shipkeeper.semantics import budgets as budget_rules
from shipkeeper.semantics.drain import grace_ms, sort_pods
from shipkeeper.semantics.ownership import by_uid, top_of, top_workload
from shipkeeper.semantics.rates import MAKERS
from shipkeeper.semantics.volumes import Storage, reach, single_node_claims

REATTACH_MS = (10 * SECOND, 30 * SECOND)
"""Modelled: detaching a volume from one node and attaching it to another. Never part of a lower bound."""


class Move(Struct, frozen=True):
    """One pod that has to leave. Times are (P50, P95) in milliseconds.

    ``maker`` is the kind of the controller that makes it again; empty when none does, or one of somebody else's.
    ``budgets`` are keys ``namespace/name``. ``successive``: the replacement starts only when the old pod is gone
    (StatefulSet); then it takes the budget's unit for both. ``pinned``: its storage is on this node alone.
    """

    pod: str
    workload: str
    budgets: tuple[str, ...]
    termination_ms: tuple[int, int]
    readiness_ms: tuple[int, int]
    grace_ms: int = 0
    """Nothing takes longer to end than this."""
    successive: bool = False
    ordered: bool = False
    with_volume: bool = False
    pinned: bool = False
    maker: str = ""

    @property
    def unit_ms(self) -> tuple[int, int]:
        """How long the pod occupies one unit of its budget."""
        if not self.successive:
            return self.readiness_ms
        extra = REATTACH_MS if self.with_volume else (0, 0)
        return tuple(t + r + x for t, r, x in zip(self.termination_ms, self.readiness_ms, extra, strict=True))  # type: ignore[return-value]


class NodeLoad(Struct, frozen=True):
    """What a drain of one node meets. ``stays``: daemon and mirror pods. ``blocked``: (pod, reason)."""

    name: str
    moves: tuple[Move, ...]
    stays: int
    blocked: tuple[tuple[str, str], ...]
    daemons: tuple[str, ...]
    """Workload keys of the daemon pods, which must be Ready again after a reboot."""


class Load(Struct, frozen=True):
    """All nodes' loads. ``limits``: how many pods each budget lets go at once when all its pods are healthy.

    ``sizes``: pods that each workload runs, by key. ``unready``: of those that should run, how many are not Ready.
    """

    nodes: dict[str, NodeLoad]
    limits: dict[str, int]
    sizes: dict[str, int]
    unready: dict[str, int] = {}


def measure_load(
    inventory: Inventory, names: Iterable[str], policy: DrainPolicy, timings: Timings, now_ms: int
) -> Load:
    """Look at the pods of these nodes."""
    workloads = by_uid(inventory.workloads)
    index = budget_rules.compile_budgets(inventory.budgets)
    storage = Storage(inventory.claims, inventory.volumes)
    on_node = _rows_by_node(inventory)
    nodes = {}
    for name in names:
        pods = [inventory.pods.row(row) for row in on_node.get(name, ())]
        sorted_pods = sort_pods(pods, policy, now_ms)
        moves = [
            _move(item.pod, policy, workloads, index, timings, storage)
            for item in (*sorted_pods.evict, *sorted_pods.terminating)
        ]
        daemons = sorted({_key(pod, workloads) for pod in pods if pod.daemon})
        blocked = tuple((f"{i.pod.namespace}/{i.pod.name}", i.reason) for i in sorted_pods.blocked)
        nodes[name] = NodeLoad(name, tuple(moves), len(sorted_pods.skip), blocked, tuple(daemons))
    limits = steady_limits(inventory, workloads, index)
    return Load(nodes, limits, _counts(inventory, workloads, (1,)), _counts(inventory, workloads, (0, 1), ready=0))


def steady_limits(
    inventory: Inventory, workloads: Mapping[str, Workload], index: budget_rules.BudgetIndex
) -> dict[str, int]:
    """Evictions that each budget allows while all its pods are healthy, by ``namespace/name``.

    0 means that it never allows one, or that its controller cannot tell.
    """
    pods, counted = inventory.pods, {_budget_key(b): 0 for b in inventory.budgets}
    owners: dict[str, dict[int, None]] = {key: {} for key in counted}
    groups: dict[tuple[int, int, int], int] = {}
    column = pods.columns
    alive = np.flatnonzero(np.isin(column["phase"], (0, 1))).tolist() if len(pods) else []
    for row in alive:
        group = (int(column["namespace"][row]), int(column["shape"][row]), int(column["owner"][row]))
        groups[group] = groups.get(group, 0) + 1
    for (namespace, shape, owner), count in groups.items():
        for budget in index.matching(pods.namespaces[namespace], pods.shapes[shape].labels):
            counted[_budget_key(budget)] += count
            if owner >= 0:
                owners[_budget_key(budget)][owner] = None
    limits = {}
    for budget in inventory.budgets:
        key = _budget_key(budget)
        whose = [pods.owners[owner] for owner in owners[key]]
        aim = budget_rules.target_of_owners(budget, counted[key], whose, budget_rules.counting_once(workloads))
        limits[key] = budget_rules.allowed(max(counted[key], aim.expected), aim)
    return limits


def _move(
    pod: Pod,
    policy: DrainPolicy,
    workloads: Mapping[str, Workload],
    index: budget_rules.BudgetIndex,
    timings: Timings,
    storage: Storage,
) -> Move:
    key = _key(pod, workloads)
    top = top_workload(pod.owner, workloads)
    kind = pod.owner.kind if pod.owner is not None else ""
    covered = index.matching(pod.namespace, pod.shape.labels) if not (pod.finished or pod.terminating) else []
    return Move(
        pod=f"{pod.namespace}/{pod.name}",
        workload=key,
        budgets=tuple(_budget_key(b) for b in covered),
        termination_ms=(0, 0) if pod.finished else termination_of(timings, key, grace_ms(pod.shape.grace_ms, policy)),
        readiness_ms=(0, 0) if pod.finished or pod.owner is None else readiness_of(timings, key),
        grace_ms=0 if pod.finished else grace_ms(pod.shape.grace_ms, policy),
        successive=kind == "StatefulSet",
        ordered=kind == "StatefulSet" and top is not None and top.pod_management != "Parallel",
        with_volume=bool(single_node_claims(pod, storage)),
        pinned=_pinned(pod, storage),
        maker=kind if kind in MAKERS and not (pod.finished or pod.terminating) else "",
    )


def _pinned(pod: Pod, storage: Storage) -> bool:
    """Whether a volume of the pod can be mounted on one named node only."""
    volumes = (storage.volume_of(pod.namespace, claim) for claim in pod.claims)
    return any(volume is not None and reach(volume) == "node" for volume in volumes)


def _key(pod: Pod, workloads: Mapping[str, Workload]) -> str:
    if pod.owner is None:
        return f"Pod/{pod.namespace}/{pod.name}"
    top = top_of(pod.owner, pod.namespace, workloads)
    return f"{top.kind}/{top.namespace}/{top.name}"


def _budget_key(budget: Budget) -> str:
    return f"{budget.namespace}/{budget.name}"


def _rows_by_node(inventory: Inventory) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    names = inventory.pods.nodes
    for row, node in enumerate(inventory.pods.columns["node"].tolist() if len(inventory.pods) else []):
        if node >= 0:
            found.setdefault(names[node], []).append(row)
    return found


def _counts(
    inventory: Inventory, workloads: Mapping[str, Workload], phases: Sequence[int], ready: int | None = None
) -> dict[str, int]:
    """Pods in these phases by workload key; ``ready`` 0: only those that are not Ready."""
    pods = inventory.pods
    sizes: dict[str, int] = {}
    names: dict[tuple[int, int], str] = {}
    column = pods.columns
    chosen = np.isin(column["phase"], phases) if len(pods) else np.zeros(0, dtype=bool)
    if ready is not None and len(pods):
        chosen &= column["ready"] == ready
    for row in np.flatnonzero(chosen).tolist():
        owner = int(column["owner"][row])
        if owner < 0:
            continue
        where = (owner, int(column["namespace"][row]))
        if where not in names:
            top = top_of(pods.owners[owner], pods.namespaces[where[1]], workloads)
            names[where] = f"{top.kind}/{top.namespace}/{top.name}"
        sizes[names[where]] = sizes.get(names[where], 0) + 1
    return sizes


def shorter(load: Load, names: Iterable[str]) -> Load:
    """The same load for fewer nodes."""
    return msgspec.structs.replace(load, nodes={name: load.nodes[name] for name in names})
