"""A realistic cluster on a plane: nodes in zones and workloads of every kind.

    built = build(api, Size())            # 30 nodes, more than 400 pods
    built = build(api, Size.small())      # 3 nodes, for kill -9 loops
    reset(api)                            # everything gone, nodes too; seconds

`build` returns when everything is Ready and the budgets have settled. All times are exact and known:
`built.times()` gives them by workload, to be injected into a rehearsal.

Jobs are the exception (measured on v1.36.3 and v1.34.4): the Job controller makes the pod that replaces
an evicted one only after its back-off, 10 s at first and doubling, whatever the pod failure policy
says; and 1.34 keeps the evicted pod's object until then (its tracking finalizer), so a drain waits
for it. Drop them with `Size(jobs=0)` where seconds are compared.

A StatefulSet's pod should take a second or more to end (`Size.steady`). When its successor of the same name
is there before the disruption controller has seen the old one terminate (seen after 240 and 600 ms on a busy
machine), the budget goes on counting it as disrupted until the controller's time-out, 2 minutes after the
eviction.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.real.plane import waits
from tests.real.plane.api import Api, Object, is_healthy_pod
from tests.real.plane.manifests import (
    DRIVER,
    HOSTNAME,
    LABEL,
    STORAGE_CLASS,
    ZONE,
    Times,
    Workload,
    mirror_pod,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "scripts"))
from controlplane_lib import nodes as plane_nodes

KEEP_NAMESPACES = frozenset({"default", "kube-system", "kube-public", "kube-node-lease"})
PRIORITIES = {"platform": 100_000, "business": 10_000, "background": -10}
STEADY_MS = 1500
HARD, SOFT = "DoNotSchedule", "ScheduleAnyway"


@dataclass(frozen=True)
class Size:
    """How big the cluster is. Pods: about 4 a node for daemons, 37 a team, 3 a database."""

    nodes: int = 30
    teams: int = 8
    databases: int = 4
    zonal_volumes: bool = True
    jobs: int = 6
    mirror_pods: bool = True
    zones: tuple[str, ...] = plane_nodes.ZONES
    speed: float = 1.0

    @classmethod
    def small(cls, speed: float = 0.3) -> Size:
        """Three nodes, one team, quick pods; volumes that any node can have, no Jobs."""
        return cls(nodes=3, teams=1, databases=1, zonal_volumes=False, jobs=0, speed=speed)

    def pace(self, ready_ms: int, termination_ms: int | None, grace_s: int = 30) -> Times:
        """Times scaled by `speed`; a grace period is in whole seconds and stays."""
        gone = None if termination_ms is None else round(termination_ms * self.speed)
        return Times(round(ready_ms * self.speed), gone, grace_s)

    def steady(self, ready_ms: int, termination_ms: int) -> Times:
        """Times for a StatefulSet, whose pods never end too quickly for the disruption controller."""
        paced = self.pace(ready_ms, termination_ms)
        return Times(paced.ready_ms, max(STEADY_MS, paced.gone_after_ms), paced.grace_s)


@dataclass(frozen=True)
class Built:
    """What a build made."""

    size: Size
    nodes: tuple[str, ...]
    workloads: tuple[Workload, ...]
    pods: int
    seconds: float

    def times(self) -> dict[tuple[str, str, str], Times]:
        """The injected times by (kind, namespace, name)."""
        return {workload.key: workload.times for workload in self.workloads}


def _team(size: Size, name: str) -> list[Workload]:
    pace, three = size.pace, size.nodes >= 9
    spread = ((ZONE, 1, HARD), (HOSTNAME, 2, SOFT))
    return [
        Workload(
            "Deployment", name, "api", 6 if three else 3, pace(1500, 1000), {"maxUnavailable": 1},
            "business", spread=spread,
        ),
        Workload(
            "Deployment", name, "web", 9 if three else 4, pace(800, 500), {"minAvailable": "75%"},
            "business", spread=((ZONE, 1, SOFT),),
        ),
        Workload(
            "Deployment", name, "worker", 12 if three else 4, pace(600, 2000),
            {"maxUnavailable": "25%"},
        ),
        Workload(
            "Deployment", name, "cache", 3 if three else 2, pace(1000, 700),
            {"maxUnavailable": 1}, "business", apart=HOSTNAME,
        ),
        Workload("Deployment", name, "mailer", 2, pace(500, None, 2), None, "background"),
        Workload(
            "StatefulSet", name, "queue", 3 if three else 2, size.steady(900, 1200),
            {"minAvailable": 2 if three else 1}, parallel=True,
        ),
        Workload("Deployment", name, "canary", 2, pace(700, 400), {"minAvailable": 1}),
    ]  # fmt: skip


def _platform(size: Size) -> list[Workload]:
    pace, three = size.pace, size.nodes >= 9
    return [
        Workload("DaemonSet", "kube-system", "cni", 0, pace(700, 500)),
        Workload("DaemonSet", "kube-system", "csi-node", 0, pace(900, 500)),
        Workload("DaemonSet", "monitoring", "node-exporter", 0, pace(400, 300)),
        Workload(
            "Deployment", "ingress", "controller", 6 if three else 2, pace(1200, 3000),
            {"minAvailable": "50%"}, "platform", cpu="500m",
            spread=((ZONE, 1, HARD), (HOSTNAME, 1, SOFT)),
        ),
        Workload(
            "StatefulSet", "monitoring", "prometheus", 2, size.steady(2000, 2500),
            {"maxUnavailable": 1}, "platform", cpu="1", volumes=True,
        ),
        Workload(
            "StatefulSet", "monitoring", "alertmanager", 3 if three else 2, size.steady(800, 1500),
            {"maxUnavailable": 1}, "platform",
        ),
    ]  # fmt: skip


def scenario(size: Size) -> list[Workload]:
    """All workloads of a size, in a fixed order."""
    found = _platform(size)
    for index in range(size.teams):
        found += _team(size, f"team-{index + 1}")
    for index in range(size.databases):
        found.append(
            Workload(
                "StatefulSet", f"data-{index + 1}", "postgres", 3 if size.nodes >= 9 else 2,
                size.steady(2500, 1500), {"maxUnavailable": 1}, "platform", cpu="500m", volumes=True,
            )
        )  # fmt: skip
    for index in range(size.jobs):
        found.append(Workload("Job", "batch", f"report-{index + 1}", 2, size.pace(500, 500)))
    return found


def _fixtures(size: Size, workloads: list[Workload]) -> list[Object]:
    """What has to be there before the workloads: namespaces, classes, volumes."""
    made: list[Object] = [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": {LABEL: "yes"}},
        }
        for name in sorted({workload.namespace for workload in workloads} - KEEP_NAMESPACES)
    ]
    for name, value in PRIORITIES.items():
        made.append(
            {
                "apiVersion": "scheduling.k8s.io/v1",
                "kind": "PriorityClass",
                "metadata": {"name": name, "labels": {LABEL: "yes"}},
                "value": value,
            }
        )
    made.append(
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": STORAGE_CLASS, "labels": {LABEL: "yes"}},
            "provisioner": "kubernetes.io/no-provisioner",
            "volumeBindingMode": "Immediate",
        }
    )
    made.append(
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "CSIDriver",
            "metadata": {"name": DRIVER, "labels": {LABEL: "yes"}},
            "spec": {"attachRequired": True},
        }
    )
    for workload in workloads:
        made += workload.volume_manifests(size.zones, size.zonal_volumes)
    return made


def _create_all(api: Api, objects: list[Object]) -> None:
    with ThreadPoolExecutor(max_workers=6) as pool:
        list(pool.map(lambda obj: api.create(obj, exist_ok=True), objects))


def add_nodes(api: Api, count: int, zones: tuple[str, ...] = plane_nodes.ZONES) -> list[str]:
    """Create nodes and their CSINodes, wait until they are Ready; their names."""
    version = str(api.call("GET", "/version")["gitVersion"])
    names = [plane_nodes.name_of(index, zones) for index in range(count)]
    _create_all(api, [plane_nodes.node(index, version, zones) for index in range(count)])
    _create_all(api, [plane_nodes.csi_node(index, zones) for index in range(count)])
    waits.nodes_ready(api, count)
    return names


def build(api: Api, size: Size | None = None, extra: tuple[Workload, ...] = ()) -> Built:
    """Build a cluster and wait until it is well; `extra` workloads come on top.

    An extra workload whose times say that it is never Ready is not waited for.
    """
    size = size or Size()
    begun = time.monotonic()
    workloads = [*scenario(size), *extra]
    names = add_nodes(api, size.nodes, size.zones)
    for obj in _fixtures(size, workloads):
        api.create(obj, exist_ok=True)
    _create_all(api, [found for row in workloads if (found := row.budget_manifest())])
    _create_all(api, [workload.manifest() for workload in workloads])
    if size.mirror_pods:
        times = size.pace(600, 300)
        class_name = "system-node-critical"
        pods = [mirror_pod("kube-proxy", node, times, class_name) for node in names]
        _create_all(api, pods)
    broken = [(row.namespace, row.name) for row in workloads if row.times.ready_ms is None]
    waits.workloads_ready(api, 180, broken)
    waits.budgets_settled(api)
    pods_there = len(api.list("Pod"))
    return Built(size, tuple(names), tuple(workloads), pods_there, time.monotonic() - begun)


def breaking_nodes(api: Api) -> list[str]:
    """The fewest nodes found whose loss, without a drain, puts a budget below its desired count.

    For the negative control of an availability check. Sorted; empty when no budget can be broken.
    """
    pods = api.list("Pod")
    best: list[str] = []
    for budget in api.list("PodDisruptionBudget"):
        status = budget.get("status") or {}
        need = status.get("currentHealthy", 0) - status.get("desiredHealthy", 0) + 1
        if need < 1 or status.get("desiredHealthy", 0) == 0:
            continue
        held = Counter(pod["spec"]["nodeName"] for pod in waits.matching(budget, pods) if is_healthy_pod(pod))
        lost = 0
        chosen: list[str] = []
        for node, count in sorted(held.items(), key=lambda row: (-row[1], row[0])):
            if lost < need:
                chosen.append(node)
                lost += count
        if lost >= need and (not best or len(chosen) < len(best)):
            best = chosen
    return sorted(best)


_IN_NAMESPACE = (
    "Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicaSet", "PodDisruptionBudget",
    "PersistentVolumeClaim", "ResourceQuota", "Lease", "RoleBinding", "Role",
)  # fmt: skip


def _empty(api: Api, namespace: str) -> None:
    """Delete a namespace's objects and its pods at once."""
    for kind in _IN_NAMESPACE:
        query = {"labelSelector": LABEL} if namespace in KEEP_NAMESPACES else {}
        api.delete_all(kind, namespace, None, **query)
    query = {"labelSelector": LABEL} if namespace in KEEP_NAMESPACES else {}
    api.delete_all("Pod", namespace, 0, **query)


def reset(api: Api, namespaces: tuple[str, ...] = ()) -> float:
    """Remove what builds made, nodes too, and wait until it is gone; the seconds it took.

    Namespaces stay, empty: deleting one takes the API server several seconds. `namespaces` names
    further ones to empty.
    """
    begun = time.monotonic()
    made = api.list("Namespace", labelSelector=LABEL)
    names = sorted({row["metadata"]["name"] for row in made} | KEEP_NAMESPACES | set(namespaces))
    for name in names:
        _empty(api, name)

    def gone() -> str | None:
        pods = api.list("Pod")
        for pod in pods:
            meta = pod["metadata"]
            if meta.get("finalizers"):
                api.patch("Pod", meta["name"], {"metadata": {"finalizers": None}}, meta["namespace"])
            api.delete("Pod", meta["name"], meta["namespace"], 0)
        return f"{len(pods)} pods left" if pods else None

    waits.until(gone, 60, "pods gone")
    for kind in ("ValidatingWebhookConfiguration", "PersistentVolume", "StorageClass"):
        api.delete_all(kind, None, None, labelSelector=LABEL)
    for kind in ("Node", "CSINode"):
        api.delete_all(kind)

    def empty() -> str | None:
        for attachment in api.list("VolumeAttachment"):
            name = attachment["metadata"]["name"]
            api.patch("VolumeAttachment", name, {"metadata": {"finalizers": None}})
            api.delete("VolumeAttachment", name)
        left = [kind for kind in ("Node", "PersistentVolume", "VolumeAttachment") if api.list(kind)]
        return f"{', '.join(left)} left" if left else None

    waits.until(empty, 60, "nodes and volumes gone")
    return time.monotonic() - begun
