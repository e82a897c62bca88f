"""Services, what is behind them, and what scales it."""

from __future__ import annotations

from shipkeeper.model.cluster import Autoscaler, EndpointSlice, Service
from shipkeeper.model.refs import ObjectRef
from shipkeeper.semantics.wire.raw import Wire, WireMeta, labels_of
from shipkeeper.semantics.wire.reader import Reader

_SERVICE_LABEL = "kubernetes.io/service-name"


class WireServiceSpec(Wire):
    """spec of a Service."""

    selector: dict[str, str | None] | None = None
    type: str | None = None


class WireService(Wire):
    """A Service."""

    metadata: WireMeta
    spec: WireServiceSpec | None = None


class WireTarget(Wire):
    """A reference by kind and name."""

    kind: str | None = None
    name: str | None = None


class WireEndpointConditions(Wire):
    """conditions of an endpoint; ``ready`` unknown counts as ready, as the API asks."""

    ready: bool | None = None


class WireEndpoint(Wire):
    """endpoints[]."""

    target_ref: WireTarget | None = None
    node_name: str | None = None
    conditions: WireEndpointConditions | None = None


class WireEndpointSlice(Wire):
    """An EndpointSlice."""

    metadata: WireMeta
    endpoints: list[WireEndpoint] | None = None


class WireAutoscalerSpec(Wire):
    """spec of a HorizontalPodAutoscaler."""

    scale_target_ref: WireTarget
    max_replicas: int
    min_replicas: int | None = None


class WireAutoscalerStatus(Wire):
    """status of a HorizontalPodAutoscaler."""

    current_replicas: int | None = None


class WireAutoscaler(Wire):
    """A HorizontalPodAutoscaler."""

    metadata: WireMeta
    spec: WireAutoscalerSpec
    status: WireAutoscalerStatus | None = None


def _service(wire: WireService) -> tuple[Service]:
    spec = wire.spec or WireServiceSpec()
    return (
        Service(
            namespace=wire.metadata.namespace or "default",
            name=wire.metadata.name,
            selector=labels_of(spec.selector) or None,
            type=spec.type or "ClusterIP",
        ),
    )


def _endpoint(raw: WireEndpoint) -> tuple[str, str, bool]:
    target = raw.target_ref
    pod = target.name or "" if target and target.kind == "Pod" else ""
    ready = raw.conditions is None or raw.conditions.ready is not False
    return pod, raw.node_name or "", ready


def _slice(wire: WireEndpointSlice) -> tuple[EndpointSlice]:
    meta = wire.metadata
    return (
        EndpointSlice(
            namespace=meta.namespace or "default",
            name=meta.name,
            service=(meta.labels or {}).get(_SERVICE_LABEL) or "",
            endpoints=tuple(_endpoint(item) for item in wire.endpoints or ()),
        ),
    )


def _autoscaler(wire: WireAutoscaler) -> tuple[Autoscaler]:
    meta, spec = wire.metadata, wire.spec
    namespace = meta.namespace or "default"
    return (
        Autoscaler(
            namespace=namespace,
            name=meta.name,
            target=ObjectRef(spec.scale_target_ref.kind or "", namespace, spec.scale_target_ref.name or ""),
            minimum=1 if spec.min_replicas is None else spec.min_replicas,
            maximum=spec.max_replicas,
            current=(wire.status.current_replicas or 0) if wire.status else 0,
        ),
    )


SERVICES: Reader[Service] = Reader("services", "Service", "/api/v1", Service, WireService, _service)
ENDPOINT_SLICES: Reader[EndpointSlice] = Reader(
    "endpointslices", "EndpointSlice", "/apis/discovery.k8s.io/v1", EndpointSlice, WireEndpointSlice, _slice
)
AUTOSCALERS: Reader[Autoscaler] = Reader(
    "horizontalpodautoscalers",
    "HorizontalPodAutoscaler",
    "/apis/autoscaling/v2",
    Autoscaler,
    WireAutoscaler,
    _autoscaler,
)
