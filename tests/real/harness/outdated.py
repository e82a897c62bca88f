"""A deliberately outdated platform on a real plane: workloads of old versions, a chart that uses an API which goes, and
a report of a vulnerability that is known to be exploited.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.platform_samples.base import ago, made
from tests.real.harness.helm import Helm, chart
from tests.real.plane.api import Api, Object

EXPLOITED = "CVE-2026-31337"
IMAGES: dict[tuple[str, str, str], str] = {
    ("Deployment", "kyverno", "kyverno-admission-controller"): "ghcr.io/kyverno/kyverno:v1.12.5",
    ("StatefulSet", "keycloak", "keycloak"): "quay.io/keycloak/keycloak:26.1.2",
    ("Deployment", "keycloak", "keycloak-operator"): "quay.io/keycloak/keycloak-operator:26.1.2",
    ("Deployment", "trivy-system", "trivy-operator"): "ghcr.io/aquasecurity/trivy-operator:0.22.0",
    ("Deployment", "flux-system", "source-controller"): "ghcr.io/fluxcd/source-controller:v1.6.2",
    ("Deployment", "flux-system", "helm-controller"): "ghcr.io/fluxcd/helm-controller:v1.3.0",
    ("DaemonSet", "kube-system", "cilium"): "quay.io/cilium/cilium:v1.16.5",
    ("Deployment", "ingress-nginx", "ingress-nginx-controller"): "registry.k8s.io/ingress-nginx/controller:v1.11.2",
    ("Deployment", "shop", "web"): "registry.example/shop/web:2.0",
    ("Deployment", "tools", "wiki"): "registry.example/tools/wiki:1.4",
}
"""(kind, namespace, name) → image. Kyverno 1.12 and ingress-nginx are past their end; nobody claims ``tools``."""

GOING = """\
apiVersion: storage.k8s.io/v1beta1
kind: VolumeAttributesClass
metadata:
  name: {{ .Release.Name }}-fast
driverName: disk.csi.shipkeeper.test
parameters: {iops: "3000"}
"""
"""Kubernetes 1.37 no longer serves it."""


def load(api: Api, helm: Helm, folder: Path, now: datetime) -> list[Object]:
    """Put it all there; what was made, for taking it away again."""
    namespaces = sorted({namespace for _, namespace, _ in IMAGES} | {"shop-storage"})
    for name in namespaces:
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, exist_ok=True)
    objects = [workload(kind, namespace, name, image) for (kind, namespace, name), image in IMAGES.items()]
    for item in objects:
        api.create(item, exist_ok=True)
    home = chart(folder, "fast-storage", "1.2.0", "1.2")
    (home / "templates" / "class.yaml").write_text(GOING)
    helm.call("install", "fast-storage", str(home), "-n", "shop-storage")
    return objects


def workload(kind: str, namespace: str, name: str, image: str) -> Object:
    """Two replicas, or one a node, of that image."""
    labels = {"app.kubernetes.io/name": name}
    spec: dict[str, Any] = {
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels, "annotations": {"shipkeeper.test/ready-ms": "100"}},
            "spec": {"containers": [{"name": "main", "image": image}], "terminationGracePeriodSeconds": 1},
        },
    }
    if kind != "DaemonSet":
        spec["replicas"] = 2
    if kind == "StatefulSet":
        spec |= {"serviceName": name, "podManagementPolicy": "Parallel"}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": spec,
    }


def exploited_report(now: datetime) -> Object:
    """What Trivy found in Keycloak's image: a hole with a fix, of which the catalogue says that it is exploited."""
    finding = {
        "vulnerabilityID": EXPLOITED,
        "severity": "MEDIUM",
        "resource": "io.quarkus:quarkus-http",
        "installedVersion": "5.2.0",
        "fixedVersion": "5.2.3",
        "score": 6.1,
        "title": "",
        "primaryLink": "",
        "links": [],
        "target": "",
        "publishedDate": ago(now, days=3),
        "lastModifiedDate": ago(now, days=3),
    }
    counts = dict.fromkeys(("criticalCount", "highCount", "lowCount", "unknownCount", "noneCount"), 0)
    labels = {
        "trivy-operator.resource.kind": "StatefulSet",
        "trivy-operator.resource.name": "keycloak",
        "trivy-operator.resource.namespace": "keycloak",
        "trivy-operator.container.name": "main",
    }
    return made(
        "aquasecurity.github.io/v1alpha1",
        "VulnerabilityReport",
        "statefulset-keycloak-main",
        "keycloak",
        metadata={"labels": labels},
        report={
            "updateTimestamp": ago(now, hours=2),
            "scanner": {"name": "Trivy", "vendor": "Aqua Security", "version": "0.58.0"},
            "registry": {"server": "quay.io"},
            "artifact": {"repository": "keycloak/keycloak", "tag": "26.1.2", "digest": "sha256:" + "6" * 64},
            "os": {"family": "redhat", "name": "9.5"},
            "summary": {**counts, "mediumCount": 1},
            "vulnerabilities": [finding],
        },
    )


def catalogue(path: Path, now: datetime) -> Path:
    """A catalogue of exploited vulnerabilities, as CISA publishes it."""
    day = now.date().isoformat()
    path.write_text(
        json.dumps(
            {
                "title": "Known Exploited Vulnerabilities",
                "catalogVersion": day.replace("-", "."),
                "dateReleased": f"{day}T00:00:00.0000Z",
                "count": 1,
                "vulnerabilities": [
                    {
                        "cveID": EXPLOITED,
                        "vendorProject": "Quarkus",
                        "product": "Quarkus HTTP",
                        "vulnerabilityName": "request smuggling",
                        "dateAdded": day,
                        "shortDescription": "",
                        "requiredAction": "update",
                        "dueDate": day,
                        "knownRansomwareCampaignUse": "Unknown",
                        "notes": "",
                    }
                ],
            }
        )
    )
    return path
