"""Everything the rules look things up in, built once per check."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from msgspec import Struct

from shipkeeper.assessment.check.trial import Homeless, homeless
from shipkeeper.model.cluster import Service
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.nodes import Node
from shipkeeper.model.plan import DrainPolicy
from shipkeeper.model.pods import Pod
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.time import HOUR, MINUTE
from shipkeeper.model.workloads import Budget, Workload
from shipkeeper.semantics import ownership
from shipkeeper.semantics.board import Board
from shipkeeper.semantics.budgets import BudgetTarget, compile_budgets, counting_once, desired_and_expected
from shipkeeper.semantics.control_plane import is_control_plane
from shipkeeper.semantics.drain import DrainSet, sort_pods
from shipkeeper.semantics.placement import labels_by_namespace
from shipkeeper.semantics.volumes import Storage
from shipkeeper.semantics.webhooks import answers_for

DEFAULT_WINDOW_MS = 7 * HOUR
"""The night that is assumed when neither a flag nor the platform file names a window."""


class Settings(Struct, frozen=True):
    """What a check takes for granted: the drain policy of the plan to come, and how long the window is."""

    policy: DrainPolicy = DrainPolicy()
    window_ms: int = DEFAULT_WINDOW_MS
    window_source: str = "assumed"
    reboot_ms: int = 4 * MINUTE
    """From requesting a reboot until the node is Ready again."""


class Context:
    """Indexes over one inventory, and the nodes that are to be drained.

    ``nodes``: those asked for, in inventory order. Pods that have finished are left out of every index but ``on``.
    """

    def __init__(self, inventory: Inventory, settings: Settings, nodes: Sequence[str] | None, now_ms: int) -> None:
        self.inventory = inventory
        self.settings = settings
        self.now_ms = now_ms
        wanted = None if nodes is None else frozenset(nodes)
        self.nodes: tuple[Node, ...] = tuple(node for node in inventory.nodes if wanted is None or node.name in wanted)
        self.selected = frozenset(node.name for node in self.nodes)
        self.by_uid = ownership.by_uid(inventory.workloads)
        self._tops: dict[tuple[str, str], ObjectRef] = {}
        self._budget_index = compile_budgets(inventory.budgets)
        self._budgets: dict[tuple[str, int], list[Budget]] = {}
        self._index_pods()

    def _index_pods(self) -> None:
        self.on: dict[str, list[Pod]] = {}
        self.live: list[Pod] = []
        self.of_top: dict[ObjectRef, list[Pod]] = {}
        self.of_budget: dict[ObjectRef, list[Pod]] = {}
        for pod in self.inventory.pods:
            if pod.node:
                self.on.setdefault(pod.node, []).append(pod)
            for budget in self.budgets_of(pod):
                self.of_budget.setdefault(budget.ref, []).append(pod)
            if pod.finished:
                continue
            self.live.append(pod)
            top = self.top_of(pod)
            if top is not None:
                self.of_top.setdefault(top, []).append(pod)

    def top_of(self, pod: Pod) -> ObjectRef | None:
        """The outermost controller of a pod; None for bare and mirror pods."""
        if pod.owner is None or pod.mirror:
            return None
        key = (pod.namespace, pod.owner.uid or f"{pod.owner.kind}/{pod.owner.name}")
        known = self._tops.get(key)
        if known is None:
            known = self._tops[key] = ownership.top_of(pod.owner, pod.namespace, self.by_uid)
        return known

    def budgets_of(self, pod: Pod) -> list[Budget]:
        """Budgets that cover a pod."""
        key = (pod.namespace, id(pod.shape))
        known = self._budgets.get(key)
        if known is None:
            known = self._budgets[key] = self._budget_index.matching(pod.namespace, pod.shape.labels)
        return known

    def workload(self, ref: ObjectRef) -> Workload | None:
        """The workload of that name, or None when the inventory has none (a foreign kind, or not read)."""
        return self._by_ref.get(ref)

    @cached_property
    def _by_ref(self) -> dict[ObjectRef, Workload]:
        return {workload.ref: workload for workload in self.inventory.workloads}

    def target(self, budget: Budget) -> BudgetTarget:
        """What the budget wants of the pods it covers now.

        Where an owner's size is not in the inventory, but the budget's controller has told its figures, those count.
        """
        pods = self.of_budget.get(budget.ref, [])
        aim = desired_and_expected(budget, pods, counting_once(self.by_uid))
        told = budget.reason in ("SufficientPods", "InsufficientPods") and (
            budget.observed_generation >= budget.generation
        )
        if aim.reason == "SyncFailed" and told:
            return BudgetTarget(budget.expected, budget.desired)
        return aim

    @cached_property
    def drains(self) -> dict[str, DrainSet]:
        """For each node to drain, its pods sorted by what the policy lets a drain do."""
        return {
            node.name: sort_pods(self.on.get(node.name, []), self.settings.policy, self.now_ms) for node in self.nodes
        }

    @cached_property
    def movers(self) -> frozenset[str]:
        """UIDs of running pods that the drains would evict, those that block for want of permission included."""
        found: set[str] = set()
        for drain in self.drains.values():
            found.update(item.pod.uid for item in (*drain.evict, *drain.blocked) if not item.pod.finished)
        return frozenset(found)

    def moving(self, pods: Iterable[Pod]) -> list[Pod]:
        """Those of the pods that a drain of the chosen nodes would evict."""
        return [pod for pod in pods if pod.uid in self.movers]

    @cached_property
    def guards(self) -> tuple[tuple[Budget, list[Pod]], ...]:
        """Budgets that alone cover running pods which the drain moves, with those pods."""
        found = []
        for budget in self.inventory.budgets:
            moving = self.moving(self.of_budget.get(budget.ref, []))
            alone = [pod for pod in moving if pod.phase == "Running" and len(self.budgets_of(pod)) == 1]
            if alone:
                found.append((budget, alone))
        return tuple(found)

    @cached_property
    def storage(self) -> Storage:
        """Claims, volumes and limits."""
        known = not (self.missing("persistentvolumeclaims") or self.missing("persistentvolumes"))
        return Storage(
            self.inventory.claims,
            self.inventory.volumes,
            self.inventory.storage_classes,
            self.inventory.csi_nodes,
            known=known,
        )

    @cached_property
    def namespace_labels(self) -> dict[str, dict[str, str]]:
        """Namespace labels by name."""
        named = labels_by_namespace((item.name, item.labels) for item in self.inventory.namespaces)
        return {name: dict(labels) for name, labels in named.items()}

    @cached_property
    def board(self) -> Board:
        """Nodes with the pods on them, for trials. Whoever changes it rolls it back."""
        return Board(self.inventory.nodes, self.live, self.storage, self.namespace_labels)

    @cached_property
    def homeless(self) -> tuple[Homeless, ...]:
        """Pods that find no place while their node is out, for each node on its own."""
        return homeless(self)

    @cached_property
    def away_with_node(self) -> frozenset[ObjectRef]:
        """Workloads that have a pod without a place while its node is out: their gap is the node's."""
        return frozenset(item.top for item in self.homeless)

    def ready_without(self, top: ObjectRef, node: str) -> int:
        """Ready pods of a workload on other nodes than that one."""
        return sum(1 for pod in self.of_top.get(top, []) if pod.ready and pod.node != node)

    @cached_property
    def control_plane(self) -> frozenset[str]:
        """Names of control-plane nodes, of the whole cluster."""
        return frozenset(
            node.name for node in self.inventory.nodes if is_control_plane(node, self.on.get(node.name, []))
        )

    @cached_property
    def of_owner(self) -> dict[str, list[Pod]]:
        """Live pods by the UID of the controller that made them."""
        found: dict[str, list[Pod]] = {}
        for pod in self.live:
            if pod.owner is not None:
                found.setdefault(pod.owner.uid, []).append(pod)
        return found

    @cached_property
    def jobs(self) -> dict[str, list[Pod]]:
        """Live pods by the UID of the Job that owns them."""
        kinds = {pod.owner.uid: pod.owner.kind for pods in self.of_owner.values() for pod in pods[:1] if pod.owner}
        return {uid: pods for uid, pods in self.of_owner.items() if kinds[uid] == "Job"}

    def has_service(self, namespace: str, name: str) -> bool:
        """Whether there is such a Service, or it cannot be told because Services could not be read."""
        return self.missing("services") or (namespace, name) in self._services

    @cached_property
    def _services(self) -> dict[tuple[str, str], Service]:
        return {(item.namespace, item.name): item for item in self.inventory.services}

    def back_ends(self, namespace: str, service: str) -> list[Pod] | None:
        """Ready pods behind a Service; None when it is not in the inventory, or selects nothing by itself."""
        known = self._services.get((namespace, service))
        if known is None or not known.selector:
            return None
        return [pod for pod in self.live if answers_for(known, pod)]

    def missing(self, resource: str) -> bool:
        """Whether that resource could not be read."""
        return resource in self._missing

    @cached_property
    def _missing(self) -> frozenset[str]:
        return frozenset(item.what for item in self.inventory.missing)

    def nodes_of(self, pods: Iterable[Pod]) -> tuple[str, ...]:
        """The chosen nodes that hold any of these pods, sorted."""
        return tuple(sorted({pod.node for pod in pods if pod.node in self.selected}))
