"""Nodes and what is registered on them."""

from __future__ import annotations

from msgspec import field

from shipkeeper.model.nodes import Node, NodeCondition, NodeInfo, Taint
from shipkeeper.model.storage import CsiNode
from shipkeeper.semantics.wire.raw import Number, Time, Wire, WireMeta, amounts_of, annotations_of, labels_of, ms
from shipkeeper.semantics.wire.reader import Reader


class WireTaint(Wire):
    """spec.taints[]."""

    key: str
    effect: str
    value: str | None = None


class WireNodeSpec(Wire):
    """spec of a node."""

    unschedulable: bool | None = None
    taints: list[WireTaint] | None = None
    provider_id: str | None = field(name="providerID", default=None)


class WireCondition(Wire):
    """status.conditions[]."""

    type: str
    status: str
    reason: str | None = None
    message: str | None = None
    last_transition_time: Time | None = None


class WireNodeInfo(Wire):
    """status.nodeInfo."""

    boot_id: str | None = field(name="bootID", default=None)
    kernel_version: str | None = None
    os_image: str | None = None
    kubelet_version: str | None = None
    container_runtime_version: str | None = None
    architecture: str | None = None


class WireAddress(Wire):
    """status.addresses[]."""

    type: str
    address: str


class WireNodeStatus(Wire):
    """status of a node."""

    allocatable: dict[str, Number] | None = None
    conditions: list[WireCondition] | None = None
    node_info: WireNodeInfo | None = None
    addresses: list[WireAddress] | None = None
    volumes_in_use: list[str] | None = None


class WireNode(Wire):
    """A node."""

    metadata: WireMeta
    spec: WireNodeSpec | None = None
    status: WireNodeStatus | None = None


class WireDriverLimit(Wire):
    """allocatable of a CSI driver on a node."""

    count: int | None = None


class WireDriver(Wire):
    """spec.drivers[] of a CSINode."""

    name: str
    allocatable: WireDriverLimit | None = None


class WireCsiNodeSpec(Wire):
    """spec of a CSINode."""

    drivers: list[WireDriver] | None = None


class WireCsiNode(Wire):
    """A CSINode."""

    metadata: WireMeta
    spec: WireCsiNodeSpec | None = None


def _node(wire: WireNode) -> tuple[Node]:
    meta = wire.metadata
    spec = wire.spec or WireNodeSpec()
    status = wire.status or WireNodeStatus()
    return (
        Node(
            name=meta.name,
            uid=meta.uid or "",
            labels=labels_of(meta.labels),
            annotations=annotations_of(meta.annotations),
            unschedulable=bool(spec.unschedulable),
            taints=tuple(Taint(taint.key, taint.effect, taint.value or "") for taint in spec.taints or ()),
            allocatable=amounts_of(status.allocatable),
            conditions=tuple(
                NodeCondition(item.type, item.status, item.reason or "", ms(item.last_transition_time))
                for item in status.conditions or ()
            ),
            info=_info(status.node_info or WireNodeInfo()),
            provider_id=spec.provider_id or "",
            address=_address(status),
            volumes_in_use=tuple(sorted(status.volumes_in_use or ())),
            created_ms=ms(meta.creation_timestamp),
            resource_version=meta.resource_version or "",
        ),
    )


def _info(raw: WireNodeInfo) -> NodeInfo:
    return NodeInfo(
        boot_id=raw.boot_id or "",
        kernel=raw.kernel_version or "",
        os_image=raw.os_image or "",
        kubelet=raw.kubelet_version or "",
        runtime=raw.container_runtime_version or "",
        architecture=raw.architecture or "",
    )


def _address(status: WireNodeStatus) -> str:
    """The internal address, else the first one."""
    addresses = status.addresses or []
    internal = (item.address for item in addresses if item.type == "InternalIP")
    return next(internal, addresses[0].address if addresses else "")


def _csi_node(wire: WireCsiNode) -> tuple[CsiNode]:
    drivers = wire.spec.drivers or () if wire.spec else ()
    limits = ((item.name, item.allocatable.count if item.allocatable else None) for item in drivers)
    return (CsiNode(wire.metadata.name, tuple(sorted(limits, key=lambda pair: pair[0]))),)


NODES: Reader[Node] = Reader("nodes", "Node", "/api/v1", Node, WireNode, _node, namespaced=False)
CSI_NODES: Reader[CsiNode] = Reader(
    "csinodes", "CSINode", "/apis/storage.k8s.io/v1", CsiNode, WireCsiNode, _csi_node, namespaced=False
)
