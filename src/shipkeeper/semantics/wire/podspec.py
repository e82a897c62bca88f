"""Pod specs as the API writes them: only what changes what maintenance does. Environment is never decoded."""

from __future__ import annotations

from msgspec import Raw, field

from shipkeeper.semantics.wire.raw import Number, Present, Wire, WireRequirement, WireSelector


class WireResources(Wire):
    """resources of a container or of a pod."""

    requests: dict[str, Number] | None = None
    limits: dict[str, Number] | None = None


class WirePort(Wire):
    """ports[] of a container."""

    container_port: int | None = None
    host_port: int | None = None
    protocol: str | None = None
    host_ip: str | None = field(name="hostIP", default=None)


class WireLifecycle(Wire):
    """lifecycle of a container."""

    pre_stop: Present | None = None


class WireContainer(Wire):
    """A container or an init container (``restartPolicy: Always`` makes it a sidecar)."""

    name: str | None = None
    image: str | None = None
    resources: WireResources | None = None
    ports: list[WirePort] | None = None
    lifecycle: WireLifecycle | None = None
    restart_policy: str | None = None


class WireNodeTerm(Wire):
    """A nodeSelectorTerm."""

    match_expressions: list[WireRequirement] | None = None
    match_fields: list[WireRequirement] | None = None


class WireNodeSelector(Wire):
    """A node selector: its terms are alternatives."""

    node_selector_terms: list[WireNodeTerm] | None = None


class WireNodeAffinity(Wire):
    """affinity.nodeAffinity; preferences are skipped."""

    required: WireNodeSelector | None = field(name="requiredDuringSchedulingIgnoredDuringExecution", default=None)


class WirePodTerm(Wire):
    """A required pod affinity term."""

    topology_key: str
    label_selector: WireSelector | None = None
    namespaces: list[str] | None = None
    namespace_selector: WireSelector | None = None


class WirePodAffinity(Wire):
    """affinity.podAffinity or podAntiAffinity; preferences are skipped."""

    required: list[WirePodTerm] | None = field(name="requiredDuringSchedulingIgnoredDuringExecution", default=None)


class WireAffinity(Wire):
    """affinity."""

    node_affinity: WireNodeAffinity | None = None
    pod_affinity: WirePodAffinity | None = None
    pod_anti_affinity: WirePodAffinity | None = None


class WireToleration(Wire):
    """tolerations[]."""

    key: str | None = None
    operator: str | None = None
    value: str | None = None
    effect: str | None = None
    toleration_seconds: int | None = None


class WireSpread(Wire):
    """topologySpreadConstraints[]."""

    topology_key: str
    max_skew: int
    when_unsatisfiable: str | None = None
    label_selector: WireSelector | None = None
    min_domains: int | None = None
    node_affinity_policy: str | None = None
    node_taints_policy: str | None = None
    match_label_keys: list[str] | None = None


class WireNamed(Wire):
    """Something with a name."""

    name: str


class WireClaimSource(Wire):
    """volumes[].persistentVolumeClaim."""

    claim_name: str


class WirePodSpec(Wire):
    """spec of a pod or of a template. Volumes stay raw: their kinds matter, what they name does not."""

    containers: list[WireContainer] | None = None
    init_containers: list[WireContainer] | None = None
    volumes: list[dict[str, Raw]] | None = None
    node_name: str | None = None
    node_selector: dict[str, str | None] | None = None
    affinity: WireAffinity | None = None
    tolerations: list[WireToleration] | None = None
    topology_spread_constraints: list[WireSpread] | None = None
    termination_grace_period_seconds: int | None = None
    priority: int | None = None
    priority_class_name: str | None = None
    preemption_policy: str | None = None
    host_network: bool | None = None
    scheduler_name: str | None = None
    scheduling_gates: list[WireNamed] | None = None
    overhead: dict[str, Number] | None = None
    restart_policy: str | None = None
    resources: WireResources | None = None
