"""Manifests of workloads whose pods start and stop at exact times."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.real.plane.api import Object

LABEL = "shipkeeper.test/scenario"
ZONE = "topology.kubernetes.io/zone"
HOSTNAME = "kubernetes.io/hostname"
STORAGE_CLASS = "shipkeeper-test-static"
DRIVER = "disk.csi.shipkeeper.test"

API_VERSIONS = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "Job": "batch/v1",
}


@dataclass(frozen=True)
class Times:
    """What one pod of a workload takes, in milliseconds.

    `ready_ms` runs from started to Ready; None means that it never is. `termination_ms` runs from
    deletion to gone and is cut at the grace period; None means all of the grace period.
    """

    ready_ms: int | None = 1000
    termination_ms: int | None = 1000
    grace_s: int = 30

    @property
    def gone_after_ms(self) -> int:
        """From deletion to gone, as it will be seen."""
        whole = self.grace_s * 1000
        return whole if self.termination_ms is None else min(self.termination_ms, whole)

    def annotations(self) -> dict[str, str]:
        """The annotations that kwok's stages read."""
        ready = "never" if self.ready_ms is None else str(self.ready_ms)
        found = {"shipkeeper.test/ready-ms": ready}
        if self.termination_ms is not None:
            found["shipkeeper.test/termination-ms"] = str(self.termination_ms)
        return found


@dataclass(frozen=True)
class Workload:
    """One workload of a scenario.

    `budget` is the spec of its PodDisruptionBudget without the selector, for example
    `{"maxUnavailable": 1}`; `spread` is a list of (topology key, maxSkew, whenUnsatisfiable).
    """

    kind: str
    namespace: str
    name: str
    replicas: int = 1
    times: Times = field(default_factory=Times)
    budget: Object | None = None
    priority: str | None = None
    cpu: str = "100m"
    memory: str = "128Mi"
    spread: tuple[tuple[str, int, str], ...] = ()
    apart: str | None = None
    volumes: bool = False
    parallel: bool = False
    extra_spec: Object = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """Kind, namespace, name."""
        return self.kind, self.namespace, self.name

    def _pod_spec(self) -> Object:
        spec: Object = {
            "terminationGracePeriodSeconds": self.times.grace_s,
            "containers": [
                {
                    "name": "main",
                    "image": f"registry.test/{self.name}:1",
                    "resources": {"requests": {"cpu": self.cpu, "memory": self.memory}},
                }
            ],
        }
        labels = {"matchLabels": {"app": self.name}}
        if self.priority is not None:
            spec["priorityClassName"] = self.priority
        if self.spread:
            spec["topologySpreadConstraints"] = [
                {
                    "topologyKey": key,
                    "maxSkew": skew,
                    "whenUnsatisfiable": otherwise,
                    "labelSelector": labels,
                    # A cordoned node or zone is then no domain that must be filled.
                    "nodeTaintsPolicy": "Honor",
                }
                for key, skew, otherwise in self.spread
            ]
        if self.apart is not None:
            term = {"topologyKey": self.apart, "labelSelector": labels}
            spec["affinity"] = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
        if self.kind == "DaemonSet":
            spec["tolerations"] = [{"operator": "Exists"}]
        if self.kind == "Job":
            spec["restartPolicy"] = "Never"
        if self.volumes:
            mount = {"name": "data", "mountPath": "/data"}
            spec["containers"][0]["volumeMounts"] = [mount]
        return spec

    def _spec(self) -> Object:
        template = {
            "metadata": {"labels": {"app": self.name}, "annotations": self.times.annotations()},
            "spec": self._pod_spec(),
        }
        if self.kind == "Job":
            return {
                "parallelism": self.replicas,
                "completions": self.replicas,
                "backoffLimit": 6,
                # Without this rule an eviction counts as a failure of the Job.
                "podFailurePolicy": {
                    "rules": [
                        {
                            "action": "Ignore",
                            "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
                        }
                    ]
                },
                "template": template,
                **self.extra_spec,
            }
        spec: Object = {"selector": {"matchLabels": {"app": self.name}}, "template": template}
        if self.kind != "DaemonSet":
            spec["replicas"] = self.replicas
        if self.kind == "StatefulSet":
            spec["serviceName"] = self.name
            spec["podManagementPolicy"] = "Parallel" if self.parallel else "OrderedReady"
        if self.volumes:
            claim = {
                "metadata": {"name": "data"},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "storageClassName": STORAGE_CLASS,
                    "resources": {"requests": {"storage": "10Gi"}},
                },
            }
            spec["volumeClaimTemplates"] = [claim]
        return {**spec, **self.extra_spec}

    def manifest(self) -> Object:
        """The workload's own object."""
        return {
            "apiVersion": API_VERSIONS[self.kind],
            "kind": self.kind,
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "labels": {LABEL: "yes", "app": self.name},
            },
            "spec": self._spec(),
        }

    def budget_manifest(self) -> Object | None:
        """Its PodDisruptionBudget, when it has one."""
        if self.budget is None:
            return None
        return {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "labels": {LABEL: "yes"},
            },
            "spec": {"selector": {"matchLabels": {"app": self.name}}, **self.budget},
        }

    def volume_manifests(self, zones: tuple[str, ...], zonal: bool) -> list[Object]:
        """One PersistentVolume a replica, made for its claim; zonal ones go round the zones."""
        if not self.volumes:
            return []
        return [self._volume(index, zones, zonal) for index in range(self.replicas)]

    def _volume(self, index: int, zones: tuple[str, ...], zonal: bool) -> Object:
        claim = f"data-{self.name}-{index}"
        spec: dict[str, Any] = {
            "capacity": {"storage": "10Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": STORAGE_CLASS,
            "csi": {"driver": DRIVER, "volumeHandle": f"{self.namespace}-{claim}"},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": self.namespace,
                "name": claim,
            },
        }
        if zonal:
            zone = zones[index % len(zones)]
            match = [{"key": ZONE, "operator": "In", "values": [zone]}]
            spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": match}]}}
        return {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"pv-{self.namespace}-{claim}", "labels": {LABEL: "yes"}},
            "spec": spec,
        }


def mirror_pod(name: str, node: str, times: Times, priority: str) -> Object:
    """The API object of a static pod of a node."""
    annotations = {
        **times.annotations(),
        "kubernetes.io/config.mirror": f"hash-{name}",
        "kubernetes.io/config.source": "file",
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{name}-{node}",
            "namespace": "kube-system",
            "labels": {LABEL: "yes", "component": name},
            "annotations": annotations,
        },
        "spec": {
            "nodeName": node,
            "priorityClassName": priority,
            "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "main", "image": f"registry.test/{name}:1"}],
        },
    }
