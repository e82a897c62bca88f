"""What a drain does with each pod, and what leaving is like for it, worked out once a class of pods.

Pods of one namespace, template and owner leave alike. So the rules are asked about one pod of each class, and only
pods with something of their own (no controller, a deletion under way, a place by name in the policy) one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import DrainPolicy, Timings
from shipkeeper.model.pods import Pod
from shipkeeper.model.time import SECOND
from shipkeeper.model.workloads import Budget, Workload
from shipkeeper.planning.timings import readiness_of, termination_of
from shipkeeper.semantics.budgets import compile_budgets
from shipkeeper.semantics.drain import grace_ms, verdict
from shipkeeper.semantics.ownership import top_workload, workload_key
from shipkeeper.semantics.rates import MAKERS
from shipkeeper.semantics.volumes import Storage, reach, single_node_claims

REATTACH_MS = (10 * SECOND, 30 * SECOND)
"""Modelled: detaching a volume from one node and attaching it to another. Never part of a lower bound."""


class Move(Struct, frozen=True, gc=False):  # gc: 150,000 of them, and none can be part of a cycle
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
    def back_ms(self) -> tuple[int, int]:
        """How long from its eviction until its replacement is Ready."""
        if not self.successive:
            return self.readiness_ms
        return self.termination_ms[0] + self.readiness_ms[0], self.termination_ms[1] + self.readiness_ms[1]

    @property
    def unit_ms(self) -> tuple[int, int]:
        """How long the pod occupies one unit of its budget."""
        back = self.back_ms
        if not (self.successive and self.with_volume):
            return back
        return back[0] + REATTACH_MS[0], back[1] + REATTACH_MS[1]


class Kin(NamedTuple):
    """What is known of a class of pods (``PodTable.classes``), and how many they are."""

    pods: int
    unready: int
    """How many of them are not Ready."""
    phase: int
    owner: int
    """Its row in ``PodTable.owners``; -1: nobody makes them again."""
    workload: str
    """``Kind/namespace/name`` of what the owner belongs to; empty without one."""
    budgets: tuple[str, ...]
    """Those that select the pods, whether or not they count them."""


def kin_of(inventory: Inventory, workloads: Mapping[str, Workload]) -> list[Kin]:
    """What is known of each class of the inventory's pods."""
    pods, column = inventory.pods, inventory.pods.columns
    index, classes = compile_budgets(inventory.budgets), inventory.pods.classes()
    first, not_ready = classes.first, classes.of_row[column["ready"] == 0]
    rows = zip(
        np.bincount(classes.of_row, minlength=len(first)).tolist(),
        np.bincount(not_ready, minlength=len(first)).tolist(),
        *(column[name][first].tolist() for name in ("namespace", "shape", "phase", "owner")),
        strict=True,
    )
    found = []
    for count, unready, space, shape, phase, owner in rows:
        namespace = pods.namespaces[space]
        covering = index.matching(namespace, pods.shapes[shape].labels)
        workload = workload_key(pods.owners[owner], namespace, workloads) if owner >= 0 else ""
        found.append(Kin(count, unready, phase, owner, workload, tuple([budget_key(budget) for budget in covering])))
    return found


class Fate(Struct, frozen=True):
    """What a drain does with a pod: ``pile`` and ``reason`` as ``semantics.drain`` words them.

    ``move`` says how a pod of this fate leaves; another pod's name may stand in it. None for a pod that stays.
    """

    pile: str
    reason: str
    daemon: str = ""
    """Workload key of the DaemonSet that the pod is of; empty for any other pod."""
    move: Move | None = None


class Fates:
    """The fate of every pod of an inventory under a policy, by its row."""

    def __init__(
        self,
        inventory: Inventory,
        workloads: Mapping[str, Workload],
        kin: Sequence[Kin],
        policy: DrainPolicy,
        timings: Timings,
        now_ms: int,
    ) -> None:
        self._pods, self._workloads, self._kin = inventory.pods, workloads, kin
        self._policy, self._timings, self._now_ms = policy, timings, now_ms
        self._storage = Storage(inventory.claims, inventory.volumes)
        self._class_of: list[int] = inventory.pods.classes().of_row.tolist()
        self._of_class: dict[int, Fate] = {}
        self._singular = _singular_rows(inventory, policy)
        self._with_claims = {row for row, rare in inventory.pods.rare.items() if rare.claims}

    def of(self, row: int) -> Fate:
        """What becomes of the pod at that row."""
        number = self._class_of[row]
        if row in self._singular:
            return self._ask(self._pods.row(row), self._kin[number])
        fate = self._of_class.get(number)
        if fate is None:
            # The first pod of a class that is met stands for it; its claims are its own.
            typical = replace(self._pods.row(row), claims=())
            fate = self._of_class[number] = self._ask(typical, self._kin[number])
        if row in self._with_claims and fate.move is not None:
            return replace(fate, move=self._taking_volumes(fate.move, self._pods.row(row)))
        return fate

    def _ask(self, pod: Pod, kin: Kin) -> Fate:
        pile, reasons = verdict(pod, self._policy, self._now_ms)
        if pile in ("evict", "terminating"):
            return Fate(pile, reasons[0], move=self._move(pod, kin))
        return Fate(pile, reasons[0], daemon=kin.workload if pod.daemon else "")

    def _move(self, pod: Pod, kin: Kin) -> Move:
        workload = kin.workload or f"Pod/{pod.namespace}/{pod.name}"
        grace = grace_ms(pod.shape.grace_ms, self._policy)
        kind = pod.owner.kind if pod.owner is not None else ""
        successive, leaving = kind == "StatefulSet", not (pod.finished or pod.terminating)
        top = top_workload(pod.owner, self._workloads) if successive else None
        move = Move(
            pod=f"{pod.namespace}/{pod.name}",
            workload=workload,
            budgets=kin.budgets if leaving else (),
            termination_ms=(0, 0) if pod.finished else termination_of(self._timings, workload, grace),
            readiness_ms=(0, 0) if pod.finished or pod.owner is None else readiness_of(self._timings, workload),
            grace_ms=0 if pod.finished else grace,
            successive=successive,
            ordered=top is not None and top.pod_management != "Parallel",
            maker=kind if leaving and kind in MAKERS else "",
        )
        return self._taking_volumes(move, pod) if pod.claims else move

    def _taking_volumes(self, move: Move, pod: Pod) -> Move:
        """The move of a pod that takes its claims' volumes along."""
        volumes = (self._storage.volume_of(pod.namespace, claim) for claim in pod.claims)
        return replace(
            move,
            with_volume=bool(single_node_claims(pod, self._storage)),
            pinned=any(volume is not None and reach(volume) == "node" for volume in volumes),
        )


def budget_key(budget: Budget) -> str:
    """``namespace/name``."""
    return f"{budget.namespace}/{budget.name}"


def _singular_rows(inventory: Inventory, policy: DrainPolicy) -> frozenset[int]:
    """Rows of pods whose fate does not follow from their class."""
    pods = inventory.pods
    rows = {row for row, rare in pods.rare.items() if rare.deletion_ms is not None}
    rows.update(np.flatnonzero(pods.columns["owner"] < 0).tolist())
    named = {entry.partition("/")[2] for entry in (*policy.delete_empty_dir_data, *policy.allow_unmanaged)} - {""}
    if named:
        rows.update(row for row, name in enumerate(pods.names) if name in named)
    return frozenset(rows)
