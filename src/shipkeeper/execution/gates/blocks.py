"""What blocks a drain for good, or should be looked at before it begins."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from shipkeeper.execution.baseline import changed_budget
from shipkeeper.execution.context import Run
from shipkeeper.model.pods import Pod
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.workloads import Workload
from shipkeeper.ports.gates import GateReading
from shipkeeper.semantics.budgets import BudgetIndex
from shipkeeper.semantics.drain import DrainSet
from shipkeeper.semantics.eviction import decide
from shipkeeper.semantics.rollouts import in_flight

_LEAVE = {
    "empty-dir": "would lose what it keeps in an emptyDir (--delete-emptydir-data would let it go)",
    "unmanaged": "has no controller and would not come back (--allow-unmanaged would let it go)",
}


class Blocker(Struct, frozen=True):
    """A pod that cannot go. ``rule`` is stable: empty-dir, unmanaged, two-budgets, budget-sync-failed,
    budget-never-allows, budget-spent, refused, busy, namespace-terminating, stuck.
    """

    pod: Pod
    rule: str
    reason: str
    object: str


def forbidden(sorted_pods: DrainSet) -> tuple[Blocker, ...]:
    """Pods that the plan does not allow to be moved."""
    return tuple(
        Blocker(item.pod, item.reason, f"{item.pod.namespace}/{item.pod.name} {_LEAVE[item.reason]}", str(item.pod.ref))
        for item in sorted_pods.blocked
    )


def hopeless(pod: Pod, budgets: BudgetIndex) -> Blocker | None:
    """Why evicting the pod can never succeed as things are; None when it may, now or later."""
    matching = budgets.matching(pod.namespace, pod.shape.labels)
    decision = decide(pod, matching)
    name = f"{pod.namespace}/{pod.name}"
    if decision.outcome == "hopeless":
        both = " and ".join(budget.name for budget in matching)
        return Blocker(pod, "two-budgets", f"{name} is under two budgets ({both}), which never works", str(pod.ref))
    if decision.outcome != "spent":
        return None
    budget = matching[0]
    if budget.reason == "SyncFailed":
        words = f"budget {budget.namespace}/{budget.name} cannot be computed and allows nothing: {budget.message}"
        return Blocker(pod, "budget-sync-failed", words, str(budget.ref))
    if budget.observed_generation >= budget.generation and budget.desired >= budget.expected:
        words = (
            f"budget {budget.namespace}/{budget.name} wants {budget.desired} healthy of {budget.expected} pods: "
            f"it can never let {name} go"
        )
        return Blocker(pod, "budget-never-allows", words, str(budget.ref))
    return None


def reading_of(blockers: Sequence[Blocker]) -> GateReading:
    """Gate nothing-blocks over these."""
    if not blockers:
        return GateReading("nothing-blocks", "open", "no pod or budget blocks")
    first = blockers[0]
    more = f"; and {len(blockers) - 1} more" if len(blockers) > 1 else ""
    return GateReading(
        "nothing-blocks", "closed", f"{len(blockers)} blocked", reason=first.reason + more, object=first.object
    )


# --- before the next batch -----------------------------------------------------------------


async def nothing_changed(run: Run, pods: Sequence[Pod]) -> GateReading:
    """Before the next node: no budget over these pods changed since the baseline, and no rollout is in flight."""
    found = await changed_budget(run, pods)
    if found is not None:
        changed, what = found
        return GateReading(
            "nothing-blocks",
            "closed",
            f"{changed.ref} {what}",
            reason=f"budget {changed.namespace}/{changed.name} {what} since the run began",
            object=str(changed.ref),
            fix="see that this is meant, and approve it",
        )
    rolling = await _rollout(run, pods)
    if rolling is not None:
        workload, why = rolling
        return GateReading(
            "nothing-blocks",
            "closed",
            f"{workload.ref}: {why}",
            reason=f"a rollout of {workload.ref} is in flight: {why}",
            object=str(workload.ref),
            retry=True,
        )
    return GateReading("nothing-blocks", "open", "budgets as at the start, no rollout in flight")


async def _rollout(run: Run, pods: Sequence[Pod]) -> tuple[Workload, str] | None:
    tops = await run.health.tops(pods)
    refs: list[ObjectRef] = sorted({ref for ref, uid in tops.values() if not uid})
    if not refs:
        return None
    for workload in await run.api.workloads(refs):
        if workload is not None and (why := in_flight(workload)):
            return workload, why
    return None
