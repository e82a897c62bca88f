"""The kinds that operators brought, with the versions that their objects may still be stored in."""

from __future__ import annotations

from dataclasses import dataclass

from shipkeeper.app.demo_platform.naming import before, number
from shipkeeper.app.demo_platform.podspec import Json
from shipkeeper.app.demo_platform.workloads import meta

RELEASE = "release"
FOLDER = "folder"
KUSTOMIZATION = "kustomization"
_FLUX, _KYVERNO, _CEL = "toolkit.fluxcd.io", "kyverno.io", "policies.kyverno.io"
_CERTS, _CNPG, _VELERO = "cert-manager.io", "postgresql.cnpg.io", "velero.io"
_KEYCLOAK, _TRIVY, _MONITORING = "k8s.keycloak.org", "aquasecurity.github.io", "monitoring.coreos.com"


@dataclass(frozen=True)
class Brought:
    """Kinds of one group that came together.

    ``versions``: oldest first, the last one is stored. ``stored``: what etcd may still hold, where that is more than
    the last one. ``by``: a chart's template, a chart's crds folder, or a Kustomization, and ``owner`` which.
    """

    group: str
    kinds: tuple[str, ...]
    versions: tuple[str, ...]
    by: str
    owner: str
    stored: tuple[str, ...] = ()
    cluster_wide: bool = False


BROUGHT = (
    # Never rewritten since an older Flux stored them: Flux 2.8 drops that version.
    Brought(f"helm.{_FLUX}", ("HelmRelease",), ("v2beta2", "v2"), KUSTOMIZATION, "flux-system/flux-system", ("v2beta2", "v2")),
    Brought(f"kustomize.{_FLUX}", ("Kustomization",), ("v1",), KUSTOMIZATION, "flux-system/flux-system"),
    Brought(f"source.{_FLUX}", ("Bucket", "GitRepository", "HelmChart", "HelmRepository", "OCIRepository"), ("v1",),
            KUSTOMIZATION, "flux-system/flux-system"),
    Brought(f"notification.{_FLUX}", ("Alert", "Provider", "Receiver"), ("v1beta3",), KUSTOMIZATION, "flux-system/flux-system"),
    Brought(_KYVERNO, ("ClusterPolicy",), ("v1",), RELEASE, "kyverno/kyverno", cluster_wide=True),
    Brought(_KYVERNO, ("Policy",), ("v1",), RELEASE, "kyverno/kyverno"),
    Brought(_KYVERNO, ("PolicyException",), ("v2beta1", "v2"), RELEASE, "kyverno/kyverno"),
    Brought(_CEL, ("ValidatingPolicy", "ImageValidatingPolicy"), ("v1",), RELEASE, "kyverno/kyverno", cluster_wide=True),
    Brought(_CERTS, ("Certificate", "CertificateRequest", "Issuer"), ("v1",), RELEASE, "cert-manager/cert-manager"),
    Brought(_CERTS, ("ClusterIssuer",), ("v1",), RELEASE, "cert-manager/cert-manager", cluster_wide=True),
    Brought(_CNPG, ("Backup", "Cluster", "Pooler", "ScheduledBackup"), ("v1",), RELEASE, "databases/cnpg"),
    Brought("barmancloud.cnpg.io", ("ObjectStore",), ("v1",), KUSTOMIZATION, "flux-system/platform"),
    Brought(_VELERO, ("Backup", "BackupStorageLocation", "Restore", "Schedule"), ("v1",), FOLDER, "velero/velero"),
    # Two stored versions since Keycloak 26.6.
    Brought(_KEYCLOAK, ("Keycloak", "KeycloakRealmImport"), ("v2alpha1", "v2beta1"), KUSTOMIZATION, "flux-system/identity",
            ("v2alpha1", "v2beta1")),
    Brought(_TRIVY, ("ConfigAuditReport", "ExposedSecretReport", "VulnerabilityReport"), ("v1alpha1",), FOLDER,
            "trivy-system/trivy-operator"),
    Brought(_MONITORING, ("Alertmanager", "PodMonitor", "Prometheus", "PrometheusRule", "ServiceMonitor"), ("v1",), FOLDER,
            "monitoring/kube-prometheus-stack"),
    Brought("cilium.io", ("CiliumEndpoint", "CiliumNetworkPolicy"), ("v2",), "unknown", ""),
)  # fmt: skip
NONE_OF = (
    (f"source.{_FLUX}/v1", "Bucket"),
    (f"source.{_FLUX}/v1", "OCIRepository"),
    (f"{_KYVERNO}/v1", "Policy"),
    (f"{_CEL}/v1", "ImageValidatingPolicy"),
    ("barmancloud.cnpg.io/v1", "ObjectStore"),
)
"""(apiVersion, kind) of those that a survey reads and that nobody has made here."""


def crds() -> list[Json]:
    """Every CustomResourceDefinition."""
    return [_crd(brought, kind) for brought in BROUGHT for kind in brought.kinds]


def plural(kind: str) -> str:
    """``policies`` for ``Policy``."""
    word = kind.lower()
    if word.endswith("y"):
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith("s") else f"{word}s"


def _crd(brought: Brought, kind: str) -> Json:
    name = f"{plural(kind)}.{brought.group}"
    made = meta("CustomResourceDefinition", "", name, before(212, name))
    namespace, _, owner = brought.owner.partition("/")
    if brought.by == RELEASE:
        made["annotations"] = {"meta.helm.sh/release-name": owner, "meta.helm.sh/release-namespace": namespace}
        made["labels"] = {"app.kubernetes.io/managed-by": "Helm"}
    elif brought.by == FOLDER:
        prefix = "helm.toolkit.fluxcd.io"
        made["labels"] = {f"{prefix}/name": owner, f"{prefix}/namespace": namespace}
    elif brought.by == KUSTOMIZATION:
        prefix = "kustomize.toolkit.fluxcd.io"
        made["labels"] = {f"{prefix}/name": owner, f"{prefix}/namespace": namespace}
    newest = brought.versions[-1]
    schema = {"description": f"{kind} {number(name):x}", "type": "object"}
    versions = [
        {
            "name": version,
            "schema": {"openAPIV3Schema": schema},
            "served": True,
            "storage": version == newest,
            **({"deprecated": True} if version != newest else {}),
        }
        for version in brought.versions
    ]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": made,
        "spec": {
            "conversion": {"strategy": "None"},
            "group": brought.group,
            "names": {"kind": kind, "plural": plural(kind), "singular": kind.lower()},
            "scope": "Cluster" if brought.cluster_wide else "Namespaced",
            "versions": versions,
        },
        "status": {
            "conditions": [{"reason": "InitialNamesAccepted", "status": "True", "type": "Established"}],
            "storedVersions": list(brought.stored or (newest,)),
        },
    }
