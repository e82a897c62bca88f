"""Claims, volumes and who has them attached."""

from __future__ import annotations

from msgspec import Struct

from shipkeeper.model.pods import NodeTerm
from shipkeeper.model.refs import ObjectRef


class Claim(Struct, frozen=True):
    """A PersistentVolumeClaim."""

    namespace: str
    name: str
    uid: str = ""
    volume: str = ""
    """Name of the bound PersistentVolume; empty while unbound."""
    storage_class: str = ""
    access_modes: tuple[str, ...] = ()
    phase: str = ""

    @property
    def ref(self) -> ObjectRef:
        """The claim's name as an ObjectRef."""
        return ObjectRef("PersistentVolumeClaim", self.namespace, self.name)


class Volume(Struct, frozen=True):
    """A PersistentVolume. ``node_terms`` and ``labels`` (zone) say where it can be mounted."""

    name: str
    uid: str = ""
    claim: tuple[str, str] | None = None
    """(namespace, name) of the bound claim."""
    storage_class: str = ""
    access_modes: tuple[str, ...] = ()
    node_terms: tuple[NodeTerm, ...] = ()
    labels: dict[str, str] = {}
    source: str = ""
    """Kind of volume: csi, local, hostPath, nfs, …"""
    driver: str = ""
    phase: str = ""


class VolumeAttachment(Struct, frozen=True):
    """One attachment of a volume to a node."""

    name: str
    node: str
    volume: str = ""
    attacher: str = ""
    attached: bool = False
    deletion_ms: int | None = None


class CsiNode(Struct, frozen=True):
    """CSI drivers registered on a node, each with its volume limit (None: no limit reported)."""

    name: str
    drivers: tuple[tuple[str, int | None], ...] = ()


class StorageClass(Struct, frozen=True):
    """How new volumes of a class are made. ``binding`` is Immediate or WaitForFirstConsumer."""

    name: str
    provisioner: str = ""
    binding: str = "Immediate"
    default: bool = False
