"""The rest of a cluster that changes what a drain does, and what identifies a cluster."""

from __future__ import annotations

from msgspec import Struct

from shipkeeper.model.labels import Selector
from shipkeeper.model.refs import ObjectRef


class ClusterIdentity(Struct, frozen=True):
    """What a plan is bound to: a context that points elsewhere today is how the wrong cluster gets drained.

    ``uid`` is the UID of namespace kube-system; ``ca_digest`` the SHA-256 of the CA bundle (hex, empty where
    the source has none); ``server_version`` such as v1.36.3 (empty when the source does not tell).
    """

    uid: str = ""
    ca_digest: str = ""
    server_version: str = ""
    name: str = ""


class Namespace(Struct, frozen=True):
    """A namespace; ``terminating`` while it is being deleted."""

    name: str
    uid: str = ""
    labels: dict[str, str] = {}
    terminating: bool = False


class PriorityClass(Struct, frozen=True):
    """A priority class."""

    name: str
    value: int
    global_default: bool = False
    preemption: bool = True


class Quota(Struct, frozen=True):
    """A ResourceQuota: hard limits and use by resource name (model units)."""

    namespace: str
    name: str
    hard: dict[str, int] = {}
    used: dict[str, int] = {}
    scopes: tuple[str, ...] = ()


class LimitRange(Struct, frozen=True):
    """Default requests that a namespace gives to containers without any (model units)."""

    namespace: str
    name: str
    default_requests: dict[str, int] = {}


class Webhook(Struct, frozen=True):
    """One webhook of a validating or mutating configuration. ``fail_closed``: failurePolicy Fail."""

    configuration: str
    name: str
    kind: str
    """ValidatingWebhookConfiguration or MutatingWebhookConfiguration."""
    fail_closed: bool = True
    service: tuple[str, str] | None = None
    """(namespace, name) of the Service it calls; None for a URL."""
    rules: tuple[tuple[str, str, str], ...] = ()
    """(operation, API group, resource) triples it intercepts; ``*`` matches all."""
    namespace_selector: Selector | None = None
    timeout_ms: int = 10_000
    object_selector: Selector | None = None
    """Labels that an object must carry for the webhook to be asked; None: any object."""


class ApiService(Struct, frozen=True):
    """An aggregated API. Local ones (no service) are left out of inventories."""

    name: str
    service: tuple[str, str] | None = None
    available: bool | None = None
    group: str = ""


class Service(Struct, frozen=True):
    """A Service and what it selects (None: endpoints are managed by hand)."""

    namespace: str
    name: str
    selector: dict[str, str] | None = None
    type: str = "ClusterIP"


class EndpointSlice(Struct, frozen=True):
    """Addresses behind a Service: (pod name or empty, node or empty, ready)."""

    namespace: str
    name: str
    service: str = ""
    endpoints: tuple[tuple[str, str, bool], ...] = ()


class Autoscaler(Struct, frozen=True):
    """A HorizontalPodAutoscaler."""

    namespace: str
    name: str
    target: ObjectRef
    minimum: int = 1
    maximum: int = 1
    current: int = 0


class Lease(Struct, frozen=True):
    """A coordination.k8s.io Lease. Durations in milliseconds; times as epoch milliseconds."""

    namespace: str
    name: str
    holder: str = ""
    duration_ms: int = 0
    acquired_ms: int = 0
    renewed_ms: int = 0
    transitions: int = 0
    annotations: dict[str, str] = {}
    uid: str = ""
    resource_version: str = ""

    @property
    def ref(self) -> ObjectRef:
        """The lease's name as an ObjectRef."""
        return ObjectRef("Lease", self.namespace, self.name)


class Event(Struct, frozen=True):
    """A core Event, kept only for measuring how long things take."""

    namespace: str
    object: ObjectRef
    reason: str
    first_ms: int = 0
    last_ms: int = 0
    count: int = 1
