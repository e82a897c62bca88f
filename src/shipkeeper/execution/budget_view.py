"""Budgets as a drain last saw them, by namespace: from a list, and then from a watch."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from shipkeeper.execution.gates.blocks import Blocker, hopeless
from shipkeeper.model.pods import Pod
from shipkeeper.model.workloads import Budget
from shipkeeper.semantics.budgets import compile_budgets


class BudgetView:
    """What is known of budgets. Never decides an eviction: the API server does."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Budget]] = {}

    def follows(self, namespace: str) -> bool:
        """Whether the namespace's budgets are known."""
        return namespace in self._known

    def learn(self, namespace: str, budgets: Sequence[Budget]) -> None:
        """Take a list of them."""
        self._known[namespace] = {item.name: item for item in budgets}

    def put(self, budget: Budget) -> None:
        """Take a newer state of one."""
        self._known.setdefault(budget.namespace, {})[budget.name] = budget

    def forget(self, budget: Budget) -> None:
        """It was deleted."""
        self._known.get(budget.namespace, {}).pop(budget.name, None)

    def allowed(self, namespace: str, name: str) -> int:
        """Evictions that it allowed when last seen, less what was spent since."""
        budget = self._known.get(namespace, {}).get(name)
        return budget.allowed if budget is not None else 0

    def spend(self, namespace: str, name: str) -> int:
        """Count one eviction; returns what is left."""
        budget = self._known.get(namespace, {}).get(name)
        if budget is None:
            return 0
        self._known[namespace][name] = replace(budget, allowed=max(0, budget.allowed - 1))
        return max(0, budget.allowed - 1)

    def name_for(self, pod: Pod) -> str:
        """The one budget that covers the pod, or empty."""
        found = self._matching(pod)
        return found[0].name if len(found) == 1 else ""

    def hopeless(self, pod: Pod) -> Blocker | None:
        """Why the pod can never be evicted as things are."""
        return hopeless(pod, compile_budgets(self._known.get(pod.namespace, {}).values()))

    def _matching(self, pod: Pod) -> list[Budget]:
        index = compile_budgets(self._known.get(pod.namespace, {}).values())
        return index.matching(pod.namespace, pod.shape.labels)
