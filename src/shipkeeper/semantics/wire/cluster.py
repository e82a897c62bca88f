"""Namespaces, priorities, quotas, limit ranges, leases and events."""

from __future__ import annotations

from msgspec import field

from shipkeeper.model.cluster import Event, Lease, LimitRange, Namespace, PriorityClass, Quota
from shipkeeper.model.refs import ObjectRef
from shipkeeper.semantics.wire.raw import (
    Number,
    Time,
    Wire,
    WireMeta,
    amounts_of,
    annotations_of,
    labels_of,
    ms,
)
from shipkeeper.semantics.wire.reader import Reader
from shipkeeper.semantics.wire.storage import WirePhase


class WireNamespace(Wire):
    """A Namespace."""

    metadata: WireMeta
    status: WirePhase | None = None


class WirePriorityClass(Wire):
    """A PriorityClass."""

    metadata: WireMeta
    value: int
    global_default: bool | None = None
    preemption_policy: str | None = None


class WireScope(Wire):
    """scopeSelector.matchExpressions[]."""

    scope_name: str
    operator: str
    values: list[str] | None = None


class WireScopeSelector(Wire):
    """scopeSelector."""

    match_expressions: list[WireScope] | None = None


class WireQuotaSpec(Wire):
    """spec of a ResourceQuota."""

    hard: dict[str, Number] | None = None
    scopes: list[str] | None = None
    scope_selector: WireScopeSelector | None = None


class WireQuotaStatus(Wire):
    """status of a ResourceQuota."""

    hard: dict[str, Number] | None = None
    used: dict[str, Number] | None = None


class WireQuota(Wire):
    """A ResourceQuota."""

    metadata: WireMeta
    spec: WireQuotaSpec | None = None
    status: WireQuotaStatus | None = None


class WireLimit(Wire):
    """limits[] of a LimitRange."""

    type: str
    default_request: dict[str, Number] | None = None
    default: dict[str, Number] | None = None


class WireLimitSpec(Wire):
    """spec of a LimitRange."""

    limits: list[WireLimit] | None = None


class WireLimitRange(Wire):
    """A LimitRange."""

    metadata: WireMeta
    spec: WireLimitSpec | None = None


class WireLeaseSpec(Wire):
    """spec of a Lease."""

    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: Time | None = None
    renew_time: Time | None = None
    lease_transitions: int | None = None


class WireLease(Wire):
    """A Lease."""

    metadata: WireMeta
    spec: WireLeaseSpec | None = None


class WireObjectRef(Wire):
    """involvedObject of an event."""

    kind: str | None = None
    namespace: str | None = None
    name: str | None = None


class WireSeries(Wire):
    """series of an event."""

    count: int | None = None
    last_observed_time: Time | None = None


class WireEvent(Wire):
    """A core event. Its message is not read: it may repeat anything."""

    metadata: WireMeta
    object: WireObjectRef | None = field(name="involvedObject", default=None)
    reason: str | None = None
    first_timestamp: Time | None = None
    last_timestamp: Time | None = None
    event_time: Time | None = None
    count: int | None = None
    series: WireSeries | None = None


def _namespace(wire: WireNamespace) -> tuple[Namespace]:
    meta = wire.metadata
    terminating = meta.deletion_timestamp is not None or bool(wire.status and wire.status.phase == "Terminating")
    return (Namespace(meta.name, meta.uid or "", labels_of(meta.labels), terminating),)


def _priority_class(wire: WirePriorityClass) -> tuple[PriorityClass]:
    return (
        PriorityClass(
            wire.metadata.name, wire.value, bool(wire.global_default), (wire.preemption_policy or "") != "Never"
        ),
    )


def _quota(wire: WireQuota) -> tuple[Quota]:
    spec = wire.spec or WireQuotaSpec()
    status = wire.status or WireQuotaStatus()
    selected = spec.scope_selector.match_expressions or () if spec.scope_selector else ()
    told = (" ".join((item.scope_name, item.operator, ",".join(item.values or ()))).strip() for item in selected)
    return (
        Quota(
            namespace=wire.metadata.namespace or "default",
            name=wire.metadata.name,
            hard=amounts_of(spec.hard if spec.hard is not None else status.hard),
            used=amounts_of(status.used),
            scopes=(*(spec.scopes or ()), *told),
        ),
    )


def _limit_range(wire: WireLimitRange) -> tuple[LimitRange]:
    """Defaults of a namespace; a default limit stands for a default request that is not given."""
    defaults: dict[str, int] = {}
    for limit in wire.spec.limits or () if wire.spec else ():
        if limit.type == "Container":
            defaults.update({**amounts_of(limit.default), **amounts_of(limit.default_request)})
    meta = wire.metadata
    return (LimitRange(meta.namespace or "default", meta.name, {name: defaults[name] for name in sorted(defaults)}),)


def _lease(wire: WireLease) -> tuple[Lease]:
    meta = wire.metadata
    spec = wire.spec or WireLeaseSpec()
    return (
        Lease(
            namespace=meta.namespace or "default",
            name=meta.name,
            holder=spec.holder_identity or "",
            duration_ms=1_000 * (spec.lease_duration_seconds or 0),
            acquired_ms=ms(spec.acquire_time),
            renewed_ms=ms(spec.renew_time),
            transitions=spec.lease_transitions or 0,
            annotations=annotations_of(meta.annotations),
            uid=meta.uid or "",
            resource_version=meta.resource_version or "",
        ),
    )


def _event(wire: WireEvent) -> tuple[Event]:
    about = wire.object or WireObjectRef()
    series = wire.series or WireSeries()
    first = wire.first_timestamp or wire.event_time or wire.metadata.creation_timestamp
    last = series.last_observed_time or wire.last_timestamp or wire.event_time or first
    return (
        Event(
            namespace=wire.metadata.namespace or "default",
            object=ObjectRef(about.kind or "", about.namespace or "", about.name or ""),
            reason=wire.reason or "",
            first_ms=ms(first),
            last_ms=ms(last),
            count=series.count or wire.count or 1,
        ),
    )


NAMESPACES: Reader[Namespace] = Reader(
    "namespaces", "Namespace", "/api/v1", Namespace, WireNamespace, _namespace, namespaced=False
)
PRIORITY_CLASSES: Reader[PriorityClass] = Reader(
    "priorityclasses",
    "PriorityClass",
    "/apis/scheduling.k8s.io/v1",
    PriorityClass,
    WirePriorityClass,
    _priority_class,
    namespaced=False,
)
QUOTAS: Reader[Quota] = Reader("resourcequotas", "ResourceQuota", "/api/v1", Quota, WireQuota, _quota)
LIMIT_RANGES: Reader[LimitRange] = Reader(
    "limitranges", "LimitRange", "/api/v1", LimitRange, WireLimitRange, _limit_range
)
LEASES: Reader[Lease] = Reader("leases", "Lease", "/apis/coordination.k8s.io/v1", Lease, WireLease, _lease)
EVENTS: Reader[Event] = Reader("events", "Event", "/api/v1", Event, WireEvent, _event)
