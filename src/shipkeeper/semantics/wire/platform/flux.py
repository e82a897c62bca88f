"""Flux: HelmReleases, Kustomizations and their sources, in every version since v2beta1 and v1beta2.

Source: github.com/fluxcd/*/api (fields), fluxcd/pkg/apis/meta (conditions). Values of a HelmRelease and substitutions
of a Kustomization have no field here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import field

from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.releases import FluxObject, ManifestObject
from shipkeeper.semantics.wire.platform.parts import (
    WireCrCondition,
    WireRef,
    condition,
    duration_ms,
    short,
    status_of,
    without_user,
)
from shipkeeper.semantics.wire.raw import Wire
from shipkeeper.semantics.wire.reader import Reader

_EXACT = re.compile(r"[=v]*\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?")
_PARENT = ("kustomize.toolkit.fluxcd.io/namespace", "kustomize.toolkit.fluxcd.io/name")
_LONGEST_RELEASE = 53
MOST_OBJECTS = 5_000


class WireFluxMeta(Wire):
    """metadata."""

    name: str
    namespace: str | None = None
    labels: dict[str, str | None] | None = None
    generation: int | None = None


class WireChartSpec(Wire):
    """spec.chart.spec of a HelmRelease."""

    chart: str | None = None
    version: str | None = None
    source_ref: WireRef | None = None


class WireChart(Wire):
    """spec.chart of a HelmRelease."""

    spec: WireChartSpec | None = None


class WireSourceVersion(Wire):
    """spec.ref of a Git or OCI source."""

    branch: str | None = None
    tag: str | None = None
    semver: str | None = None
    name: str | None = None
    commit: str | None = None
    digest: str | None = None


class WireFluxSpec(Wire):
    """What the specs of all kinds have that is of use. A HelmChart's ``chart`` is a name."""

    suspend: bool | None = None
    type: str | None = None
    interval: str | None = None
    chart: WireChart | str | None = None
    chart_ref: WireRef | None = None
    version: str | None = None
    source_ref: WireRef | None = None
    depends_on: list[WireRef] | None = None
    release_name: str | None = None
    target_namespace: str | None = None
    storage_namespace: str | None = None
    ref: WireSourceVersion | None = None
    url: str | None = None
    path: str | None = None
    endpoint: str | None = None
    bucket_name: str | None = None


class WireSnapshot(Wire):
    """status.history[] of a HelmRelease."""

    name: str | None = None
    namespace: str | None = None
    version: int | None = None
    status: str | None = None
    chart_name: str | None = None
    chart_version: str | None = None
    app_version: str | None = None
    first_deployed: str | None = None
    last_deployed: str | None = None


class WireArtifact(Wire):
    """status.artifact of a source."""

    revision: str | None = None


class WireEntry(Wire):
    """status.inventory.entries[]."""

    id: str
    v: str | None = None


class WireInventory(Wire):
    """status.inventory."""

    entries: list[WireEntry] | None = None


class WireFluxStatus(Wire):
    """What the statuses of all kinds have that is of use."""

    observed_generation: int | None = None
    conditions: list[WireCrCondition] | None = None
    last_applied_revision: str | None = None
    last_attempted_revision: str | None = None
    last_handled_reconcile_at: str | None = None
    failures: int | None = None
    history: list[WireSnapshot] | None = None
    artifact: WireArtifact | None = None
    inventory: WireInventory | None = None
    last_release_revision: int | None = None


class WireFlux(Wire):
    """Any object of Flux."""

    metadata: WireFluxMeta
    api_version: str | None = None
    kind: str | None = field(default=None)
    spec: WireFluxSpec | None = None
    status: WireFluxStatus | None = None


def _convert(kind: str, wire: WireFlux) -> tuple[FluxObject]:
    meta, spec, status = wire.metadata, wire.spec or WireFluxSpec(), wire.status or WireFluxStatus()
    ready = condition(status.conditions, "Ready")
    stalled = status_of(status.conditions, "Stalled") == "True"
    told = condition(status.conditions, "Stalled")
    namespace = meta.namespace or "default"
    chart, version, source = _content(kind, spec, namespace)
    newest = status.history[0] if kind == "HelmRelease" and status.history else WireSnapshot()
    return (
        FluxObject(
            kind=kind,
            namespace=namespace,
            name=meta.name,
            api_version=wire.api_version or "",
            suspended=bool(spec.suspend),
            ready="" if kind == "HelmRepository" and spec.type == "oci" else status_of(status.conditions, "Ready"),
            reason=(ready.reason or "") if ready else "",
            message=short(ready.message) if ready else "",
            stalled=stalled,
            stalled_reason=(told.reason or "") if told and stalled else "",
            generation=meta.generation or 0,
            observed_generation=status.observed_generation or 0,
            last_applied=_last_applied(kind, status, newest),
            last_attempted=status.last_attempted_revision or "",
            source=source,
            depends_on=tuple(
                ObjectRef(kind, item.namespace or namespace, item.name) for item in spec.depends_on or () if item.name
            ),
            chart=chart or newest.chart_name or "",
            version=version,
            pinned=_pinned(kind, spec, version),
            interval_ms=duration_ms(spec.interval),
            target_namespace=spec.target_namespace or "",
            storage_namespace=(spec.storage_namespace or namespace) if kind == "HelmRelease" else "",
            release_name=_release_name(spec, meta.name) if kind == "HelmRelease" else "",
            last_handled=status.last_handled_reconcile_at or "",
            failures=status.failures or 0,
            url=without_user(spec.url or spec.endpoint),
            path=spec.path or spec.bucket_name or "",
            parent=_parent(meta),
            objects=_objects(status.inventory) if kind == "Kustomization" else (),
            release_status=newest.status or "",
            release_revision=newest.version or status.last_release_revision or 0,
            app_version=newest.app_version or "",
        ),
    )


def _content(kind: str, spec: WireFluxSpec, namespace: str) -> tuple[str, str, ObjectRef | None]:
    """(chart, version asked for, source)."""
    if kind == "HelmRelease":
        inner = spec.chart.spec if isinstance(spec.chart, WireChart) else None
        if inner is not None:
            return inner.chart or "", inner.version or "*", _source(inner.source_ref, namespace)
        return "", "", _source(spec.chart_ref, namespace)
    if kind == "HelmChart":
        chart = spec.chart if isinstance(spec.chart, str) else ""
        return chart, spec.version or "*", _source(spec.source_ref, namespace)
    if kind in ("GitRepository", "OCIRepository"):
        return "", _asked(kind, spec.ref), None
    return "", "", _source(spec.source_ref, namespace)


def _source(ref: WireRef | None, namespace: str) -> ObjectRef | None:
    return ObjectRef(ref.kind or "", ref.namespace or namespace, ref.name) if ref and ref.name else None


def _asked(kind: str, ref: WireSourceVersion | None) -> str:
    """The one field of a source's reference that wins, as its controller chooses."""
    if ref is None:
        return "master" if kind == "GitRepository" else "latest"
    order = (
        (ref.commit, ref.name, ref.semver, ref.tag, ref.branch)
        if kind == "GitRepository"
        else (ref.digest, ref.semver, ref.tag)
    )
    return next((value for value in order if value), "master" if kind == "GitRepository" else "latest")


def _pinned(kind: str, spec: WireFluxSpec, version: str) -> bool | None:
    if kind in ("HelmRelease", "HelmChart"):
        return None if not version else bool(_EXACT.fullmatch(version))
    if kind not in ("GitRepository", "OCIRepository"):
        return None
    ref = spec.ref or WireSourceVersion()
    if ref.digest or (kind == "GitRepository" and ref.commit):
        return True
    if ref.semver or (kind == "GitRepository" and ref.name):
        return bool(_EXACT.fullmatch(ref.semver or "")) or (ref.name or "").startswith("refs/tags/")
    return bool(ref.tag) and ref.tag != "latest"


def _last_applied(kind: str, status: WireFluxStatus, newest: WireSnapshot) -> str:
    if kind == "HelmRelease":
        deployed = next((item for item in status.history or () if item.status == "deployed"), newest)
        return deployed.chart_version or status.last_applied_revision or ""
    return status.last_applied_revision or (status.artifact.revision or "" if status.artifact else "")


def _release_name(spec: WireFluxSpec, name: str) -> str:
    """The release's name as helm-controller makes it. A longer one ends in a digest, which is not made here."""
    made = spec.release_name or (f"{spec.target_namespace}-{name}" if spec.target_namespace else name)
    return made if len(made) <= _LONGEST_RELEASE else ""


def _parent(meta: WireFluxMeta) -> str:
    labels = meta.labels or {}
    namespace, name = (labels.get(key) or "" for key in _PARENT)
    return f"{namespace}/{name}" if name else ""


def _objects(inventory: WireInventory | None) -> tuple[ManifestObject, ...]:
    """Objects by their ids, ``<namespace>_<name>_<group>_<kind>``. In names ``:`` is written ``__``."""
    found = []
    for entry in (inventory.entries or ())[:MOST_OBJECTS] if inventory else ():
        namespace, _, rest = entry.id.partition("_")
        rest, _, kind = rest.rpartition("_")
        name, _, group = rest.rpartition("_")
        version = f"{group}/{entry.v}" if group and entry.v else (entry.v or "")
        found.append(ManifestObject(version, kind, namespace, name.replace("__", ":")))
    return tuple(sorted(found))


def _reader(resource: str, kind: str, group: str) -> Reader[FluxObject]:
    def convert(wire: WireFlux) -> Sequence[FluxObject]:
        return _convert(kind, wire)

    return Reader(resource, kind, f"/apis/{group}/v1", FluxObject, WireFlux, convert)


FLUX: tuple[Reader[FluxObject], ...] = (
    _reader("helmreleases", "HelmRelease", "helm.toolkit.fluxcd.io"),
    _reader("kustomizations", "Kustomization", "kustomize.toolkit.fluxcd.io"),
    _reader("gitrepositories", "GitRepository", "source.toolkit.fluxcd.io"),
    _reader("helmrepositories", "HelmRepository", "source.toolkit.fluxcd.io"),
    _reader("ocirepositories", "OCIRepository", "source.toolkit.fluxcd.io"),
    _reader("helmcharts", "HelmChart", "source.toolkit.fluxcd.io"),
    _reader("buckets", "Bucket", "source.toolkit.fluxcd.io"),
)
