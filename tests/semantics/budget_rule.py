"""What the disruption controller writes about a budget, in one piece: golden vectors of a real control plane hold it.

The twin counts the same as pods come and go; ``tests/twin/test_budgets.py`` holds it to this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from shipkeeper.model.pods import Pod
from shipkeeper.model.workloads import Budget
from shipkeeper.semantics.budgets import (
    DELETION_TIMEOUT_MS,
    BudgetStatus,
    ScaleOf,
    allowed,
    desired_and_expected,
)
from shipkeeper.semantics.selectors import matches


def matching(budgets: Iterable[Budget], namespace: str, labels: Mapping[str, str]) -> list[Budget]:
    """Budgets of that namespace that cover a pod with these labels."""
    return [budget for budget in budgets if budget.namespace == namespace and matches(budget.selector, labels)]


def healthy_count(budget: Budget, matched_pods: Iterable[Pod], now_ms: int) -> int:
    """Pods that count as healthy: Ready, not being deleted, and not evicted within the last two minutes."""
    evicted = {name: at for name, at in budget.disrupted if at + DELETION_TIMEOUT_MS > now_ms}
    return sum(1 for pod in matched_pods if pod.ready and pod.deletion_ms is None and pod.name not in evicted)


def status(budget: Budget, matched_pods: Sequence[Pod], scale_of: ScaleOf, now_ms: int) -> BudgetStatus:
    """What the disruption controller would write for these pods at that moment."""
    aim = desired_and_expected(budget, matched_pods, scale_of)
    healthy = healthy_count(budget, matched_pods, now_ms)
    may = allowed(healthy, aim)
    reason = aim.reason or ("SufficientPods" if may > 0 else "InsufficientPods")
    return BudgetStatus(aim.expected, aim.desired, healthy, may, reason, aim.message)
