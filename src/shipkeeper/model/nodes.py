"""Nodes as the API server shows them."""

from __future__ import annotations

from msgspec import Struct

from shipkeeper.model.refs import ObjectRef


class Taint(Struct, frozen=True):
    """A taint: ``effect`` is NoSchedule, PreferNoSchedule or NoExecute."""

    key: str
    effect: str
    value: str = ""


class NodeCondition(Struct, frozen=True):
    """One status condition; ``status`` is True, False or Unknown."""

    type: str
    status: str
    reason: str = ""
    since_ms: int = 0


class NodeInfo(Struct, frozen=True):
    """What the kubelet reports of the machine. ``boot_id`` changes with every boot."""

    boot_id: str = ""
    kernel: str = ""
    os_image: str = ""
    kubelet: str = ""
    runtime: str = ""
    architecture: str = ""


class Node(Struct, frozen=True):
    """One node. ``allocatable`` in model units (CPU millicores, bytes), ``pods`` among its keys."""

    name: str
    uid: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    unschedulable: bool = False
    taints: tuple[Taint, ...] = ()
    allocatable: dict[str, int] = {}
    conditions: tuple[NodeCondition, ...] = ()
    info: NodeInfo = NodeInfo()
    provider_id: str = ""
    address: str = ""
    volumes_in_use: tuple[str, ...] = ()
    created_ms: int = 0
    resource_version: str = ""

    @property
    def ref(self) -> ObjectRef:
        """The node's name as an ObjectRef."""
        return ObjectRef("Node", "", self.name)

    def condition(self, type: str) -> NodeCondition | None:
        """The condition of that type, or None when the node reports none."""
        return next((c for c in self.conditions if c.type == type), None)

    @property
    def ready(self) -> bool:
        """Condition Ready is True."""
        condition = self.condition("Ready")
        return condition is not None and condition.status == "True"

    @property
    def zone(self) -> str:
        """Value of ``topology.kubernetes.io/zone`` (or its beta name); empty when not labelled."""
        return self.labels.get("topology.kubernetes.io/zone") or self.labels.get(
            "failure-domain.beta.kubernetes.io/zone", ""
        )
