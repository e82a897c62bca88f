"""Pods: what all pods of one template share (PodShape), and what is a pod's own (Pod)."""

from __future__ import annotations

from msgspec import Struct

from shipkeeper.model.labels import Requirement, Selector
from shipkeeper.model.refs import ObjectRef, OwnerRef


class Toleration(Struct, frozen=True):
    """``operator`` is Equal or Exists; an empty key with Exists tolerates all; ``seconds`` only for NoExecute."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""
    seconds: int | None = None


class NodeTerm(Struct, frozen=True):
    """One nodeSelectorTerm: all label expressions and all field expressions (metadata.name) must hold."""

    expressions: tuple[Requirement, ...] = ()
    fields: tuple[Requirement, ...] = ()


class PodTerm(Struct, frozen=True):
    """One required pod (anti-)affinity term."""

    topology_key: str
    selector: Selector | None = None
    namespaces: tuple[str, ...] = ()
    namespace_selector: Selector | None = None


class SpreadConstraint(Struct, frozen=True):
    """One topologySpreadConstraint. ``hard`` is DoNotSchedule; otherwise it only scores."""

    topology_key: str
    max_skew: int
    hard: bool
    selector: Selector | None = None
    min_domains: int = 1
    node_affinity_policy: str = "Honor"
    node_taints_policy: str = "Ignore"
    match_label_keys: tuple[str, ...] = ()


class HostPort(Struct, frozen=True):
    """A port of the node that a pod claims. An empty ``ip`` (0.0.0.0) clashes with every address."""

    port: int
    protocol: str = "TCP"
    ip: str = ""


class PodShape(Struct, frozen=True):
    """What all pods of one template share; interned, so that 150,000 pods hold a few thousand of these.

    ``requests`` follows the scheduler's formula (init containers, sidecars and overhead included).
    ``grace_ms`` is terminationGracePeriodSeconds. ``volumes`` names the kinds of volume besides claims
    (emptyDir, hostPath, …). ``annotations`` keeps only those that change what maintenance does
    (``semantics.wire.KEPT_ANNOTATIONS``).
    """

    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    requests: dict[str, int] = {}
    grace_ms: int = 30_000
    priority: int = 0
    priority_class: str = ""
    preemption: bool = True
    node_selector: dict[str, str] = {}
    node_terms: tuple[NodeTerm, ...] = ()
    pod_affinity: tuple[PodTerm, ...] = ()
    pod_anti_affinity: tuple[PodTerm, ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    spread: tuple[SpreadConstraint, ...] = ()
    host_ports: tuple[HostPort, ...] = ()
    host_network: bool = False
    volumes: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    scheduler: str = "default-scheduler"
    scheduling_gates: tuple[str, ...] = ()
    containers: int = 1
    without_requests: int = 0
    """How many containers have no CPU or no memory request."""
    has_pre_stop: bool = False
    restart_policy: str = "Always"

    @property
    def has_empty_dir(self) -> bool:
        """Whether evicting loses what the pod wrote to an emptyDir volume (memory-backed ones included)."""
        return "emptyDir" in self.volumes


class Pod(Struct, frozen=True):
    """One pod. ``owner`` is its direct controller. ``deletion_ms`` is the deletionTimestamp, which already
    includes the grace period: it is the deadline, not the request.
    """

    namespace: str
    name: str
    uid: str
    shape: PodShape
    node: str = ""
    owner: OwnerRef | None = None
    phase: str = "Running"
    ready: bool = False
    created_ms: int = 0
    scheduled_ms: int = 0
    ready_ms: int = 0
    """When the Ready condition last changed; 0 when not known."""
    deletion_ms: int | None = None
    deletion_grace_ms: int | None = None
    finalizers: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    """Names of the PersistentVolumeClaims in its namespace that it mounts."""
    mirror: bool = False
    """A static pod's mirror: the kubelet owns it, the API server cannot evict it."""
    restarts: int = 0
    waiting: str = ""
    """Reason a container waits, such as CrashLoopBackOff or ImagePullBackOff; empty when none does."""
    resource_version: str = ""

    @property
    def ref(self) -> ObjectRef:
        """The pod's name as an ObjectRef."""
        return ObjectRef("Pod", self.namespace, self.name)

    @property
    def finished(self) -> bool:
        """Phase Succeeded or Failed: the containers have ended for good."""
        return self.phase in ("Succeeded", "Failed")

    @property
    def terminating(self) -> bool:
        """A deletion was requested and the object is still there."""
        return self.deletion_ms is not None

    @property
    def daemon(self) -> bool:
        """Owned by a DaemonSet; kubectl decides by the owner's kind alone."""
        return self.owner is not None and self.owner.kind == "DaemonSet"
