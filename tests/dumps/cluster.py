"""A small cluster as API objects, and the same cluster written in every layout and packing."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import yaml

from shipkeeper.semantics.wire import PLATFORM_READERS, reader_for
from tests.wire.objects import STAMP, asks, container, listing, meta, pod

TAKEN = "2026-01-02T04:00:00.500000Z"
TAKEN_MS = 1_767_326_400_500
Objects = list[dict[str, Any]]


def small_cluster() -> Objects:
    """Three nodes, two namespaces, a Deployment with a budget, a DaemonSet, storage, a machine-config pool."""
    return [*_cluster_scoped(), *_shop(), *_system()]


def _thing(api_version: str, kind: str, name: str, namespace: str | None = "shop", **body: Any) -> dict[str, Any]:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": meta(name, namespace, **body.pop("metadata", {})),
    } | body


def _cluster_scoped() -> Objects:
    nodes = [
        _thing(
            "v1",
            "Node",
            f"n{i}",
            None,
            metadata={"labels": {"node-role.kubernetes.io/worker": "", "topology.kubernetes.io/zone": f"z{i}"}},
            status={
                "allocatable": {"cpu": "4", "memory": "16Gi", "pods": "110"},
                "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": STAMP}],
                "nodeInfo": {"kubeletVersion": "v1.34.4", "bootID": f"boot-{i}"},
            },
        )
        for i in (1, 2, 3)
    ]
    return [
        *nodes,
        _thing("v1", "Namespace", "shop", None, status={"phase": "Active"}),
        _thing("v1", "Namespace", "kube-system", None, status={"phase": "Active"}),
        _thing("storage.k8s.io/v1", "StorageClass", "standard", None, provisioner="csi.example.com"),
        _thing("storage.k8s.io/v1", "CSINode", "n1", None, spec={"drivers": [{"name": "csi.example.com"}]}),
        _thing("v1", "PersistentVolume", "pv-1", None, spec={"csi": {"driver": "csi.example.com"}}),
        _thing("machineconfiguration.openshift.io/v1", "MachineConfigPool", "worker", None, spec={"paused": False}),
        _thing(
            "admissionregistration.k8s.io/v1",
            "ValidatingWebhookConfiguration",
            "guard",
            None,
            webhooks=[{"name": "a.example.com"}, {"name": "b.example.com"}],
        ),
    ]


def _shop() -> Objects:
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d8f", "uid": "uid-shop-web-5d8f"}
    pods = [
        pod(
            f"web-5d8f-{i}",
            metadata={"labels": {"app": "web"}, "ownerReferences": [owner | {"controller": True}]},
            spec={"nodeName": f"n{i}", "containers": [container(**asks(cpu="250m", memory="1Gi"))]},
        )
        for i in (1, 2, 3)
    ]
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container()]}}
    status = {"replicas": 3, "readyReplicas": 3}
    return [
        *pods,
        _thing("apps/v1", "Deployment", "web", spec={"replicas": 3, "template": template}, status=status),
        _thing("apps/v1", "ReplicaSet", "web-5d8f", spec={"replicas": 3, "template": template}, status=status),
        _thing(
            "policy/v1",
            "PodDisruptionBudget",
            "web",
            spec={"maxUnavailable": "25%", "selector": {"matchLabels": {"app": "web"}}},
            status={"disruptionsAllowed": 1, "expectedPods": 3},
        ),
        _thing("v1", "PersistentVolumeClaim", "data", spec={"volumeName": "pv-1"}, status={"phase": "Bound"}),
        _thing("v1", "Service", "web", spec={"selector": {"app": "web"}}),
        _thing("coordination.k8s.io/v1", "Lease", "web-leader", spec={"holderIdentity": "web-1", "renewTime": TAKEN}),
    ]


def _system() -> Objects:
    template = {"metadata": {"labels": {"app": "kured"}}, "spec": {"containers": [container("kured")]}}
    status = {"desiredNumberScheduled": 3, "numberReady": 3}
    return [
        pod("etcd-n1", "kube-system", metadata={"annotations": {"kubernetes.io/config.mirror": "abc"}}),
        _thing("apps/v1", "DaemonSet", "kured", "kube-system", spec={"template": template}, status=status),
    ]


def dump_json(value: Any) -> bytes:
    return json.dumps(value, indent=2).encode()


def dump_yaml(value: Any) -> bytes:
    return b"---\n" + yaml.safe_dump(value).encode()


def _plural(item: dict[str, Any]) -> tuple[str, str]:
    """(API group, plural name)."""
    reader = reader_for(item["apiVersion"], item["kind"])
    if reader is None:
        group, _, _ = item["apiVersion"].rpartition("/")
        return group, item["kind"].lower() + "s"
    return reader.group, reader.resource


def _by_resource(objects: Objects) -> dict[tuple[str, str, str], Objects]:
    """(namespace or empty, group, plural) → objects."""
    piles: dict[tuple[str, str, str], Objects] = defaultdict(list)
    for item in objects:
        piles[(item["metadata"].get("namespace", ""), *_plural(item))].append(item)
    return piles


def must_gather(objects: Objects) -> dict[str, bytes]:
    """As ``oc adm inspect`` lays it out: pods twice, cluster-scoped objects one a file."""
    root = "must-gather.local.1/quay-io-image-sha256-abc"
    files = {
        f"{root}/timestamp": b"2026-01-02 04:00:00.5 +0000 UTC m=+0.38\n",
        f"{root}/version": b"must-gather\n4.0\n",
    }
    for (namespace, group, plural), items in _by_resource(objects).items():
        folder = group or "core"
        if plural == "namespaces":
            for item in items:
                name = item["metadata"]["name"]
                files[f"{root}/namespaces/{name}/{name}.yaml"] = dump_yaml(item)
        elif namespace:
            listed = listing(items, items[0]["kind"] + "List", items[0]["apiVersion"])
            files[f"{root}/namespaces/{namespace}/{folder}/{plural}.yaml"] = dump_yaml(listed)
        else:
            for item in items:
                path = f"{root}/cluster-scoped-resources/{folder}/{plural}/{item['metadata']['name']}.yaml"
                files[path] = dump_yaml(item)
        if plural == "pods":
            for item in items:
                name = item["metadata"]["name"]
                files[f"{root}/namespaces/{namespace}/pods/{name}/{name}.yaml"] = dump_yaml(item)
                files[f"{root}/namespaces/{namespace}/pods/{name}/main/main/logs/current.log"] = b"started\n"
    files[f"{root}/cluster-scoped-resources/config.openshift.io/clusteroperators/kube-apiserver.yaml"] = dump_yaml(
        {
            "apiVersion": "config.openshift.io/v1",
            "kind": "ClusterOperator",
            "metadata": {"name": "kube-apiserver"},
            "status": {
                "versions": [{"name": "operator", "version": "4.21.0"}, {"name": "kube-apiserver", "version": "1.34.4"}]
            },
        }
    )
    return files


_BUNDLE_NAMES = {
    "poddisruptionbudgets": "pod-disruption-budgets",
    "persistentvolumeclaims": "pvcs",
    "persistentvolumes": "pvs",
    "storageclasses": "storage-classes",
    "customresourcedefinitions": "custom-resource-definitions",
}


def support_bundle(objects: Objects) -> dict[str, bytes]:
    """As troubleshoot.sh lays it out."""
    root = "support-bundle-1"
    files = {
        f"{root}/version.yaml": b"apiVersion: troubleshoot.sh/v1beta2\nkind: SupportBundle\n",
        f"{root}/cluster-info/cluster_version.json": dump_json(
            {"info": {"gitVersion": "v1.34.4"}, "string": "v1.34.4"}
        ),
        f"{root}/run-pod-example/run-pod-example.json": dump_json(pod("gone-by-now")),
    }
    for (namespace, group, plural), items in _by_resource(objects).items():
        name = _BUNDLE_NAMES.get(plural, plural)
        listed = dump_json(listing(items, items[0]["kind"] + "List", items[0]["apiVersion"]))
        custom = f"{plural}.{group}" in PLATFORM_READERS and plural != "customresourcedefinitions"
        if custom or reader_for(items[0]["apiVersion"], items[0]["kind"]) is None:
            folder = f"{root}/cluster-resources/custom-resources/{plural}.{group}"
            files[f"{folder}/{namespace or 'cluster'}.json"] = dump_json(items)
            if not namespace:
                files[f"{folder}.json"] = listed
        elif namespace:
            files[f"{root}/cluster-resources/{name}/{namespace}.json"] = listed
        else:
            files[f"{root}/cluster-resources/{name}.json"] = listed
    return files


def cluster_info(objects: Objects) -> dict[str, bytes]:
    """As ``kubectl cluster-info dump --output-directory`` lays it out, with the other kinds beside."""
    files = {
        "version.json": dump_json(
            {"clientVersion": {"gitVersion": "v1.99.0"}, "serverVersion": {"gitVersion": "v1.34.4"}}
        )
    }
    for (namespace, group, plural), items in _by_resource(objects).items():
        listed = dump_json(listing(items, items[0]["kind"] + "List", items[0]["apiVersion"]))
        name = f"{plural}.{group}" if f"{plural}.{group}" in PLATFORM_READERS else plural
        files[f"{namespace}/{name}.json" if namespace else f"{name}.json"] = listed
    for item in objects:
        if item["kind"] == "Pod":
            files[f"{item['metadata']['namespace']}/{item['metadata']['name']}/logs.txt"] = b"==== START logs\n"
    return files


VERSION = {"serverVersion": {"gitVersion": "v1.34.4"}}


def one_list(objects: Objects) -> bytes:
    """``kubectl get … -o json`` of mixed kinds, and ``kubectl version`` after it."""
    return dump_json(listing(objects)) + b"\n" + dump_json(VERSION)


def yaml_list(objects: Objects) -> bytes:
    return dump_yaml(listing(objects)) + dump_yaml(VERSION)


def yaml_documents(objects: Objects) -> bytes:
    return b"".join(dump_yaml(item) for item in [*objects, VERSION])


LAYOUTS = {"must-gather": must_gather, "support bundle": support_bundle, "cluster-info dump": cluster_info}
SINGLE = {"list.json": one_list, "list.yaml": yaml_list, "documents.yaml": yaml_documents}


def as_folder(files: dict[str, bytes], path: Path) -> Path:
    for name, content in files.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return path


def tar_bytes(files: dict[str, bytes], format: int = tarfile.GNU_FORMAT) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=format) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), 1_767_000_000
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def zip_bytes(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


PACKINGS = {
    "tar": tar_bytes,
    "tar-pax": lambda files: tar_bytes(files, tarfile.PAX_FORMAT),
    "tar.gz": lambda files: gzip.compress(tar_bytes(files), mtime=0),
    "tar.xz": lambda files: lzma.compress(tar_bytes(files, tarfile.USTAR_FORMAT)),
    "zip": zip_bytes,
}
