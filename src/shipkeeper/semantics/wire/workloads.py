"""Workload controllers."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import structs

from shipkeeper.model.labels import Selector
from shipkeeper.model.workloads import Workload
from shipkeeper.semantics.wire.nodes import WireCondition
from shipkeeper.semantics.wire.pods import WireTemplate, template_shape
from shipkeeper.semantics.wire.raw import (
    Portion,
    Wire,
    WireMeta,
    WireSelector,
    annotations_of,
    labels_of,
    ms,
    owner_of,
    selector_of,
)
from shipkeeper.semantics.wire.reader import Reader


class WireRolling(Wire):
    """strategy.rollingUpdate."""

    max_surge: Portion | None = None
    max_unavailable: Portion | None = None
    partition: int | None = None


class WireStrategy(Wire):
    """strategy or updateStrategy."""

    type: str | None = None
    rolling_update: WireRolling | None = None


class WireClaimTemplateMeta(Wire):
    """metadata of a volumeClaimTemplate."""

    name: str


class WireClaimTemplate(Wire):
    """volumeClaimTemplates[]."""

    metadata: WireClaimTemplateMeta


class WireScaledSpec(Wire):
    """spec of Deployment, ReplicaSet, StatefulSet and DaemonSet."""

    replicas: int | None = None
    selector: WireSelector | None = None
    template: WireTemplate | None = None
    strategy: WireStrategy | None = None
    update_strategy: WireStrategy | None = None
    min_ready_seconds: int | None = None
    paused: bool | None = None
    pod_management_policy: str | None = None
    volume_claim_templates: list[WireClaimTemplate] | None = None


class WireScaledStatus(Wire):
    """status of Deployment, ReplicaSet and StatefulSet."""

    replicas: int | None = None
    ready_replicas: int | None = None
    available_replicas: int | None = None
    updated_replicas: int | None = None
    observed_generation: int | None = None
    current_revision: str | None = None
    update_revision: str | None = None
    conditions: list[WireCondition] | None = None


class WireScaled(Wire):
    """A Deployment, ReplicaSet or StatefulSet."""

    metadata: WireMeta
    spec: WireScaledSpec | None = None
    status: WireScaledStatus | None = None


class WireDaemonStatus(Wire):
    """status of a DaemonSet."""

    desired_number_scheduled: int | None = None
    current_number_scheduled: int | None = None
    number_ready: int | None = None
    number_available: int | None = None
    updated_number_scheduled: int | None = None
    observed_generation: int | None = None


class WireDaemon(Wire):
    """A DaemonSet."""

    metadata: WireMeta
    spec: WireScaledSpec | None = None
    status: WireDaemonStatus | None = None


class WireControllerSpec(Wire):
    """spec of a ReplicationController: its selector is a plain map."""

    replicas: int | None = None
    selector: dict[str, str | None] | None = None
    template: WireTemplate | None = None
    min_ready_seconds: int | None = None


class WireController(Wire):
    """A ReplicationController."""

    metadata: WireMeta
    spec: WireControllerSpec | None = None
    status: WireScaledStatus | None = None


def workload_of(kind: str, meta: WireMeta) -> Workload:
    """A workload with what its metadata tells."""
    return Workload(
        kind=kind,
        namespace=meta.namespace or "default",
        name=meta.name,
        uid=meta.uid or "",
        owner=owner_of(meta.owner_references),
        labels=labels_of(meta.labels),
        annotations=annotations_of(meta.annotations),
        generation=meta.generation or 0,
        created_ms=ms(meta.creation_timestamp),
        resource_version=meta.resource_version or "",
    )


def _scaled(kind: str) -> Callable[[WireScaled], tuple[Workload]]:
    def convert(wire: WireScaled) -> tuple[Workload]:
        spec = wire.spec or WireScaledSpec()
        return (_with_status(_with_spec(workload_of(kind, wire.metadata), spec), spec.replicas, wire.status),)

    return convert


def _with_spec(base: Workload, spec: WireScaledSpec) -> Workload:
    strategy = spec.strategy or spec.update_strategy or WireStrategy()
    rolling = strategy.rolling_update or WireRolling()
    return structs.replace(
        base,
        selector=selector_of(spec.selector),
        template=template_shape(spec.template),
        strategy=strategy.type or "",
        max_surge=rolling.max_surge,
        max_unavailable=rolling.max_unavailable,
        partition=rolling.partition or 0,
        min_ready_ms=1_000 * (spec.min_ready_seconds or 0),
        paused=bool(spec.paused),
        pod_management=spec.pod_management_policy or "",
        claim_templates=tuple(item.metadata.name for item in spec.volume_claim_templates or ()),
    )


def _with_status(base: Workload, replicas: int | None, status: WireScaledStatus | None) -> Workload:
    """Add the counts; the API server's default of spec.replicas is 1."""
    status = status or WireScaledStatus()
    return structs.replace(
        base,
        desired=1 if replicas is None else replicas,
        current=status.replicas or 0,
        ready=status.ready_replicas or 0,
        available=status.available_replicas or 0,
        updated=status.updated_replicas or 0,
        observed_generation=status.observed_generation or 0,
        rolled_out=_rolled_out(base.kind, status),
    )


def _rolled_out(kind: str, status: WireScaledStatus) -> bool | None:
    """A StatefulSet's revisions are equal once the last pod was Ready; a Deployment's Progressing keeps its reason
    until the next template, whatever becomes of its pods (``pkg/controller/deployment/progress.go``).
    """
    if kind == "StatefulSet" and status.current_revision and status.update_revision:
        return status.current_revision == status.update_revision
    if kind == "Deployment":
        progressing = next((item for item in status.conditions or () if item.type == "Progressing"), None)
        return None if progressing is None else progressing.reason == "NewReplicaSetAvailable"
    return None


def _daemon(wire: WireDaemon) -> tuple[Workload]:
    status = wire.status or WireDaemonStatus()
    return (
        structs.replace(
            _with_spec(workload_of("DaemonSet", wire.metadata), wire.spec or WireScaledSpec()),
            desired=status.desired_number_scheduled or 0,
            current=status.current_number_scheduled or 0,
            ready=status.number_ready or 0,
            available=status.number_available or 0,
            updated=status.updated_number_scheduled or 0,
            observed_generation=status.observed_generation or 0,
        ),
    )


def _controller(wire: WireController) -> tuple[Workload]:
    spec = wire.spec or WireControllerSpec()
    selector = spec.selector
    if selector is None and spec.template is not None and spec.template.metadata is not None:
        selector = spec.template.metadata.labels  # the API server's default
    base = structs.replace(
        workload_of("ReplicationController", wire.metadata),
        selector=Selector(tuple(labels_of(selector).items())) if selector else None,
        template=template_shape(spec.template),
        min_ready_ms=1_000 * (spec.min_ready_seconds or 0),
    )
    return (_with_status(base, spec.replicas, wire.status),)


_APPS = "/apis/apps/v1"
DEPLOYMENTS: Reader[Workload] = Reader("deployments", "Deployment", _APPS, Workload, WireScaled, _scaled("Deployment"))
REPLICA_SETS: Reader[Workload] = Reader("replicasets", "ReplicaSet", _APPS, Workload, WireScaled, _scaled("ReplicaSet"))
STATEFUL_SETS: Reader[Workload] = Reader(
    "statefulsets", "StatefulSet", _APPS, Workload, WireScaled, _scaled("StatefulSet")
)
DAEMON_SETS: Reader[Workload] = Reader("daemonsets", "DaemonSet", _APPS, Workload, WireDaemon, _daemon)
REPLICATION_CONTROLLERS: Reader[Workload] = Reader(
    "replicationcontrollers", "ReplicationController", "/api/v1", Workload, WireController, _controller
)
