"""PodDisruptionBudgets."""

from __future__ import annotations

from shipkeeper.model.labels import Selector
from shipkeeper.model.workloads import Budget
from shipkeeper.semantics.wire.nodes import WireCondition
from shipkeeper.semantics.wire.raw import Portion, Time, Wire, WireMeta, WireSelector, labels_of, ms, selector_of
from shipkeeper.semantics.wire.reader import Reader

_BETA = "policy/v1beta1"


class WireBudgetSpec(Wire):
    """spec of a budget."""

    selector: WireSelector | None = None
    min_available: Portion | None = None
    max_unavailable: Portion | None = None
    unhealthy_pod_eviction_policy: str | None = None


class WireBudgetStatus(Wire):
    """status of a budget."""

    observed_generation: int | None = None
    disruptions_allowed: int | None = None
    current_healthy: int | None = None
    desired_healthy: int | None = None
    expected_pods: int | None = None
    disrupted_pods: dict[str, Time | None] | None = None
    conditions: list[WireCondition] | None = None


class WireBudget(Wire):
    """A PodDisruptionBudget."""

    metadata: WireMeta
    api_version: str | None = None
    spec: WireBudgetSpec | None = None
    status: WireBudgetStatus | None = None


def _budget(wire: WireBudget) -> tuple[Budget]:
    meta = wire.metadata
    spec = wire.spec or WireBudgetSpec()
    status = wire.status or WireBudgetStatus()
    condition = next((c for c in status.conditions or () if c.type == "DisruptionAllowed"), None)
    disrupted = status.disrupted_pods or {}
    return (
        Budget(
            namespace=meta.namespace or "default",
            name=meta.name,
            uid=meta.uid or "",
            selector=_selector(wire.api_version, spec.selector),
            min_available=spec.min_available,
            max_unavailable=spec.max_unavailable,
            unhealthy_policy=spec.unhealthy_pod_eviction_policy or "",
            generation=meta.generation or 0,
            observed_generation=status.observed_generation or 0,
            allowed=status.disruptions_allowed or 0,
            healthy=status.current_healthy or 0,
            desired=status.desired_healthy or 0,
            expected=status.expected_pods or 0,
            disrupted=tuple((name, ms(disrupted[name])) for name in sorted(disrupted)),
            reason=(condition.reason or "") if condition else "",
            message=(condition.message or "") if condition else "",
            labels=labels_of(meta.labels),
            resource_version=meta.resource_version or "",
        ),
    )


def _selector(api_version: str | None, raw: WireSelector | None) -> Selector | None:
    """In policy/v1beta1 an empty selector selects nothing; in policy/v1, everything."""
    selector = selector_of(raw)
    return None if api_version == _BETA and selector == Selector() else selector


BUDGETS: Reader[Budget] = Reader(
    "poddisruptionbudgets", "PodDisruptionBudget", "/apis/policy/v1", Budget, WireBudget, _budget
)
