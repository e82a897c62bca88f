"""CustomResourceDefinitions: versions, what is stored, who brought them. Schemas become digests."""

from __future__ import annotations

import hashlib

import msgspec
from msgspec import field

from shipkeeper.model.releases import Crd, CrdVersion
from shipkeeper.semantics.wire.platform.parts import WireCrCondition, raw_text, status_of
from shipkeeper.semantics.wire.raw import Time, Wire, ms
from shipkeeper.semantics.wire.reader import Reader

_RELEASE = ("meta.helm.sh/release-namespace", "meta.helm.sh/release-name")
_FLUX_RELEASE = ("helm.toolkit.fluxcd.io/namespace", "helm.toolkit.fluxcd.io/name")
_KUSTOMIZATION = ("kustomize.toolkit.fluxcd.io/namespace", "kustomize.toolkit.fluxcd.io/name")
_BUNDLE_VERSIONS = ("gateway.networking.k8s.io/bundle-version", "operator.prometheus.io/version")
_VERSION_LABELS = ("app.kubernetes.io/version", "helm.sh/chart")
_HELM_MANAGERS = frozenset({"helm", "helm-controller"})
_HANDS = ("kubectl", "k9s", "lens", "headlamp", "before-first-apply")
_ENCODER = msgspec.json.Encoder(order="deterministic")


class WireManaged(Wire):
    """metadata.managedFields[]: who, not what."""

    manager: str | None = None
    subresource: str | None = None


class WireCrdMeta(Wire):
    """metadata."""

    name: str
    labels: dict[str, str | None] | None = None
    annotations: dict[str, msgspec.Raw] | None = None
    managed_fields: list[WireManaged] | None = None
    creation_timestamp: Time | None = None


class WireNames(Wire):
    """spec.names."""

    kind: str
    plural: str


class WireCrdVersion(Wire):
    """spec.versions[]."""

    name: str
    served: bool | None = None
    storage: bool | None = None
    deprecated: bool | None = None
    schema: msgspec.Raw = field(default_factory=msgspec.Raw)


class WireService(Wire):
    """clientConfig.service of a conversion webhook."""

    name: str
    namespace: str | None = None


class WireClientConfig(Wire):
    """clientConfig of a conversion webhook."""

    service: WireService | None = None
    url: str | None = None


class WireConversionWebhook(Wire):
    """spec.conversion.webhook."""

    client_config: WireClientConfig | None = None


class WireConversion(Wire):
    """spec.conversion."""

    strategy: str | None = None
    webhook: WireConversionWebhook | None = None


class WireCrdSpec(Wire):
    """spec."""

    group: str
    names: WireNames
    scope: str | None = None
    versions: list[WireCrdVersion] | None = None
    conversion: WireConversion | None = None


class WireCrdStatus(Wire):
    """status."""

    stored_versions: list[str] | None = None
    conditions: list[WireCrCondition] | None = None


class WireCrd(Wire):
    """A CustomResourceDefinition."""

    metadata: WireCrdMeta
    spec: WireCrdSpec
    status: WireCrdStatus | None = None


def _crd(wire: WireCrd) -> tuple[Crd]:
    meta, spec, status = wire.metadata, wire.spec, wire.status or WireCrdStatus()
    managers = tuple(
        sorted({item.manager for item in meta.managed_fields or () if item.manager and item.subresource != "status"})
    )
    managed_by, owner = _owner(meta, managers)
    conversion = spec.conversion or WireConversion()
    return (
        Crd(
            name=meta.name,
            group=spec.group,
            kind=spec.names.kind,
            plural=spec.names.plural,
            scope=spec.scope or "Namespaced",
            versions=tuple(_version(item) for item in spec.versions or ()),
            stored_versions=tuple(status.stored_versions or ()),
            managed_by=managed_by,
            owner=owner,
            managers=managers,
            conversion=conversion.strategy or "None",
            webhook=_webhook(conversion),
            established=status_of(status.conditions, "Established") != "False",
            bundle_version=_bundle_version(meta),
            created_ms=ms(meta.creation_timestamp),
        ),
    )


def _version(wire: WireCrdVersion) -> CrdVersion:
    digest = ""
    if bytes(wire.schema):
        digest = hashlib.sha256(_ENCODER.encode(msgspec.json.decode(wire.schema))).hexdigest()
    return CrdVersion(wire.name, bool(wire.served), bool(wire.storage), bool(wire.deprecated), digest)


def _owner(meta: WireCrdMeta, managers: tuple[str, ...]) -> tuple[str, str]:
    """(who manages it, ``namespace/name`` of that), by what they write onto it; the surest sign first."""
    labels, annotations = meta.labels or {}, meta.annotations or {}
    kustomization, by_flux = (_pair(labels, keys) for keys in (_KUSTOMIZATION, _FLUX_RELEASE))
    release = "/".join(raw_text(annotations.get(key)) for key in _RELEASE)
    if release.strip("/"):
        return "helm", release
    if by_flux:
        # Only chart templates and, since Flux 2.3, the crds folder get these labels; without Helm's own: the folder.
        return "helm-crds", by_flux
    if kustomization:
        return "flux", kustomization
    if any(name in _HELM_MANAGERS for name in managers):
        return "helm-crds", ""
    if any(name.startswith(_HANDS) for name in managers):
        return "manual", ""
    return "unknown", ""


def _pair(labels: dict[str, str | None], keys: tuple[str, str]) -> str:
    namespace, name = (labels.get(key) or "" for key in keys)
    return f"{namespace}/{name}" if name else ""


def _webhook(conversion: WireConversion) -> str:
    config = conversion.webhook.client_config if conversion.webhook else None
    if config is None or config.service is None:
        return "(by URL)" if config is not None and config.url else ""
    return f"{config.service.namespace or 'default'}/{config.service.name}"


def _bundle_version(meta: WireCrdMeta) -> str:
    annotations, labels = meta.annotations or {}, meta.labels or {}
    told = (raw_text(annotations.get(key)) for key in _BUNDLE_VERSIONS)
    return next((word for word in told if word), "") or next(
        (labels[key] or "" for key in _VERSION_LABELS if labels.get(key)), ""
    )


CRDS: Reader[Crd] = Reader(
    "customresourcedefinitions",
    "CustomResourceDefinition",
    "/apis/apiextensions.k8s.io/v1",
    Crd,
    WireCrd,
    _crd,
    namespaced=False,
)
