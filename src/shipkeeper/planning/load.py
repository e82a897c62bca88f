"""What leaves each node, what holds it back, and how long that takes: the ground of estimates, batches and bounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import DrainPolicy, Timings
from shipkeeper.model.table import PodTable
from shipkeeper.model.workloads import Workload
from shipkeeper.planning.moves import Fates, Kin, Move, budget_key, kin_of
from shipkeeper.semantics import budgets as budget_rules
from shipkeeper.semantics.ownership import by_uid

_ALIVE = (0, 1)
_RUNNING = 1


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
    ``never``: the budgets that let none go at all.
    """

    nodes: dict[str, NodeLoad]
    limits: dict[str, int]
    sizes: dict[str, int]
    unready: dict[str, int] = {}
    never: frozenset[str] = frozenset()

    def hopeless(self, node: NodeLoad) -> list[str]:
        """Budgets of the node's pods that never allow an eviction."""
        if not self.never:
            return []
        return sorted({budget for move in node.moves for budget in move.budgets if budget in self.never})


def measure_load(
    inventory: Inventory, names: Iterable[str], policy: DrainPolicy, timings: Timings, now_ms: int
) -> Load:
    """Look at the pods of these nodes."""
    workloads = by_uid(inventory.workloads)
    kin = kin_of(inventory, workloads)
    fates = Fates(inventory, workloads, kin, policy, timings, now_ms)
    pods, on_node = _Names(inventory.pods), inventory.pods.rows_by_node()
    nodes = {name: _node_load(name, pods.in_order(on_node.get(name, ())), pods, fates) for name in names}
    limits = _steady_limits(inventory, workloads, kin)
    never = frozenset(key for key, limit in limits.items() if limit == 0)
    return Load(nodes, limits, _sizes(kin), _unready(kin), never)


class _Names:
    """Pods by namespace and name. ``labels``: ``namespace/name`` of each row, which does not sort the same."""

    def __init__(self, pods: PodTable) -> None:
        spaces = [pods.namespaces[space] for space in pods.columns["namespace"].tolist()]
        self._keys = list(zip(spaces, pods.names, strict=True))
        self.labels = [f"{space}/{name}" for space, name in self._keys]

    def in_order(self, rows: Iterable[int]) -> list[int]:
        """The rows by namespace and name."""
        return sorted(rows, key=self._keys.__getitem__)


def _node_load(name: str, rows: Iterable[int], pods: _Names, fates: Fates) -> NodeLoad:
    """Sort the pods of one node; those that are ending already come last."""
    evicted: list[Move] = []
    ending: list[Move] = []
    blocked: list[tuple[str, str]] = []
    stays, daemons = 0, set()
    for row in rows:
        fate = fates.of(row)
        if fate.move is not None:
            pile = evicted if fate.pile == "evict" else ending
            pile.append(replace(fate.move, pod=pods.labels[row]))
        elif fate.pile == "blocked":
            blocked.append((pods.labels[row], fate.reason))
        else:
            stays += 1
            if fate.daemon:
                daemons.add(fate.daemon)
    return NodeLoad(name, (*evicted, *ending), stays, tuple(blocked), tuple(sorted(daemons)))


def _steady_limits(inventory: Inventory, workloads: Mapping[str, Workload], kin: Sequence[Kin]) -> dict[str, int]:
    """Evictions that each budget allows while all its pods are healthy, by ``namespace/name``.

    0 means that it never allows one, or that its controller cannot tell.
    """
    counted = {budget_key(budget): 0 for budget in inventory.budgets}
    owners: dict[str, dict[int, None]] = {key: {} for key in counted}
    for pods in kin:
        if pods.phase not in _ALIVE:
            continue
        for key in pods.budgets:
            counted[key] += pods.pods
            if pods.owner >= 0:
                owners[key][pods.owner] = None
    limits = {}
    for budget in inventory.budgets:
        key = budget_key(budget)
        whose = [inventory.pods.owners[owner] for owner in owners[key]]
        aim = budget_rules.target_of_owners(budget, counted[key], whose, budget_rules.counting_once(workloads))
        limits[key] = budget_rules.allowed(max(counted[key], aim.expected), aim)
    return limits


def _sizes(kin: Sequence[Kin]) -> dict[str, int]:
    """Running pods by workload key."""
    sizes: dict[str, int] = {}
    for pods in kin:
        if pods.phase == _RUNNING and pods.workload:
            sizes[pods.workload] = sizes.get(pods.workload, 0) + pods.pods
    return sizes


def _unready(kin: Sequence[Kin]) -> dict[str, int]:
    """Pods that should run and are not Ready, by workload key."""
    found: dict[str, int] = {}
    for pods in kin:
        if pods.phase in _ALIVE and pods.workload and pods.unready:
            found[pods.workload] = found.get(pods.workload, 0) + pods.unready
    return found
