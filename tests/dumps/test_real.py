"""Real dumps, counted a second time by a walk that knows nothing of layouts."""

from __future__ import annotations

import json
import os
import tarfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from shipkeeper.integrations.dumps import read_dump
from shipkeeper.model.inventory import Inventory

FOLDER = os.environ.get("SHIPKEEPER_TEST_DATA", "")
pytestmark = [
    pytest.mark.requirement("R-A2"),
    pytest.mark.skipif(not FOLDER, reason="SHIPKEEPER_TEST_DATA is not set: no real dumps to read"),
]
DUMPS = ("must-gather-aws.tar.xz", "must-gather-azure.tar.xz", "support-bundle-k3s.tar.gz")
WORKLOADS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicationController")
NOT_OURS = (
    "configmaps", "secrets", "customresourcedefinitions", "apirequestcounts", "imagestreams", "prometheusrules",
    "machineconfigs", "credentialsrequests", "clusterserviceversions", "monitoring.coreos.com", "/run-pod",
)  # fmt: skip
"""Kinds that nothing here counts (and the pod that a bundle's own collector ran and removed)."""
COUNTED = {
    "nodes": ("Node",),
    "pods": ("Pod",),
    "workloads": WORKLOADS,
    "budgets": ("PodDisruptionBudget",),
    "claims": ("PersistentVolumeClaim",),
    "volumes": ("PersistentVolume",),
    "csiNodes": ("CSINode",),
    "storageClasses": ("StorageClass",),
    "priorityClasses": ("PriorityClass",),
    "quotas": ("ResourceQuota",),
    "services": ("Service",),
    "endpointSlices": ("EndpointSlice",),
    "leases": ("Lease",),
    "namespaces": ("Namespace",),
}


def path_of(name: str) -> Path:
    return Path(FOLDER) / "dumps" / name


def raw_objects(name: str) -> Iterator[dict[str, Any]]:
    """Every object of every readable document in the archive, by nothing but its own words."""
    with tarfile.open(path_of(name)) as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is None or not member.name.endswith((".json", ".yaml")):
                continue
            if any(word in member.name for word in NOT_OURS):
                continue
            for document in _documents(member.name, content.read()):
                items = document.get("items") or [] if "items" in document else [document]
                kind = document.get("kind", "").removesuffix("List")
                yield from ({"kind": kind, "apiVersion": document.get("apiVersion", "")} | item for item in items)


def _documents(name: str, data: bytes) -> list[dict[str, Any]]:
    try:
        found = (
            [json.loads(data)]
            if name.endswith(".json")
            else list(yaml.load_all(data, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
        )
    except (ValueError, yaml.YAMLError):
        return []
    return [document for document in found if isinstance(document, dict)]


@pytest.fixture(scope="module", params=DUMPS)
def both(request: pytest.FixtureRequest) -> tuple[Inventory, dict[str, dict[Any, dict[str, Any]]]]:
    """The inventory, and the raw objects by kind and UID."""
    raw: dict[str, dict[Any, dict[str, Any]]] = defaultdict(dict)
    for item in raw_objects(request.param):
        meta = item.get("metadata") or {}
        if item["apiVersion"].split("/")[0] in ("v1", "apps", "batch", "policy", "storage.k8s.io", "discovery.k8s.io",
                                                 "scheduling.k8s.io", "coordination.k8s.io"):  # fmt: skip
            raw[item["kind"]].setdefault(meta.get("uid") or (meta.get("namespace"), meta.get("name")), item)
    return read_dump(str(path_of(request.param))), raw


def test_counts_are_exact(both: tuple[Inventory, dict[str, Any]]) -> None:
    inventory, raw = both
    expected = {name: sum(len(raw[kind]) for kind in kinds) for name, kinds in COUNTED.items()}
    assert expected["pods"], "the walk found nothing to compare with"
    counts = inventory.counts()
    assert {name: counts[name] for name in expected} == expected
    assert len(inventory.events) == len(raw["Event"])


def test_pods_are_the_same_pods(both: tuple[Inventory, dict[str, Any]]) -> None:
    inventory, raw = both
    assert {pod.uid for pod in inventory.pods} == set(raw["Pod"])
    for pod in inventory.pods:
        item = raw["Pod"][pod.uid]
        spec, status, meta = item["spec"], item["status"], item["metadata"]
        assert (pod.namespace, pod.name, pod.node) == (meta["namespace"], meta["name"], spec.get("nodeName", ""))
        assert pod.phase == status["phase"]
        assert pod.shape.labels == (meta.get("labels") or {})
        assert pod.shape.grace_ms == 1_000 * spec.get("terminationGracePeriodSeconds", 30)
        assert pod.shape.has_empty_dir == any("emptyDir" in volume for volume in spec.get("volumes") or ())
        assert pod.mirror == ("kubernetes.io/config.mirror" in (meta.get("annotations") or {}))
        ready = [c["status"] == "True" for c in status.get("conditions") or () if c["type"] == "Ready"]
        assert pod.ready == (ready == [True])
        owners = [owner for owner in meta.get("ownerReferences") or () if owner.get("controller")]
        assert (pod.owner.uid if pod.owner else None) == (owners[0]["uid"] if owners else None)


def test_budgets_are_the_same_budgets(both: tuple[Inventory, dict[str, Any]]) -> None:
    inventory, raw = both
    for budget in inventory.budgets:
        item = raw["PodDisruptionBudget"][budget.uid]
        assert budget.allowed == item["status"].get("disruptionsAllowed", 0)
        assert budget.expected == item["status"].get("expectedPods", 0)
        assert budget.max_unavailable == item["spec"].get("maxUnavailable")
        assert budget.min_available == item["spec"].get("minAvailable")


def test_every_dump_tells_its_cluster_version_and_time(both: tuple[Inventory, dict[str, Any]]) -> None:
    inventory, raw = both
    assert inventory.identity.uid in raw["Namespace"]
    assert inventory.identity.server_version.startswith("v1.")
    newest = max(event.last_ms for event in inventory.events)
    assert 0 <= inventory.taken_ms - newest < 3_600_000, "a dump is taken shortly after its newest event"
    assert inventory.missing, "no real dump holds everything"


@pytest.mark.parametrize("name", [name for name in DUMPS if name.startswith("must-gather")])
def test_openshift_has_its_own_maintainers(name: str) -> None:
    inventory = read_dump(str(path_of(name)))
    assert inventory.drainers == ("Machine", "MachineConfigPool", "MachineSet")
    assert inventory.is_missing("other-namespaces")
    assert inventory.is_missing("volumeattachments")


@pytest.mark.parametrize("name", DUMPS)
def test_a_folder_gives_what_its_archive_gives(name: str, tmp_path: Path) -> None:
    with tarfile.open(path_of(name)) as archive:
        archive.extractall(tmp_path, filter="data")
    packed, unpacked = read_dump(str(path_of(name))), read_dump(str(tmp_path))
    assert list(packed.pods) == list(unpacked.pods)
    for field in ("nodes", "workloads", "budgets", "missing", "identity", "taken_ms", "events", "webhooks", "skipped"):
        assert getattr(packed, field) == getattr(unpacked, field), field


def test_pods_share_shapes() -> None:
    inventory = read_dump(str(path_of(DUMPS[0])))
    daemons = Counter(pod.owner.uid for pod in inventory.pods if pod.owner and pod.daemon)
    shapes = {(pod.owner.uid, repr(pod.shape)) for pod in inventory.pods if pod.owner and pod.daemon}
    assert len(shapes) == len(daemons), "a DaemonSet's pods must share one shape, whatever node they are on"
