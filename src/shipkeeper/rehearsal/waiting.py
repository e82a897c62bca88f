"""Pods that found no node, as the reason behind another pod that may not go."""

from __future__ import annotations

from shipkeeper.twin import Twin


class Waiting:
    """Pending pods of a twin at the end of its night, by budget and by workload."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._by_budget: dict[int, str] = {}
        self._by_workload: dict[str, str] = {}
        base, pods = twin.world.base, twin.world.pods
        for row, reason in twin.scheduler.pending():
            group = base.groups[pods.group[row]]
            workload = str(base.tops[group.top].ref)
            self._by_workload.setdefault(workload, f"; a pod of it found no node ({reason})")
            for budget in group.budgets:
                self._by_budget.setdefault(budget, f"; a pod of {workload} found no node ({reason})")

    def behind(self, pod: str) -> str:
        """Words on a Pending pod under the same budget as that one (``namespace/name``); empty without one.

        Under two budgets the pod may never go, whoever waits.
        """
        namespace, _, name = pod.partition("/")
        row = self._twin.world.pods.find(namespace, name)
        if row < 0:
            return ""
        budgets = self._twin.world.base.groups[self._twin.world.pods.group[row]].budgets
        return self._by_budget.get(budgets[0], "") if len(budgets) == 1 else ""

    def of_workload_in(self, text: str) -> str:
        """Words on a Pending pod of the workload that a text begins with; empty without one."""
        return next((words for workload, words in self._by_workload.items() if text.startswith(workload)), "")
