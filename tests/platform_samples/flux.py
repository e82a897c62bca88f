"""Flux 2.6, and what it runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.platform_samples.base import NOW, SECRET, Object, ago, condition, made


def flux(now: datetime = NOW) -> list[Object]:
    """Flux 2.6: a pinned release that is well, a range, one that stalled, one suspended, and their sources."""
    helm, source = "helm.toolkit.fluxcd.io/v2", "source.toolkit.fluxcd.io/v1"
    parent = {"kustomize.toolkit.fluxcd.io/name": "platform", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}

    def helm_release(name: str, chart: str, version: str, **more: Any) -> Object:
        spec = {
            "interval": "10m0s",
            "releaseName": name,
            "chart": {
                "spec": {
                    "chart": chart,
                    "version": version,
                    "sourceRef": {"kind": "HelmRepository", "name": "charts", "namespace": "flux-system"},
                }
            },
            "values": {"password": SECRET},
            **more.pop("spec", {}),
        }
        return made(
            helm,
            "HelmRelease",
            name,
            more.pop("namespace", "flux-system"),
            metadata={"labels": parent},
            spec=spec,
            **more,
        )

    well = condition("Ready", "True", "UpgradeSucceeded", "Helm upgrade succeeded", now, observedGeneration=1)
    failed = "Helm upgrade failed: context deadline exceeded; see https://user:pw@registry.example/x"
    return [
        helm_release(
            "kyverno",
            "kyverno",
            "3.2.6",
            namespace="kyverno",
            status={
                "observedGeneration": 1,
                "conditions": [well],
                "lastAttemptedRevision": "3.2.6",
                "history": [
                    _snapshot("kyverno", "kyverno", 4, "deployed", "3.2.6", now),
                    _snapshot("kyverno", "kyverno", 3, "superseded", "3.1.4", now),
                ],
            },
        ),
        helm_release(
            "trivy-operator",
            "trivy-operator",
            "0.2x",
            namespace="trivy-system",
            spec={"dependsOn": [{"name": "kyverno", "namespace": "kyverno"}]},
            status={
                "observedGeneration": 1,
                "conditions": [well],
                "history": [_snapshot("trivy-operator", "trivy-system", 2, "deployed", "0.24.1", now)],
            },
        ),
        helm_release(
            "shop",
            "./charts/shop",
            "1.4.2",
            namespace="shop",
            spec={"suspend": False},
            status={
                "observedGeneration": 1,
                "failures": 4,
                "lastHandledReconcileAt": "2026-11-19T08:00:00Z",
                "conditions": [
                    condition("Stalled", "True", "RetriesExceeded", "Failed to upgrade after 4 attempt(s)", now),
                    condition("Ready", "False", "UpgradeFailed", failed, now, observedGeneration=1),
                ],
                "history": [
                    _snapshot("shop", "shop", 7, "failed", "1.4.2", now),
                    _snapshot("shop", "shop", 6, "deployed", "1.4.1", now),
                ],
            },
        ),
        helm_release("opensearch", "opensearch", "2.31.0", namespace="logging", spec={"suspend": True}),
        made(
            "kustomize.toolkit.fluxcd.io/v1",
            "Kustomization",
            "platform",
            "flux-system",
            spec={
                "interval": "5m0s",
                "path": "./platform",
                "prune": True,
                "sourceRef": {"kind": "GitRepository", "name": "platform"},
                "postBuild": {"substitute": {"password": SECRET}},
            },
            status={
                "observedGeneration": 1,
                "lastAppliedRevision": "main@sha1:4f2c",
                "conditions": [well],
                "inventory": {
                    "entries": [
                        {"id": "kyverno_kyverno_helm.toolkit.fluxcd.io_HelmRelease", "v": "v2"},
                        {"id": "_system__reader_rbac.authorization.k8s.io_ClusterRole", "v": "v1"},
                    ]
                },
            },
        ),
        made(
            source,
            "GitRepository",
            "platform",
            "flux-system",
            spec={"interval": "1m0s", "url": "https://git.example/platform.git", "ref": {"branch": "main"}},
            status={
                "observedGeneration": 1,
                "conditions": [well],
                "artifact": {
                    "revision": "main@sha1:4f2c",
                    "lastUpdateTime": ago(now, days=1),
                    "path": "x",
                    "url": "http://source-controller/x",
                    "digest": "sha256:" + "0" * 64,
                },
            },
        ),
        made(
            source,
            "HelmRepository",
            "charts",
            "flux-system",
            spec={"interval": "1h0m0s", "url": "https://charts.example/stable"},
        ),
    ]


def _snapshot(name: str, namespace: str, revision: int, status: str, chart_version: str, now: datetime) -> Object:
    return {
        "name": name,
        "namespace": namespace,
        "version": revision,
        "status": status,
        "chartName": name,
        "chartVersion": chart_version,
        "appVersion": "v1.12.5" if name == "kyverno" else "",
        "digest": "sha256:" + "1" * 64,
        "configDigest": "sha256:" + "2" * 64,
        "firstDeployed": ago(now, days=400),
        "lastDeployed": ago(now, days=90),
    }
