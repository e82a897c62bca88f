"""Claims, volumes, attachments and storage classes."""

from __future__ import annotations

from typing import cast

from msgspec import field

from shipkeeper.model.storage import Claim, StorageClass, Volume, VolumeAttachment
from shipkeeper.semantics.wire.podspec import WireNodeSelector
from shipkeeper.semantics.wire.raw import Present, Wire, WireMeta, labels_of, ms_or_none
from shipkeeper.semantics.wire.reader import Reader
from shipkeeper.semantics.wire.shapes import node_terms_of

_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_DEFAULT_CLASS_BETA = "storageclass.beta.kubernetes.io/is-default-class"


class WirePhase(Wire):
    """A status with a phase."""

    phase: str | None = None


class WireClaimSpec(Wire):
    """spec of a claim."""

    volume_name: str | None = None
    storage_class_name: str | None = None
    access_modes: list[str] | None = None


class WireClaim(Wire):
    """A PersistentVolumeClaim."""

    metadata: WireMeta
    spec: WireClaimSpec | None = None
    status: WirePhase | None = None


class WireClaimRef(Wire):
    """spec.claimRef of a volume."""

    name: str | None = None
    namespace: str | None = None


class WireSource(Wire):
    """A volume source that may name its driver."""

    driver: str | None = None


class WireVolumeAffinity(Wire):
    """spec.nodeAffinity of a volume."""

    required: WireNodeSelector | None = None


class WireVolumeSpec(Wire):
    """spec of a PersistentVolume; the sources are those of core/v1."""

    claim_ref: WireClaimRef | None = None
    storage_class_name: str | None = None
    access_modes: list[str] | None = None
    node_affinity: WireVolumeAffinity | None = None
    csi: WireSource | None = None
    local: Present | None = None
    host_path: Present | None = None
    nfs: Present | None = None
    iscsi: Present | None = None
    fc: Present | None = None
    flex_volume: WireSource | None = None
    aws_elastic_block_store: Present | None = field(name="awsElasticBlockStore", default=None)
    gce_persistent_disk: Present | None = None
    azure_disk: Present | None = None
    azure_file: Present | None = None
    vsphere_volume: Present | None = None
    cinder: Present | None = None
    rbd: Present | None = None
    cephfs: Present | None = None
    glusterfs: Present | None = None
    portworx_volume: Present | None = None
    quobyte: Present | None = None
    scale_io: Present | None = field(name="scaleIO", default=None)
    storageos: Present | None = None
    photon_persistent_disk: Present | None = None
    flocker: Present | None = None


_SOURCES = tuple(
    (attribute, name)
    for attribute, name in zip(WireVolumeSpec.__struct_fields__, WireVolumeSpec.__struct_encode_fields__, strict=True)
    if attribute not in ("claim_ref", "storage_class_name", "access_modes", "node_affinity")
)


class WireVolume(Wire):
    """A PersistentVolume."""

    metadata: WireMeta
    spec: WireVolumeSpec | None = None
    status: WirePhase | None = None


class WireAttachmentSource(Wire):
    """spec.source of an attachment."""

    persistent_volume_name: str | None = None


class WireAttachmentSpec(Wire):
    """spec of an attachment."""

    node_name: str
    attacher: str | None = None
    source: WireAttachmentSource | None = None


class WireAttachmentStatus(Wire):
    """status of an attachment."""

    attached: bool | None = None


class WireAttachment(Wire):
    """A VolumeAttachment."""

    metadata: WireMeta
    spec: WireAttachmentSpec
    status: WireAttachmentStatus | None = None


class WireClassAnnotations(Wire):
    """The annotations that mark the default class."""

    default: str | None = field(name=_DEFAULT_CLASS, default=None)
    default_beta: str | None = field(name=_DEFAULT_CLASS_BETA, default=None)


class WireClassMeta(Wire):
    """metadata of a storage class."""

    name: str
    annotations: WireClassAnnotations | None = None


class WireStorageClass(Wire):
    """A StorageClass."""

    metadata: WireClassMeta
    provisioner: str | None = None
    volume_binding_mode: str | None = None


def _claim(wire: WireClaim) -> tuple[Claim]:
    spec = wire.spec or WireClaimSpec()
    return (
        Claim(
            namespace=wire.metadata.namespace or "default",
            name=wire.metadata.name,
            uid=wire.metadata.uid or "",
            volume=spec.volume_name or "",
            storage_class=spec.storage_class_name or "",
            access_modes=tuple(spec.access_modes or ()),
            phase=(wire.status.phase or "") if wire.status else "",
        ),
    )


def _volume(wire: WireVolume) -> tuple[Volume]:
    spec = wire.spec or WireVolumeSpec()
    claim = spec.claim_ref
    source, driver = _source(spec)
    return (
        Volume(
            name=wire.metadata.name,
            uid=wire.metadata.uid or "",
            claim=(claim.namespace or "", claim.name or "") if claim else None,
            storage_class=spec.storage_class_name or "",
            access_modes=tuple(spec.access_modes or ()),
            node_terms=node_terms_of(spec.node_affinity.required if spec.node_affinity else None),
            labels=labels_of(wire.metadata.labels),
            source=source,
            driver=driver,
            phase=(wire.status.phase or "") if wire.status else "",
        ),
    )


def _source(spec: WireVolumeSpec) -> tuple[str, str]:
    """(kind of source, its driver); a volume has exactly one source."""
    for attribute, name in _SOURCES:
        found = cast("Wire | None", getattr(spec, attribute))
        if found is not None:
            return name, (found.driver or "") if isinstance(found, WireSource) else ""
    return "", ""


def _attachment(wire: WireAttachment) -> tuple[VolumeAttachment]:
    spec = wire.spec
    return (
        VolumeAttachment(
            name=wire.metadata.name,
            node=spec.node_name,
            volume=(spec.source.persistent_volume_name or "") if spec.source else "",
            attacher=spec.attacher or "",
            attached=bool(wire.status and wire.status.attached),
            deletion_ms=ms_or_none(wire.metadata.deletion_timestamp),
        ),
    )


def _storage_class(wire: WireStorageClass) -> tuple[StorageClass]:
    marks = wire.metadata.annotations or WireClassAnnotations()
    return (
        StorageClass(
            name=wire.metadata.name,
            provisioner=wire.provisioner or "",
            binding=wire.volume_binding_mode or "Immediate",
            default="true" in (marks.default, marks.default_beta),
        ),
    )


_STORAGE = "/apis/storage.k8s.io/v1"
CLAIMS: Reader[Claim] = Reader("persistentvolumeclaims", "PersistentVolumeClaim", "/api/v1", Claim, WireClaim, _claim)
VOLUMES: Reader[Volume] = Reader(
    "persistentvolumes", "PersistentVolume", "/api/v1", Volume, WireVolume, _volume, namespaced=False
)
ATTACHMENTS: Reader[VolumeAttachment] = Reader(
    "volumeattachments", "VolumeAttachment", _STORAGE, VolumeAttachment, WireAttachment, _attachment, namespaced=False
)
STORAGE_CLASSES: Reader[StorageClass] = Reader(
    "storageclasses", "StorageClass", _STORAGE, StorageClass, WireStorageClass, _storage_class, namespaced=False
)
