"""The eviction subresource: what the API server answers, and whether a budget pays.

Source: ``pkg/registry/core/pod/storage/eviction.go``; codes as observed on API servers 1.34 and 1.36.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from shipkeeper.model.pods import Pod
from shipkeeper.model.time import SECOND
from shipkeeper.model.workloads import Budget
from shipkeeper.ports.cluster import EvictionOutcome

MAX_DISRUPTED = 2_000
"""More pods than this in ``disruptedPods`` and the API server refuses."""

RETRY_AFTER_MS = 10 * SECOND
"""What the API server asks for while the budget's status lags behind its spec."""

UNHEALTHY_POLICY_MINOR = 27
"""``unhealthyPodEvictionPolicy`` is honoured by default from this minor on."""


class Decision(Struct, frozen=True):
    """One answer. ``decrements``: ``budget`` pays for it. ``outcome`` is the word of ``ports.cluster``."""

    outcome: EvictionOutcome
    code: int
    reason: str
    message: str = ""
    decrements: bool = False
    budget: str = ""
    retry_after_ms: int = 0

    @property
    def accepted(self) -> bool:
        """Whether the pod is deleted."""
        return self.outcome == "accepted"


_DELETED = Decision("accepted", 201, "Success")
_TWO_BUDGETS = Decision(
    "hopeless",
    500,
    "InternalError",
    "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
)
_NAMESPACE_GOES = Decision(
    "namespace-terminating", 403, "Forbidden", "the namespace is being terminated: nothing new is created in it"
)


def decide(pod: Pod, budgets: Sequence[Budget], *, minor: int = 36, namespace_terminating: bool = False) -> Decision:
    """What the API server answers to evicting this pod; ``budgets`` are those that match it.

    A Pending, finished or already terminating pod is deleted without asking any budget.
    """
    free = pod.phase in ("Pending", "Succeeded", "Failed") or pod.deletion_ms is not None
    return decide_state(
        free=free, ready=pod.ready, budgets=budgets, minor=minor, namespace_terminating=namespace_terminating
    )


def decide_state(
    *, free: bool, ready: bool, budgets: Sequence[Budget], minor: int = 36, namespace_terminating: bool = False
) -> Decision:
    """The same without a Pod. ``free``: Pending, finished or terminating; ``budgets``: those that match."""
    if namespace_terminating:
        return _NAMESPACE_GOES
    if free or not budgets:
        return _DELETED
    if len(budgets) > 1:
        return _TWO_BUDGETS
    budget = budgets[0]
    if not ready and _unready_goes(budget, minor):
        return _DELETED
    return _ask(budget)


def _unready_goes(budget: Budget, minor: int) -> bool:
    if budget.unhealthy_policy == "AlwaysAllow" and minor >= UNHEALTHY_POLICY_MINOR:
        return True
    return budget.healthy >= budget.desired > 0


def _ask(budget: Budget) -> Decision:
    name = budget.name
    if budget.observed_generation < budget.generation:
        return Decision(
            "spent",
            429,
            "TooManyRequests",
            f"The disruption budget {name} is still being processed by the server.",
            budget=name,
            retry_after_ms=RETRY_AFTER_MS,
        )
    if budget.allowed < 0:
        return Decision("refused", 403, "Forbidden", "pdb disruptions allowed is negative", budget=name)
    if len(budget.disrupted) > MAX_DISRUPTED:
        return Decision(
            "refused", 403, "Forbidden", "DisruptedPods map too big - too many evictions not confirmed", budget=name
        )
    if budget.allowed == 0:
        return Decision(
            "spent",
            429,
            "TooManyRequests",
            f"The disruption budget {name} needs {budget.desired} healthy pods and has {budget.healthy} currently",
            budget=name,
        )
    return Decision("accepted", 201, "Success", decrements=True, budget=name)
