"""What Helm keeps of the platform's releases: Secrets with everything in them, the users' values too.

The values hold ``CANARY`` wherever a real one would hold something secret: a survey reads these records, and nothing
of a value may be seen afterwards.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from shipkeeper.app.demo_platform.naming import FIRST, Moment, before, between, stamp
from shipkeeper.app.demo_platform.parts import App
from shipkeeper.app.demo_platform.podspec import Json
from shipkeeper.app.demo_platform.workloads import meta
from shipkeeper.model.time import DAY

CANARY = "demo-canary-7d41c9"
"""Stands for every password and key of this platform."""

CLASSES = "storage.k8s.io/v1beta1", "VolumeAttributesClass", "gold"
"""An API in a chart's manifest that Kubernetes 1.37 no longer has."""


@dataclass(frozen=True)
class Chart:
    """One release. ``repository``: the Flux source that it is installed from; empty: by hand.

    ``extra``: (apiVersion, kind, name) of objects beside the workloads ``apps``. ``secret``: path of a value that is
    one.
    """

    namespace: str
    name: str
    chart: str
    version: str
    app: str
    apps: tuple[str, ...] = ()
    repository: str = ""
    secret: str = ""
    extra: tuple[tuple[str, str, str], ...] = ()
    revision: int = 5
    days: int = 40
    """How long before the first survey it was last deployed."""
    asks: str = ""
    """The version that its HelmRelease asks for; empty: exactly this one."""


CHARTS = (
    Chart("cert-manager", "cert-manager", "cert-manager", "v1.21.0", "v1.21.0",
          ("cert-manager", "cert-manager-webhook", "cert-manager-cainjector"), "jetstack", days=61),
    Chart("databases", "cnpg", "cloudnative-pg", "0.28.0", "1.30.0", ("cnpg-controller-manager",), "cnpg", days=75),
    Chart("databases", "rabbitmq", "rabbitmq", "17.0.2", "4.3.2", ("rabbitmq-server",), "mirror", "auth.password", days=33),
    Chart("falco", "falco", "falco", "7.2.1", "0.43.1", ("falco", "falcosidekick"), "falco", "sidekick.webhook.address", days=88),
    Chart("harbor", "harbor", "harbor", "1.18.3", "2.14.3",
          ("harbor-core", "harbor-jobservice", "harbor-portal", "harbor-registry"), "", "harborAdminPassword", revision=7, days=94),
    Chart("ingress-nginx", "ingress-nginx", "ingress-nginx", "4.15.1", "1.15.1", ("ingress-nginx-controller",), "ingress", days=140),
    Chart("kube-system", "cilium", "cilium", "1.19.4", "1.19.4", ("cilium", "cilium-operator"), "cilium", days=52),
    Chart("kube-system", "coredns", "coredns", "1.45.2", "1.14.3", ("coredns",), "coredns", days=70),
    Chart("kube-system", "csi-volume", "csi-volume", "2.4.1", "2.4.1", ("csi-volume-node", "csi-volume-controller"), "",
          "storage.apiToken", (CLASSES,), days=160),
    Chart("kube-system", "metrics-server", "metrics-server", "3.13.1", "0.9.0", ("metrics-server",), "metrics", days=70),
    Chart("kyverno", "kyverno", "kyverno", "3.7.2", "v1.17.2",
          ("kyverno-admission-controller", "kyverno-background-controller", "kyverno-reports-controller",
           "kyverno-cleanup-controller"), "kyverno", days=96),
    Chart("logging", "fluent-bit", "fluent-bit", "0.55.0", "5.1.0", ("fluent-bit",), "fluent", days=38),
    Chart("logging", "opensearch", "opensearch", "3.3.0", "3.3.1", ("opensearch-manager", "opensearch-data"), "opensearch",
          "adminPassword", revision=11, days=45),
    Chart("logging", "opensearch-dashboards", "opensearch-dashboards", "3.3.0", "3.3.0", ("opensearch-dashboards",), "opensearch"),
    Chart("monitoring", "blackbox", "prometheus-blackbox-exporter", "11.4.0", "v0.27.0", ("blackbox-exporter",), "prometheus"),
    Chart("monitoring", "kube-prometheus-stack", "kube-prometheus-stack", "86.2.1", "v0.92.1",
          ("prometheus-operator", "prometheus", "alertmanager", "grafana", "kube-state-metrics", "node-exporter"), "prometheus",
          "grafana.adminPassword", revision=23, days=30),
    Chart("trivy-system", "trivy-operator", "trivy-operator", "0.33.1", "0.31.2", ("trivy-operator",), "aqua",
          "trivy.gitHubToken", days=64, asks=">=0.30.0 <1.0.0"),
    Chart("velero", "velero", "velero", "11.2.0", "1.17.2", ("velero",), "velero", "credentials.secretContents.cloud", days=118),
)  # fmt: skip
PENDING, FAILED = "harbor/harbor", "logging/opensearch"
"""An upgrade that died in the middle, and one that ran out of time."""
_TRIED = {PENDING: ("1.19.1", "2.15.1"), FAILED: ("3.4.0", "3.4.0")}
"""(chart, application) that they were to be upgraded to."""


def records(apps: Sequence[App], moment: Moment) -> list[Json]:
    """The Secrets of every release: the revision before, and the one that runs or should."""
    kinds = {app.key: app.kind for app in apps}
    return [record for chart in CHARTS for record in _of(chart, kinds, moment)]


def _of(chart: Chart, kinds: Mapping[str, str], moment: Moment) -> Iterator[Json]:
    key = f"{chart.namespace}/{chart.name}"
    if key not in (PENDING, FAILED):
        older = replace(chart, revision=chart.revision - 1, days=chart.days + 55)
        yield _secret(older, "superseded", "Upgrade complete", kinds)
        yield _secret(chart, "deployed", "Upgrade complete", kinds)
        return
    version, app = _TRIED[key]
    tried = replace(chart, revision=chart.revision + 1, version=version, app=app, days=3)
    again = f"Rollback to {chart.revision}"
    stuck = (
        ("pending-upgrade", "Preparing upgrade")
        if key == PENDING
        else ("failed", "Upgrade failed: context deadline exceeded")
    )
    yield _secret(chart, "superseded" if moment.mended else "deployed", "Upgrade complete", kinds)
    yield _secret(tried, *stuck, kinds)
    if moment.mended:
        yield _secret(replace(chart, revision=chart.revision + 2, days=-3), "deployed", again, kinds)


def _secret(chart: Chart, status: str, description: str, kinds: Mapping[str, str]) -> Json:
    name = f"sh.helm.release.v1.{chart.name}.v{chart.revision}"
    at_ms = FIRST.at_ms - chart.days * DAY - between(0, 600, name) * 1_000
    labels = {
        "modifiedAt": str(at_ms // 1_000 + 41),
        "name": chart.name,
        "owner": "helm",
        "status": status,
        "version": str(chart.revision),
    }
    release = _release(chart, status, description, kinds, at_ms)
    packed = gzip.compress(json.dumps(release, sort_keys=True, separators=(",", ":")).encode(), 9, mtime=0)
    return {
        "apiVersion": "v1",
        "data": {"release": base64.b64encode(base64.b64encode(packed)).decode()},
        "kind": "Secret",
        "metadata": meta("Secret", chart.namespace, name, at_ms, labels),
        "type": "helm.sh/release.v1",
    }


def _release(chart: Chart, status: str, description: str, kinds: Mapping[str, str], at_ms: int) -> Json:
    return {
        "chart": {
            "metadata": {
                "apiVersion": "v2",
                "appVersion": chart.app,
                "kubeVersion": ">=1.30.0-0",
                "name": chart.chart,
                "version": chart.version,
            },
            "templates": [],
            "values": {"image": {"pullPolicy": "IfNotPresent"}},
        },
        "config": _values(chart),
        "info": {
            "description": description,
            "first_deployed": stamp(before(212, chart.namespace, chart.name)),
            "last_deployed": stamp(at_ms),
            "status": status,
        },
        "manifest": _manifest(chart, kinds),
        "name": chart.name,
        "namespace": chart.namespace,
        "version": chart.revision,
    }


def _values(chart: Chart) -> Json:
    values: Json = {
        "image": {"registry": "registry.example.net"},
        "replicaCount": 2,
        "podLabels": {"owner": "platform"},
    }
    if chart.secret:
        *path, last = chart.secret.split(".")
        inner = values
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = f"{CANARY}-{chart.name}"
    return values


def _manifest(chart: Chart, kinds: Mapping[str, str]) -> str:
    """What was applied: the workloads by name, and a rendered Secret with its data in plain sight."""
    parts = [_document(chart, "apps/v1", kinds[f"{chart.namespace}/{app}"], app) for app in chart.apps]
    parts.append(_document(chart, "v1", "ServiceAccount", chart.name))
    parts += [_document(chart, *one) for one in chart.extra]
    if chart.secret:
        secret = _document(chart, "v1", "Secret", f"{chart.name}-credentials")
        parts.append(f"{secret}stringData:\n  password: {CANARY}-{chart.name}\n")
    return "".join(parts)


def _document(chart: Chart, api_version: str, kind: str, name: str) -> str:
    where = "" if api_version.startswith("storage.k8s.io") else f"  namespace: {chart.namespace}\n"
    source = f"# Source: {chart.chart}/templates/{kind.lower()}.yaml"
    return f"---\n{source}\napiVersion: {api_version}\nkind: {kind}\nmetadata:\n  name: {name}\n{where}"
