"""What really runs: one cluster at one moment."""

from __future__ import annotations

from msgspec import Struct

from shipkeeper.model.cluster import (
    ApiService,
    Autoscaler,
    ClusterIdentity,
    EndpointSlice,
    Event,
    Lease,
    LimitRange,
    Namespace,
    PriorityClass,
    Quota,
    Service,
    Webhook,
)
from shipkeeper.model.facts import (
    ControlPlaneComponent,
    DeprecatedRequest,
    ImageUse,
    NodeFacts,
    ProposedUpdate,
    VulnerabilityReport,
)
from shipkeeper.model.nodes import Node
from shipkeeper.model.operands import (
    Backup,
    BackupLocation,
    BackupSchedule,
    Certificate,
    DatabaseCluster,
    IdentityServer,
    Policy,
    PolicyException,
    RealmImport,
)
from shipkeeper.model.releases import Crd, FluxObject, Release
from shipkeeper.model.storage import Claim, CsiNode, StorageClass, Volume, VolumeAttachment
from shipkeeper.model.table import PodTable
from shipkeeper.model.workloads import Budget, Workload

_READ_FROM = {"images": ("pods",), "control_plane": ("pods",), "node_facts": ("nodes",)}
"""Fields that are read from objects of Kubernetes itself."""


class Missing(Struct, frozen=True):
    """Something that could not be read: what, why, and what that makes unknown.

    ``field`` is the field of Inventory that is not whole because of it, for what runs on top of Kubernetes; empty for
    Kubernetes' own resources, which ``what`` names.
    """

    what: str
    why: str
    unknown: str
    field: str = ""


class Inventory(Struct, frozen=True):
    """Everything a survey found. What it could not read is in ``missing``; an empty tuple there means all was read.

    ``source`` says where it came from (context name, or file); ``taken_ms`` when. Each tuple is sorted by
    namespace and name.
    """

    source: str
    taken_ms: int
    identity: ClusterIdentity
    nodes: tuple[Node, ...]
    pods: PodTable
    workloads: tuple[Workload, ...] = ()
    budgets: tuple[Budget, ...] = ()
    claims: tuple[Claim, ...] = ()
    volumes: tuple[Volume, ...] = ()
    attachments: tuple[VolumeAttachment, ...] = ()
    csi_nodes: tuple[CsiNode, ...] = ()
    storage_classes: tuple[StorageClass, ...] = ()
    priority_classes: tuple[PriorityClass, ...] = ()
    quotas: tuple[Quota, ...] = ()
    limit_ranges: tuple[LimitRange, ...] = ()
    webhooks: tuple[Webhook, ...] = ()
    api_services: tuple[ApiService, ...] = ()
    services: tuple[Service, ...] = ()
    endpoint_slices: tuple[EndpointSlice, ...] = ()
    autoscalers: tuple[Autoscaler, ...] = ()
    leases: tuple[Lease, ...] = ()
    namespaces: tuple[Namespace, ...] = ()
    events: tuple[Event, ...] = ()
    drainers: tuple[str, ...] = ()
    """Kinds of other node-maintenance software seen by their API objects (MachineConfigPool, Machine, NodePool…)."""
    releases: tuple[Release, ...] = ()
    flux: tuple[FluxObject, ...] = ()
    crds: tuple[Crd, ...] = ()
    backups: tuple[Backup, ...] = ()
    backup_schedules: tuple[BackupSchedule, ...] = ()
    backup_locations: tuple[BackupLocation, ...] = ()
    database_clusters: tuple[DatabaseCluster, ...] = ()
    identity_servers: tuple[IdentityServer, ...] = ()
    realm_imports: tuple[RealmImport, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    policies: tuple[Policy, ...] = ()
    policy_exceptions: tuple[PolicyException, ...] = ()
    vulnerability_reports: tuple[VulnerabilityReport, ...] = ()
    images: tuple[ImageUse, ...] = ()
    control_plane: tuple[ControlPlaneComponent, ...] = ()
    node_facts: tuple[NodeFacts, ...] = ()
    """One a node, also for those of which nothing more is known."""
    deprecated_requests: tuple[DeprecatedRequest, ...] = ()
    updates: tuple[ProposedUpdate, ...] = ()
    missing: tuple[Missing, ...] = ()
    skipped: dict[str, int] = {}
    """Objects that were there and of no use here, by kind: seen, counted, and not read."""

    def counts(self) -> dict[str, int]:
        """Distinct objects by kind, as ``survey`` reports them."""
        return {
            "nodes": len(self.nodes),
            "pods": len(self.pods),
            "workloads": len(self.workloads),
            "budgets": len(self.budgets),
            "claims": len(self.claims),
            "volumes": len(self.volumes),
            "attachments": len(self.attachments),
            "csiNodes": len(self.csi_nodes),
            "storageClasses": len(self.storage_classes),
            "priorityClasses": len(self.priority_classes),
            "quotas": len(self.quotas),
            "limitRanges": len(self.limit_ranges),
            "webhooks": len(self.webhooks),
            "apiServices": len(self.api_services),
            "services": len(self.services),
            "endpointSlices": len(self.endpoint_slices),
            "autoscalers": len(self.autoscalers),
            "leases": len(self.leases),
            "namespaces": len(self.namespaces),
            "releases": len(self.releases),
            "flux": len(self.flux),
            "crds": len(self.crds),
            "backups": len(self.backups),
            "backupSchedules": len(self.backup_schedules),
            "backupLocations": len(self.backup_locations),
            "databaseClusters": len(self.database_clusters),
            "identityServers": len(self.identity_servers),
            "realmImports": len(self.realm_imports),
            "certificates": len(self.certificates),
            "policies": len(self.policies),
            "policyExceptions": len(self.policy_exceptions),
            "vulnerabilityReports": len(self.vulnerability_reports),
            "images": len(self.images),
            "controlPlane": len(self.control_plane),
            "deprecatedRequests": len(self.deprecated_requests),
            "updates": len(self.updates),
        }

    def node(self, name: str) -> Node | None:
        """The node of that name, or None."""
        return next((node for node in self.nodes if node.name == name), None)

    def is_missing(self, what: str) -> bool:
        """Whether objects of that kind (plural resource name) could not be read."""
        return any(item.what == what for item in self.missing)

    def missing_in(self, field: str) -> tuple[Missing, ...]:
        """What could not be read of a field, such as ``releases``: when there is any, an empty field means unknown."""
        read_from = _READ_FROM.get(field, ())
        return tuple(item for item in self.missing if item.field == field or item.what in read_from)

    @property
    def cluster_missing(self) -> tuple[Missing, ...]:
        """What could not be read of Kubernetes itself: all that makes a drain uncertain."""
        return tuple(item for item in self.missing if not item.field)
