"""Pods and pod templates."""

from __future__ import annotations

import msgspec

from shipkeeper.model.errors import BadInput
from shipkeeper.model.pods import Pod, PodShape
from shipkeeper.model.refs import OwnerRef
from shipkeeper.model.table import PodTableBuilder
from shipkeeper.semantics.wire.images import ImageTally
from shipkeeper.semantics.wire.podspec import WirePodSpec
from shipkeeper.semantics.wire.raw import Time, Wire, WireOwner, ms, ms_or_none, owner_of
from shipkeeper.semantics.wire.reader import Page, Reader
from shipkeeper.semantics.wire.shapes import drop_node_pin, grace_ms_of, shape_of, volumes_of

_MOST_RESTARTS = 2**31 - 1
_BENIGN_WAITS = frozenset({"ContainerCreating", "PodInitializing"})
_encode_key = msgspec.msgpack.Encoder().encode


class WirePodAnnotations(Wire):
    """The annotations of a pod that change what maintenance does. No other is decoded."""

    mirror: str | None = msgspec.field(name="kubernetes.io/config.mirror", default=None)
    safe_to_evict: str | None = msgspec.field(name="cluster-autoscaler.kubernetes.io/safe-to-evict", default=None)
    safe_volumes: str | None = msgspec.field(
        name="cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes", default=None
    )
    no_disruption: str | None = msgspec.field(name="karpenter.sh/do-not-disrupt", default=None)
    no_eviction: str | None = msgspec.field(name="karpenter.sh/do-not-evict", default=None)
    descheduler: str | None = msgspec.field(name="descheduler.alpha.kubernetes.io/evict", default=None)


_ANNOTATION_KEYS = tuple(
    (info.name, info.encode_name) for info in msgspec.structs.fields(WirePodAnnotations) if info.name != "mirror"
)


class WireTemplateMeta(Wire):
    """metadata of a template."""

    labels: dict[str, str | None] | None = None
    annotations: WirePodAnnotations | None = None


class WirePodMeta(Wire):
    """metadata of a pod."""

    name: str
    namespace: str | None = None
    uid: str | None = None
    labels: dict[str, str | None] | None = None
    annotations: WirePodAnnotations | None = None
    owner_references: list[WireOwner] | None = None
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    deletion_grace_period_seconds: int | None = None
    finalizers: list[str] | None = None
    resource_version: str | None = None


class WirePodCondition(Wire):
    """status.conditions[]."""

    type: str
    status: str
    last_transition_time: Time | None = None


class WireWaiting(Wire):
    """state.waiting of a container."""

    reason: str | None = None


class WireState(Wire):
    """state of a container."""

    waiting: WireWaiting | None = None


class WireContainerStatus(Wire):
    """status.containerStatuses[]."""

    name: str | None = None
    image_id: str | None = msgspec.field(name="imageID", default=None)
    restart_count: int | None = None
    state: WireState | None = None


class WirePodStatus(Wire):
    """status."""

    phase: str | None = None
    conditions: list[WirePodCondition] | None = None
    container_statuses: list[WireContainerStatus] | None = None
    init_container_statuses: list[WireContainerStatus] | None = None


_NO_STATUS = WirePodStatus()


class WirePod(Wire):
    """A pod."""

    metadata: WirePodMeta
    spec: WirePodSpec | None = None
    status: WirePodStatus | None = None


class WireTemplate(Wire):
    """A PodTemplateSpec."""

    metadata: WireTemplateMeta | None = None
    spec: WirePodSpec | None = None


class _Own(msgspec.Struct, gc=False):
    """What was taken off a pod's document because it is the pod's own, not its shape's."""

    node: str
    mirror: bool
    owner: OwnerRef | None
    kinds: tuple[str, ...]
    claims: tuple[str, ...]


def template_shape(template: WireTemplate | None) -> PodShape | None:
    """The shape that pods of a template will have, as far as the template tells."""
    if template is None or template.spec is None:
        return None
    meta = template.metadata or WireTemplateMeta()
    kinds, _ = volumes_of(template.spec.volumes, "")
    return shape_of(meta.labels, _kept(meta.annotations), template.spec, kinds)


def _take_own(wire: WirePod) -> _Own:
    """Move what is the pod's own out of the document, so that pods of one template are left equal."""
    meta, spec = wire.metadata, wire.spec
    if spec is None:
        spec = wire.spec = WirePodSpec()
    kinds, claims = volumes_of(spec.volumes, meta.name)
    owner = owner_of(meta.owner_references)
    if owner is not None and owner.kind == "DaemonSet":
        drop_node_pin(spec)
    own = _Own(spec.node_name or "", False, owner, kinds, claims)
    spec.node_name = spec.volumes = None
    if meta.annotations is not None:
        own.mirror = meta.annotations.mirror is not None
        meta.annotations.mirror = None
    return own


def _shape(wire: WirePod, own: _Own) -> PodShape:
    meta = wire.metadata
    return shape_of(meta.labels, _kept(meta.annotations), wire.spec or WirePodSpec(), own.kinds)


def _pod(wire: WirePod, own: _Own, shape: PodShape) -> Pod:
    meta = wire.metadata
    status = wire.status or _NO_STATUS
    ready, ready_ms, scheduled_ms = _readiness(status)
    grace_s = meta.deletion_grace_period_seconds
    return Pod(
        namespace=meta.namespace or "default",
        name=meta.name,
        uid=meta.uid or "",
        shape=shape,
        node=own.node,
        owner=own.owner,
        phase=status.phase or "Pending",
        ready=ready,
        created_ms=ms(meta.creation_timestamp),
        scheduled_ms=scheduled_ms,
        ready_ms=ready_ms,
        deletion_ms=ms_or_none(meta.deletion_timestamp),
        deletion_grace_ms=None if grace_s is None else grace_ms_of(grace_s),
        finalizers=tuple(meta.finalizers or ()),
        claims=own.claims,
        mirror=own.mirror,
        restarts=min(_MOST_RESTARTS, sum(item.restart_count or 0 for item in status.container_statuses or ())),
        waiting=_waiting(status),
        resource_version=meta.resource_version or "",
    )


def _convert(wire: WirePod) -> tuple[Pod]:
    own = _take_own(wire)
    return (_pod(wire, own, _shape(wire, own)),)


def _readiness(status: WirePodStatus) -> tuple[bool, int, int]:
    """(Ready, when that last changed, when the pod was scheduled)."""
    ready, ready_ms, scheduled_ms = False, 0, 0
    for condition in status.conditions or ():
        if condition.type == "Ready":
            ready, ready_ms = condition.status == "True", ms(condition.last_transition_time)
        elif condition.type == "PodScheduled" and condition.status == "True":
            scheduled_ms = ms(condition.last_transition_time)
    return ready, ready_ms, scheduled_ms


def _waiting(status: WirePodStatus) -> str:
    """The reason worth telling: a real trouble before the ordinary wait for start."""
    ordinary = ""
    for item in (*(status.init_container_statuses or ()), *(status.container_statuses or ())):
        if item.state is None or item.state.waiting is None:
            continue
        reason = item.state.waiting.reason or ""
        if reason and reason not in _BENIGN_WAITS:
            return reason
        ordinary = ordinary or reason
    return ordinary


def _kept(annotations: WirePodAnnotations | None) -> dict[str, str]:
    if annotations is None:
        return {}
    values = ((key, getattr(annotations, name)) for name, key in _ANNOTATION_KEYS)
    return {key: value for key, value in values if value is not None}


PODS: Reader[Pod] = Reader("pods", "Pod", "/api/v1", Pod, WirePod, _convert)


def pods_into(builder: PodTableBuilder, data: bytes, place: str = "", tally: ImageTally | None = None) -> Page[Pod]:
    """Append a page of a PodList to the builder, keeping neither pods nor page; the Page that returns has no items.

    ``tally`` counts their images.

    Equal templates are recognised by the encoded content of what they share, so that a shape is built once.
    Raises BadInput; pods before the bad one may have been appended, so the builder must then be given up.
    """
    listed = PODS.listed(data, place)
    for wire in listed.items or ():
        _append(builder, wire, place)
        if tally is not None:
            tally.add(wire)
    if listed.metadata is None:
        return Page(())
    return Page((), listed.metadata.resource_version or "", listed.metadata.token or "")


def pod_into(
    builder: PodTableBuilder, data: bytes | msgspec.Raw, place: str = "", tally: ImageTally | None = None
) -> None:
    """Append one pod to the builder. Raises BadInput."""
    wire = PODS.decode(data, place)
    _append(builder, wire, place)
    if tally is not None:
        tally.add(wire)


def _append(builder: PodTableBuilder, wire: WirePod, place: str) -> None:
    try:
        own = _take_own(wire)
        meta = wire.metadata
        key = _encode_key((meta.labels, meta.annotations, wire.spec, own.kinds))
        shape_id = builder.shape_keys.get(key, -1)
        if shape_id < 0:
            shape_id = builder.shape_keys[key] = builder.intern_shape(_shape(wire, own))
        builder.add(_pod(wire, own, builder.shapes[shape_id]), shape_id)
    except (BadInput, OverflowError, msgspec.MsgspecError) as error:
        raise PODS.unusable(wire, place, error) from error
