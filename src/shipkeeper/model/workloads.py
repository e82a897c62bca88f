"""Workloads and the budgets that protect them."""

from __future__ import annotations

from msgspec import Struct

from shipkeeper.model.labels import Selector
from shipkeeper.model.pods import PodShape
from shipkeeper.model.refs import ObjectRef, OwnerRef

IntOrPercent = int | str
"""A count, or a percentage written ``25%``."""


class JobFacts(Struct, frozen=True):
    """What a Job makes of a disruption. ``ignores_disruption``: podFailurePolicy ignores DisruptionTarget."""

    parallelism: int = 1
    completions: int | None = None
    backoff_limit: int = 6
    active: int = 0
    succeeded: int = 0
    failed: int = 0
    ignores_disruption: bool = False
    replacement_policy: str = "TerminatingOrFailed"
    started_ms: int = 0
    finished: str = ""
    """Complete or Failed once it ended; empty before."""
    suspended: bool = False
    backoff_limit_per_index: int | None = None
    """Retries of each index of an indexed Job by itself; None: they share ``backoff_limit``."""


class Workload(Struct, frozen=True):
    """Deployment, ReplicaSet, StatefulSet, DaemonSet, Job, CronJob or ReplicationController.

    ``desired`` is spec.replicas (DaemonSet: desiredNumberScheduled; Job: pods it wants running now).
    """

    kind: str
    namespace: str
    name: str
    uid: str = ""
    owner: OwnerRef | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    desired: int = 0
    ready: int = 0
    available: int = 0
    updated: int = 0
    current: int = 0
    """status.replicas (DaemonSet: currentNumberScheduled)."""
    selector: Selector | None = None
    template: PodShape | None = None
    generation: int = 0
    observed_generation: int = 0
    paused: bool = False
    strategy: str = ""
    """RollingUpdate, Recreate or OnDelete."""
    max_surge: IntOrPercent | None = None
    max_unavailable: IntOrPercent | None = None
    pod_management: str = ""
    """StatefulSet: OrderedReady or Parallel."""
    partition: int = 0
    """StatefulSet: pods with an ordinal below it keep the old template."""
    rolled_out: bool | None = None
    """The newest template was rolled out to the end once, as its controller says; None: it does not say."""
    min_ready_ms: int = 0
    claim_templates: tuple[str, ...] = ()
    job: JobFacts | None = None
    created_ms: int = 0
    resource_version: str = ""

    @property
    def ref(self) -> ObjectRef:
        """The workload's name as an ObjectRef."""
        return ObjectRef(self.kind, self.namespace, self.name)


class Budget(Struct, frozen=True):
    """A PodDisruptionBudget (policy/v1) with the status its controller last wrote.

    ``selector`` None selects nothing, an empty one every pod of the namespace.
    ``disrupted`` lists (pod name, eviction time) that the controller has not yet seen terminate.
    """

    namespace: str
    name: str
    uid: str = ""
    selector: Selector | None = None
    min_available: IntOrPercent | None = None
    max_unavailable: IntOrPercent | None = None
    unhealthy_policy: str = ""
    """AlwaysAllow, IfHealthyBudget, or empty for the default (IfHealthyBudget)."""
    generation: int = 0
    observed_generation: int = 0
    allowed: int = 0
    """status.disruptionsAllowed."""
    healthy: int = 0
    """status.currentHealthy."""
    desired: int = 0
    """status.desiredHealthy."""
    expected: int = 0
    """status.expectedPods."""
    disrupted: tuple[tuple[str, int], ...] = ()
    reason: str = ""
    """Reason of condition DisruptionAllowed: SufficientPods, InsufficientPods or SyncFailed."""
    message: str = ""
    labels: dict[str, str] = {}
    resource_version: str = ""

    @property
    def ref(self) -> ObjectRef:
        """The budget's name as an ObjectRef."""
        return ObjectRef("PodDisruptionBudget", self.namespace, self.name)
