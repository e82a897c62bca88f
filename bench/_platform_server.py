"""An API server's answers for a large cluster with a platform on it, made page by page on demand."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import inventory as pods_bench

REVISIONS = 10
KINDS = (
    ("Deployment", "apps/v1"),
    ("Service", "v1"),
    ("ConfigMap", "v1"),
    ("Role", "rbac.authorization.k8s.io/v1"),
)
DESCRIPTION = "What this field is for, in a sentence." * 3
PANEL = '    {{"panel": {j}, "expr": "sum(rate(x_{i}_{j}[5m])) by (pod)", "title": "T{j}"}},'
RULE = '- apiGroups: [""]\n  resources: ["r{j}"]\n  verbs: [get, list, watch]'
CONTAINER = '      - name: c{j}\n        env:\n        - name: A{j}\n          value: "v-{i}-{j}"'
SAMPLE = b'apiserver_request_total{code="200",component="apiserver",group="",resource="r%d",verb="LIST"} 7\n'
_PER_WORKLOAD = pods_bench.PER_WORKLOAD
_SERVED = (
    ("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition"),
    ("aquasecurity.github.io", "v1alpha1", "vulnerabilityreports", "VulnerabilityReport"),
    ("helm.toolkit.fluxcd.io", "v2", "helmreleases", "HelmRelease"),
)

Item = dict[str, Any]


class Server:
    """Answers requests by path. A list goes on where its last page ended."""

    def __init__(self, pods: int, nodes: int, releases: int, reports: int) -> None:
        self.releases = releases
        workloads = pods // _PER_WORKLOAD
        self._lists: dict[str, Callable[[], Iterator[Item]]] = {
            "/api/v1/nodes": lambda: (node(number) for number in range(nodes)),
            "/apis/apps/v1/deployments": lambda: (deployment(number) for number in range(workloads)),
            "/apis/apps/v1/replicasets": lambda: (replica_set(number) for number in range(workloads)),
            "/api/v1/secrets": self._records,
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions": lambda: (crd(number) for number in range(200)),
            "/apis/aquasecurity.github.io/v1alpha1/vulnerabilityreports": lambda: (report(n) for n in range(reports)),
            "/apis/helm.toolkit.fluxcd.io/v2/helmreleases": lambda: (helm_release(n) for n in range(releases // 2)),
        }
        self._pods = pods
        self._open: dict[str, Iterator[Any]] = {}

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, bytes]:
        """Code and body."""
        if path in ("/api", "/apis"):
            return 200, discovery(path)
        if path == "/version":
            return 200, b'{"gitVersion":"v1.34.4"}'
        if path == "/api/v1/namespaces/kube-system":
            return 200, b'{"metadata":{"name":"kube-system","uid":"11111111-2222-4333-8444-555555555555"}}'
        if path == "/metrics":
            return 200, METRICS
        if path == "/api/v1/pods":
            return 200, self._pod_page("continue" in query)
        if "fieldSelector" in query and path.endswith("/secrets"):
            return 200, self._record(query["fieldSelector"].removeprefix("metadata.name="))
        if path in self._lists:
            return 200, self._page(path, int(query.get("limit", "500")), "continue" in query)
        return 200, b'{"kind":"List","metadata":{"resourceVersion":"9"},"items":[]}'

    def _pod_page(self, goes_on: bool) -> bytes:
        if not goes_on:
            self._open["pods"] = pods_bench.pages(self._pods)
        page: bytes = next(self._open["pods"])
        return page

    def _page(self, path: str, limit: int, goes_on: bool) -> bytes:
        if not goes_on:
            self._open[path] = iter(self._lists[path]())
        items = list(itertools.islice(self._open[path], limit))
        more = "more" if len(items) == limit else ""
        meta = {"resourceVersion": "9", "continue": more}
        return json.dumps({"kind": "List", "metadata": meta, "items": items}, separators=(",", ":")).encode()

    def _records(self) -> Iterator[Item]:
        """Metadata of every revision of every release."""
        for number in range(self.releases):
            for revision in range(1, REVISIONS + 1):
                yield {"metadata": record_meta(number, revision)}

    def _record(self, name: str) -> bytes:
        """The whole record of that name."""
        release, _, revision = name.removeprefix("sh.helm.release.v1.").rpartition(".v")
        number = int(release.rpartition("-")[2])
        meta = record_meta(number, int(revision))
        item = {"metadata": meta, "type": "helm.sh/release.v1", "data": {"release": packed(number, int(revision))}}
        return json.dumps({"kind": "SecretList", "metadata": {}, "items": [item]}).encode()


def discovery(path: str) -> bytes:
    """An aggregated discovery document."""
    items = [
        {
            "metadata": {"name": group},
            "versions": [
                {
                    "version": version,
                    "resources": [{"resource": plural, "responseKind": {"kind": kind}, "scope": "Namespaced"}],
                }
            ],
        }
        for group, version, plural, kind in (_SERVED if path == "/apis" else ())
    ]
    return json.dumps({"kind": "APIGroupDiscoveryList", "items": items}).encode()


def node(number: int) -> Item:
    """A node with fifty images, which are most of it."""
    images = [
        {
            "names": [f"registry.example/app-{i:04d}@sha256:{i:064x}", f"registry.example/app-{i:04d}:1.2.3"],
            "sizeBytes": i,
        }
        for i in range(number, number + 50)
    ]
    conditions = [
        {
            "type": name,
            "status": "True" if name == "Ready" else "False",
            "reason": "KubeletReady",
            "lastHeartbeatTime": "2026-11-20T08:00:00Z",
            "lastTransitionTime": "2026-11-02T08:00:00Z",
            "message": "x" * 60,
        }
        for name in ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")
    ]
    info = {
        "bootID": f"boot-{number}",
        "kernelVersion": f"5.15.0-{100 + number % 3}-generic",
        "osImage": "Ubuntu 22.04.5 LTS",
        "kubeletVersion": "v1.34.4",
        "containerRuntimeVersion": "containerd://1.7.13",
        "architecture": "amd64",
    }
    amounts = {"cpu": "32", "memory": "128Gi", "pods": "110", "ephemeral-storage": "400Gi"}
    labels = {f"label-{i}.example.com/name": f"value-{i}" for i in range(12)}
    labels |= {"kubernetes.io/hostname": f"node-{number:04d}", "topology.kubernetes.io/zone": f"z{number % 3}"}
    meta = {
        "name": f"node-{number:04d}",
        "uid": f"{number:08x}-node",
        "labels": labels,
        "creationTimestamp": "2025-01-01T00:00:00Z",
        "resourceVersion": "7",
    }
    status = {
        "allocatable": amounts,
        "capacity": amounts,
        "conditions": conditions,
        "nodeInfo": info,
        "images": images,
        "addresses": [{"type": "InternalIP", "address": f"10.1.{number >> 8}.{number & 255}"}],
    }
    return {"metadata": meta, "spec": {"podCIDR": "10.0.0.0/24"}, "status": status}


def _workload(number: int, prefix: str) -> Item:
    app = f"app-{number:04d}"
    template = {"metadata": {"labels": {"app": app}}, "spec": pods_bench.spec_of(number, "ReplicaSet", app)}
    annotations = {"meta.helm.sh/release-name": f"release-{number % 500}", "meta.helm.sh/release-namespace": "ns"}
    meta = {
        "name": f"{prefix}{app}",
        "namespace": f"team-{number % 120:03d}",
        "uid": f"{prefix}{number}",
        "labels": {"app": app, "helm.sh/chart": f"chart-{number % 500}-1.2.3"},
        "annotations": annotations,
        "managedFields": pods_bench.managed(number, {"a": "b"}, annotations),
    }
    spec = {"replicas": _PER_WORKLOAD, "selector": {"matchLabels": {"app": app}}, "template": template}
    return {"metadata": meta, "spec": spec, "status": {"replicas": _PER_WORKLOAD, "readyReplicas": _PER_WORKLOAD}}


def deployment(number: int) -> Item:
    """A Deployment."""
    return _workload(number, "")


def replica_set(number: int) -> Item:
    """Its ReplicaSet."""
    item = _workload(number, "rs-")
    owner = {"kind": "Deployment", "name": f"app-{number:04d}", "uid": str(number), "controller": True}
    item["metadata"]["ownerReferences"] = [owner]
    return item


def record_meta(number: int, revision: int) -> Item:
    """metadata of a release's record."""
    name = f"release-{number}"
    status = "deployed" if revision == REVISIONS else "superseded"
    labels = {"owner": "helm", "name": name, "version": str(revision), "status": status, "modifiedAt": "1767603600"}
    return {"name": f"sh.helm.release.v1.{name}.v{revision}", "namespace": f"team-{number % 120:03d}", "labels": labels}


def packed(number: int, revision: int) -> str:
    """A release of a chart of ordinary size: a manifest of about 100 kB, templates and values beside it."""
    text = manifest(number)
    body = {
        "name": f"release-{number}",
        "namespace": f"team-{number % 120:03d}",
        "version": revision,
        "info": {
            "status": "deployed",
            "first_deployed": "2025-01-01T00:00:00Z",
            "last_deployed": "2026-01-01T00:00:00Z",
        },
        "chart": {
            "metadata": {"name": f"chart-{number}", "version": "1.2.3", "appVersion": "4.5.6", "kubeVersion": ">=1.25"},
            "templates": [
                {
                    "name": f"templates/{i}.yaml",
                    "data": _b64(text[i * 4000 : i * 4000 + 4000].encode()),
                }
                for i in range(25)
            ],
            "values": {f"group{i}": {f"key{j}": f"value-{i}-{j}" for j in range(20)} for i in range(30)},
        },
        "config": {f"group{i}": {f"key{j}": f"mine-{i}-{j}" for j in range(6)} for i in range(8)},
        "manifest": text,
        "hooks": [],
    }
    inner = base64.b64encode(gzip.compress(json.dumps(body).encode(), 6, mtime=0))
    return base64.b64encode(inner).decode()


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def manifest(number: int) -> str:
    """What a chart renders: dashboards in ConfigMaps, a Deployment, Roles, Services, a CRD's worth of schema."""
    parts = []
    for i in range(30):
        kind, api = KINDS[i % 4]
        lines = [
            f"---\n# Source: chart-{number}/templates/{i}.yaml",
            f"apiVersion: {api}",
            f"kind: {kind}",
            "metadata:",
            f"  name: release-{number}-{i}",
            "  labels:",
            f"    app.kubernetes.io/name: chart-{number}",
            "    app.kubernetes.io/managed-by: Helm",
        ]
        if kind == "ConfigMap":
            lines += ["data:", "  dashboard.json: |-"]
            lines += [PANEL.format(i=i, j=j) for j in range(60)]
        elif kind == "Role":
            lines += ["rules:", *(RULE.format(j=j) for j in range(25))]
        else:
            lines += ["spec:", "  template:", "    spec:", "      containers:"]
            lines += [CONTAINER.format(i=i, j=j) for j in range(40)]
        parts.append("\n".join(lines))
    return "\n".join(parts) + "\n"


def crd(number: int) -> Item:
    """A CRD of two versions, each with a schema of some 30 kB."""
    fields = {f"field{i}": {"type": "string", "description": DESCRIPTION} for i in range(200)}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object", "properties": fields}}}}
    versions = [{"name": name, "served": True, "storage": name == "v1", "schema": schema} for name in ("v1", "v1beta1")]
    group, plural = f"group{number // 10}.example.com", f"things{number}"
    names = {"kind": f"Thing{number}", "plural": plural}
    return {
        "metadata": {"name": f"{plural}.{group}", "managedFields": [{"manager": "helm", "operation": "Update"}]},
        "spec": {
            "group": group,
            "names": names,
            "scope": "Namespaced",
            "versions": versions,
        },
        "status": {"storedVersions": ["v1"]},
    }


def helm_release(number: int) -> Item:
    """A HelmRelease of Flux with a short history."""
    history = [
        {
            "name": f"release-{number}",
            "version": 10 - i,
            "status": "deployed" if not i else "superseded",
            "chartName": "chart",
            "chartVersion": "1.2.3",
            "digest": "sha256:" + "0" * 64,
        }
        for i in range(5)
    ]
    ready = {"type": "Ready", "status": "True", "reason": "UpgradeSucceeded", "message": "Helm upgrade succeeded"}
    source = {"kind": "HelmRepository", "name": "charts"}
    return {
        "metadata": {"name": f"release-{number}", "namespace": f"team-{number % 120:03d}", "generation": 3},
        "spec": {
            "interval": "10m",
            "chart": {"spec": {"chart": "chart", "version": "1.2.3", "sourceRef": source}},
            "values": {f"k{i}": f"v{i}" for i in range(60)},
        },
        "status": {"observedGeneration": 3, "conditions": [ready], "history": history},
    }


def report(number: int) -> Item:
    """A vulnerability report of 120 findings, half of them worth keeping; four workloads share an image."""
    image = number // 4
    severities = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "LOW", "MEDIUM")
    found = [
        {
            "vulnerabilityID": f"CVE-2026-{(image * 37 + i) % 20000:05d}",
            "severity": severities[i % 6],
            "resource": f"package-{i}",
            "installedVersion": f"1.{i}.0",
            "fixedVersion": f"1.{i}.1" if i % 3 == 0 else "",
            "score": 7.5,
            "title": "A heap overflow in the parser lets a remote attacker do things " * 2,
            "primaryLink": f"https://avd.example/cve-2026-{i}",
            "links": [],
            "target": "registry.example/app (debian 12.5)",
        }
        for i in range(120)
    ]
    labels = {
        "trivy-operator.resource.kind": "ReplicaSet",
        "trivy-operator.resource.name": f"rs-app-{number:04d}",
        "trivy-operator.resource.namespace": f"team-{number % 120:03d}",
        "trivy-operator.container.name": "c0",
    }
    body = {
        "updateTimestamp": "2026-11-19T16:00:00Z",
        "scanner": {"name": "Trivy", "version": "0.55.0"},
        "artifact": {"repository": f"app-{image:04d}", "tag": "1.2.3", "digest": f"sha256:{image:064x}"},
        "summary": {"criticalCount": 20, "highCount": 20, "mediumCount": 40, "lowCount": 40},
        "vulnerabilities": found,
    }
    meta = {"name": f"replicaset-{number}", "namespace": f"team-{number % 120:03d}", "labels": labels}
    return {"metadata": meta, "report": body}


METRICS = (
    b"# HELP apiserver_request_total [STABLE] Counter\n# TYPE apiserver_request_total counter\n"
    + b"".join(SAMPLE % i for i in range(50_000))
    + b"# TYPE apiserver_requested_deprecated_apis gauge\n"
    + b'apiserver_requested_deprecated_apis{group="batch",removed_release="1.25",resource="cronjobs",subresource="",'
    + b'version="v1beta1"} 1\n'
)
