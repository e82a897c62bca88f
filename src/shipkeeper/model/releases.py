"""Who put what into the cluster: Helm releases, Flux objects, and the kinds that operators brought."""

from __future__ import annotations

from msgspec import Struct

from shipkeeper.model.refs import ObjectRef


class ManifestObject(Struct, frozen=True, order=True):
    """An object that a release or a Kustomization applies: its name only, never its content."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @property
    def ref(self) -> ObjectRef:
        """Its name as an ObjectRef."""
        return ObjectRef(self.kind, self.namespace, self.name)


class Release(Struct, frozen=True):
    """The newest revision of one Helm release. The values that it was installed with are never kept.

    ``storage`` says what told: ``secret`` or ``configmap`` (the whole record), ``flux-status`` (status of its
    HelmRelease), ``collected`` (a support bundle's Helm collector) or ``labels-only``; with the last three, all that
    they do not tell is empty, which means unknown.
    """

    namespace: str
    name: str
    revision: int
    status: str = "unknown"
    """deployed, superseded, failed, uninstalled, uninstalling, pending-install|upgrade|rollback, unknown."""
    chart: str = ""
    chart_version: str = ""
    app_version: str = ""
    kube_version: str = ""
    """The chart's constraint on the cluster's version; empty for none, or not known."""
    first_deployed_ms: int = 0
    last_deployed_ms: int = 0
    apply_method: str = ""
    """``ssa`` or ``csa`` as Helm 4 records it; empty before."""
    storage: str = "secret"
    storage_namespace: str = ""
    """Where its record lies; nearly always the release's own namespace."""
    owner: str = ""
    """``namespace/name`` of the Flux HelmRelease that runs it; empty for none seen."""
    deployed_revision: int = 0
    """Newest revision with status deployed; 0 for none: what runs is then not what the newest revision says."""
    value_keys: tuple[tuple[str, str], ...] = ()
    """(path, type) of every value the user set: ``image.tag`` string, ``hosts[]`` list…, without the values."""
    values_digest: str = ""
    """SHA-256 of the user's values, to see that they changed; empty when they were not read."""
    objects: tuple[ManifestObject, ...] = ()
    hooks: tuple[ManifestObject, ...] = ()
    chart_deprecated: bool = False
    dependencies: tuple[tuple[str, str], ...] = ()
    """(name, version) of the charts inside the chart."""
    stored_bytes: int = 0
    """Size of the record in the API; Kubernetes refuses one above 1 MiB."""
    dropped: int = 0
    """Value keys and objects beyond the bound that were not kept."""

    @property
    def ref(self) -> ObjectRef:
        """The release's name as an ObjectRef."""
        return ObjectRef("Release", self.namespace, self.name)

    @property
    def whole(self) -> bool:
        """Whether its record was read, so that an empty field means empty, not unknown."""
        return self.storage in ("secret", "configmap")


class FluxObject(Struct, frozen=True):
    """One object of Flux: HelmRelease, Kustomization, or a source.

    ``kind``: HelmRelease, Kustomization, GitRepository, HelmRepository, OCIRepository, HelmChart or Bucket.
    """

    kind: str
    namespace: str
    name: str
    api_version: str = ""
    suspended: bool = False
    ready: str = "Unknown"
    """Status of condition Ready: True, False or Unknown (also when there is no such condition yet). Empty for what has
    no state: a HelmRepository of type oci."""
    reason: str = ""
    message: str = ""
    """Message of condition Ready, cut short."""
    stalled: bool = False
    stalled_reason: str = ""
    generation: int = 0
    observed_generation: int = 0
    last_applied: str = ""
    """Revision that was last applied (Kustomization), fetched (sources), or deployed (HelmRelease: chart version)."""
    last_attempted: str = ""
    source: ObjectRef | None = None
    """Where it takes its content from: a source; None for a source."""
    depends_on: tuple[ObjectRef, ...] = ()
    chart: str = ""
    version: str = ""
    """What it asks for: a chart version or range; of a Git or OCI source the tag, range, branch, commit or digest."""
    pinned: bool | None = None
    """False when ``version`` is a range or a branch: updates come unplanned. None where there is no version."""
    interval_ms: int = 0
    target_namespace: str = ""
    storage_namespace: str = ""
    release_name: str = ""
    last_handled: str = ""
    """Token of the reconcile request that was last acted on."""
    failures: int = 0
    url: str = ""
    """Where a source fetches from, without any user or password."""
    path: str = ""
    parent: str = ""
    """``namespace/name`` of the Kustomization that applies it."""
    objects: tuple[ManifestObject, ...] = ()
    """What a Kustomization applied, as its inventory says."""
    release_status: str = ""
    """HelmRelease: status of its newest revision, in Helm's words; empty when Flux does not tell."""
    release_revision: int = 0
    app_version: str = ""

    @property
    def ref(self) -> ObjectRef:
        """Its name as an ObjectRef."""
        return ObjectRef(self.kind, self.namespace, self.name)

    @property
    def current(self) -> bool:
        """Whether its status is about its newest spec."""
        return self.observed_generation >= self.generation


class CrdVersion(Struct, frozen=True):
    """One version of a CRD. ``schema_digest`` is SHA-256 of its schema: a change shows, the schema is not kept."""

    name: str
    served: bool = True
    storage: bool = False
    deprecated: bool = False
    schema_digest: str = ""


class Crd(Struct, frozen=True):
    """A CustomResourceDefinition: ``name`` is ``<plural>.<group>``."""

    name: str
    group: str
    kind: str
    plural: str
    scope: str = "Namespaced"
    versions: tuple[CrdVersion, ...] = ()
    stored_versions: tuple[str, ...] = ()
    """Versions that objects in etcd may still be written in: one of them cannot be dropped."""
    managed_by: str = "unknown"
    """``helm`` (template of a chart), ``helm-crds`` (a chart's crds folder, which an upgrade leaves alone),
    ``flux`` (a Kustomization), ``manual``, or unknown (nothing in it tells)."""
    owner: str = ""
    """``namespace/name`` of that release or Kustomization, where it is told."""
    managers: tuple[str, ...] = ()
    """Field managers, in order of name."""
    conversion: str = "None"
    webhook: str = ""
    """``namespace/name`` of the Service that converts between versions: without it, objects cannot be read."""
    established: bool = True
    bundle_version: str = ""
    """Version of what it came with, where an annotation or label tells it (Gateway API, operators)."""
    created_ms: int = 0

    @property
    def storage_version(self) -> str:
        """The version in which new objects are written; empty when none is marked."""
        return next((version.name for version in self.versions if version.storage), "")
