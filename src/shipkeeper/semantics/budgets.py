"""PodDisruptionBudgets: which pods they cover and what they allow.

Source: ``pkg/controller/disruption/disruption.go``. Percentages round up, for ``minAvailable`` and
``maxUnavailable`` alike. Healthy means the Ready condition; ``minReadySeconds`` is not considered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
from msgspec import Struct

from shipkeeper.model.pods import Pod
from shipkeeper.model.refs import OwnerRef
from shipkeeper.model.time import MINUTE
from shipkeeper.model.workloads import Budget, Workload
from shipkeeper.semantics import ownership
from shipkeeper.semantics.ownership import Scale
from shipkeeper.semantics.percent import percentage, scaled
from shipkeeper.semantics.selectors import matches

DELETION_TIMEOUT_MS = 2 * MINUTE
"""An eviction whose pod was not seen terminating within this time is given back to the budget."""

ScaleOf = Callable[[OwnerRef], Scale]


class BudgetTarget(Struct, frozen=True):
    """How many pods a budget expects and wants healthy. ``reason`` SyncFailed: it cannot tell and allows nothing."""

    expected: int
    desired: int
    reason: str = ""
    message: str = ""


class BudgetStatus(Struct, frozen=True):
    """What the disruption controller would write. ``reason``: SufficientPods, InsufficientPods or SyncFailed."""

    expected: int
    desired: int
    healthy: int
    allowed: int
    reason: str
    message: str = ""


class BudgetIndex:
    """Budgets by namespace and by a label they need, so that many pods can be matched cheaply."""

    __slots__ = ("_open", "_pinned")

    def __init__(self, budgets: Iterable[Budget]) -> None:
        self._pinned: dict[str, dict[tuple[str, str], list[tuple[int, Budget]]]] = {}
        self._open: dict[str, list[tuple[int, Budget]]] = {}
        for position, budget in enumerate(budgets):
            if budget.selector is None:
                continue
            if budget.selector.pairs:
                by_pair = self._pinned.setdefault(budget.namespace, {})
                by_pair.setdefault(budget.selector.pairs[0], []).append((position, budget))
            else:
                self._open.setdefault(budget.namespace, []).append((position, budget))

    def matching(self, namespace: str, labels: Mapping[str, str]) -> list[Budget]:
        """Budgets that cover a pod with these labels, in the order they were given."""
        found = [item for item in self._open.get(namespace, ()) if matches(item[1].selector, labels)]
        by_pair = self._pinned.get(namespace)
        if by_pair:
            for pair in labels.items():
                found.extend(item for item in by_pair.get(pair, ()) if matches(item[1].selector, labels))
        if len(found) > 1:
            found.sort(key=_position)
        return [budget for _, budget in found]


def _position(item: tuple[int, Budget]) -> int:
    return item[0]


def compile_budgets(budgets: Iterable[Budget]) -> BudgetIndex:
    """Index budgets for matching many pods."""
    return BudgetIndex(budgets)


def covering(budgets: Iterable[Budget], pods: Iterable[Pod]) -> BudgetIndex:
    """Index those budgets that may cover one of these pods: for few pods among many budgets."""
    namespaces: set[str] = set()
    pairs: set[tuple[str, tuple[str, str]]] = set()
    for pod in pods:
        namespaces.add(pod.namespace)
        pairs.update((pod.namespace, pair) for pair in pod.shape.labels.items())
    return BudgetIndex(
        budget
        for budget in budgets
        if budget.selector is not None
        and (
            (budget.namespace, budget.selector.pairs[0]) in pairs
            if budget.selector.pairs
            else budget.namespace in namespaces
        )
    )


def needs_scale(budget: Budget) -> bool:
    """Whether the budget must know how many pods the owners want (``maxUnavailable``, or a percentage)."""
    return budget.max_unavailable is not None or isinstance(budget.min_available, str)


def target(budget: Budget, pods: int, wanted: int) -> BudgetTarget:
    """The budget's arithmetic for ``pods`` matched pods whose distinct owners want ``wanted`` together.

    A budget with neither field expects nothing, and so allows nothing.
    """
    if budget.max_unavailable is not None:
        return BudgetTarget(wanted, max(0, wanted - scaled(budget.max_unavailable, wanted, round_up=True)))
    if budget.min_available is None:
        return BudgetTarget(0, 0)
    if isinstance(budget.min_available, int):
        return BudgetTarget(pods, budget.min_available)
    return BudgetTarget(wanted, scaled(budget.min_available, wanted, round_up=True))


def desired_and_expected(budget: Budget, matched_pods: Sequence[Pod], scale_of: ScaleOf) -> BudgetTarget:
    """What the budget wants of the pods it matches. Unmanaged pods add nothing to the owners' wish.

    One owner whose size cannot be told makes it SyncFailed, where the size is needed.
    """
    owners: dict[str, OwnerRef] = {}
    for pod in matched_pods:
        if pod.owner is not None:
            owners.setdefault(pod.owner.uid or f"{pod.owner.kind}/{pod.owner.name}", pod.owner)
    return target_of_owners(budget, len(matched_pods), owners.values(), scale_of)


def target_of_owners(budget: Budget, pods: int, owners: Iterable[OwnerRef], scale_of: ScaleOf) -> BudgetTarget:
    """The same as ``desired_and_expected`` from a count of pods and their distinct direct owners.

    ``scale_of`` must count owners that share one size only once (see ``counting_once``).
    """
    if not needs_scale(budget):
        return target(budget, pods, 0)
    wanted = 0
    for owner in owners:
        scale = scale_of(owner)
        if scale.replicas is None:
            return BudgetTarget(0, 0, "SyncFailed", _cannot_scale(owner, scale))
        wanted += scale.replicas
    return target(budget, pods, wanted)


def counting_once(workloads: Mapping[str, Workload]) -> ScaleOf:
    """A ``scale_of`` for one budget: two ReplicaSets of one Deployment count as the Deployment, once."""
    seen: set[str] = set()

    def scale_of(owner: OwnerRef) -> Scale:
        key = ownership.scale_key(owner, workloads)
        if key in seen:
            return Scale(0)
        seen.add(key)
        return ownership.scale(owner, workloads)

    return scale_of


def allowed(healthy: int, aim: BudgetTarget) -> int:
    """Evictions that the budget allows now; never negative, and none when it expects no pods."""
    if aim.reason == "SyncFailed" or aim.expected <= 0:
        return 0
    return max(0, healthy - aim.desired)


def with_status(budget: Budget, now: BudgetStatus) -> Budget:
    """The budget with that status, observed at its present generation. SyncFailed keeps the other counts."""
    if now.reason == "SyncFailed":
        return msgspec.structs.replace(
            budget, allowed=0, reason="SyncFailed", message=now.message, observed_generation=budget.generation
        )
    return msgspec.structs.replace(
        budget,
        expected=now.expected,
        desired=now.desired,
        healthy=now.healthy,
        allowed=now.allowed,
        reason=now.reason,
        message=now.message,
        observed_generation=budget.generation,
    )


def spend(budget: Budget, pod: str, now_ms: int) -> Budget:
    """The budget right after it let that pod be evicted: one fewer allowed, the pod noted as disrupted."""
    others = tuple(item for item in budget.disrupted if item[0] != pod)
    return msgspec.structs.replace(budget, allowed=budget.allowed - 1, disrupted=(*others, (pod, now_ms)))


def never_allows(budget: Budget) -> str:
    """Why the budget's own text allows no eviction however many replicas there are; empty when it may allow one."""
    if budget.max_unavailable is not None and (budget.max_unavailable == 0 or percentage(budget.max_unavailable) == 0):
        return f"maxUnavailable is {budget.max_unavailable}"
    share = percentage(budget.min_available)
    if share is not None and share >= 100:
        return f"minAvailable is {budget.min_available}"
    if budget.max_unavailable is None and budget.min_available is None:
        return "it has neither minAvailable nor maxUnavailable"
    return ""


def _cannot_scale(owner: OwnerRef, scale: Scale) -> str:
    if scale.why == "gone":
        return f"found no controller {owner.kind} {owner.name}"
    if scale.why == "no-scale":
        return f"{owner.kind} {owner.name} does not implement the scale subresource"
    return f"whether {owner.kind} {owner.name} implements the scale subresource is not known"
