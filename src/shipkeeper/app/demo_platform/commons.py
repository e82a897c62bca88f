"""What the cluster shares: namespaces, priorities, storage, quotas, webhooks, aggregated APIs, schedules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shipkeeper.app.demo_platform.naming import TAKEN_MS, before, stamp, suffix, uid
from shipkeeper.app.demo_platform.nodes import DRIVER
from shipkeeper.app.demo_platform.parts import App
from shipkeeper.app.demo_platform.placing import Placed
from shipkeeper.app.demo_platform.podspec import PRIORITIES, Json, claim_name, labels_of, template
from shipkeeper.app.demo_platform.teams import CRON_JOBS
from shipkeeper.app.demo_platform.workloads import meta
from shipkeeper.model.time import DAY

CLASS = "fast-zonal"


def namespaces(names: Iterable[str]) -> list[Json]:
    """The namespaces."""
    found = []
    for name in sorted(names):
        labels = {"kubernetes.io/metadata.name": name}
        if name.startswith("team-"):
            labels |= {"owner": name, "pod-security.kubernetes.io/enforce": "restricted"}
        made = meta("Namespace", "", name, before(212, "namespace"), labels)
        found.append({"apiVersion": "v1", "kind": "Namespace", "metadata": made, "status": {"phase": "Active"}})
    return found


def priority_classes() -> list[Json]:
    """Priority classes, the built-in ones included."""
    return [
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "globalDefault": False,
            "kind": "PriorityClass",
            "metadata": meta("PriorityClass", "", name, before(212, name)),
            "preemptionPolicy": "PreemptLowerPriority",
            "value": value,
        }
        for name, value in sorted(PRIORITIES.items())
    ]


def storage_class() -> Json:
    """The one storage class: volumes stay in their zone."""
    made = meta("StorageClass", "", CLASS, before(212, CLASS))
    made["annotations"] = {"storageclass.kubernetes.io/is-default-class": "true"}
    return {
        "allowVolumeExpansion": True,
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": made,
        "provisioner": DRIVER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def volume_name(placed: Placed) -> str:
    """The volume behind a pod's claim."""
    return f"pvc-{uid('PersistentVolumeClaim', placed.app.namespace, claim_name(placed))}"


def storage(placed: Placed) -> list[Json]:
    """Claim, volume and attachment of a pod with storage."""
    app, name, volume = placed.app, claim_name(placed), volume_name(placed)
    size = {"storage": app.storage}
    created = before(150, app.key, name)
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": meta("PersistentVolumeClaim", app.namespace, name, created, labels_of(app)),
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": size},
            "storageClassName": CLASS,
            "volumeMode": "Filesystem",
            "volumeName": volume,
        },
        "status": {"accessModes": ["ReadWriteOnce"], "capacity": size, "phase": "Bound"},
    }
    zone = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": [placed.machine.zone]}
    disk = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": meta("PersistentVolume", "", volume, created),
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": size,
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "name": name,
                "namespace": app.namespace,
                "uid": uid("PersistentVolumeClaim", app.namespace, name),
            },
            "csi": {"driver": DRIVER, "fsType": "ext4", "volumeHandle": volume},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [zone]}]}},
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": CLASS,
            "volumeMode": "Filesystem",
        },
        "status": {"phase": "Bound"},
    }
    attachment = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "VolumeAttachment",
        "metadata": meta(
            "VolumeAttachment", "", f"csi-{volume.removeprefix('pvc-').replace('-', '')}", placed.created_ms
        ),
        "spec": {
            "attacher": DRIVER,
            "nodeName": placed.machine.name,
            "source": {"persistentVolumeName": volume},
        },
        "status": {"attached": True},
    }
    return [claim, disk, attachment]


def limits() -> list[Json]:
    """A quota and default requests, as two teams have them."""
    hard = {"pods": "40", "requests.cpu": "24", "requests.memory": "96Gi"}
    used = {"pods": "7", "requests.cpu": "7300m", "requests.memory": "34Gi"}
    item = {"default": {"memory": "512Mi"}, "defaultRequest": {"cpu": "50m", "memory": "128Mi"}, "type": "Container"}
    return [
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": meta("ResourceQuota", "team-analytics", "team", before(140, "quota")),
            "spec": {"hard": hard},
            "status": {"hard": hard, "used": used},
        },
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": meta("LimitRange", "team-media", "defaults", before(140, "limits")),
            "spec": {"limits": [item]},
        },
    ]


def webhooks() -> list[Json]:
    """Admission: kyverno looks at every pod and lets none through unasked; cert-manager only at its own kinds."""
    exempt = {
        "matchExpressions": [
            {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system", "kyverno"]}
        ]
    }
    return [
        _webhook(
            "ValidatingWebhookConfiguration",
            "kyverno-resource-validating-webhook-cfg",
            "validate.kyverno.svc-fail",
            ("kyverno", "kyverno-admission-controller"),
            ([""], ["pods", "pods/ephemeralcontainers"], ["CREATE", "UPDATE"]),
            exempt,
        ),
        _webhook(
            "MutatingWebhookConfiguration",
            "cert-manager-webhook",
            "webhook.cert-manager.io",
            ("cert-manager", "cert-manager-webhook"),
            (["cert-manager.io", "acme.cert-manager.io"], ["certificaterequests"], ["CREATE"]),
            None,
        ),
    ]


def _webhook(
    kind: str,
    name: str,
    hook: str,
    service: tuple[str, str],
    rule: tuple[list[str], list[str], list[str]],
    namespaces: Json | None,
) -> Json:
    made: Json = {
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": {"name": service[1], "namespace": service[0], "path": "/validate", "port": 443}},
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "name": hook,
        "namespaceSelector": namespaces or {},
        "objectSelector": {},
        "rules": [
            {"apiGroups": rule[0], "apiVersions": ["*"], "operations": rule[2], "resources": rule[1], "scope": "*"}
        ],
        "sideEffects": "None",
        "timeoutSeconds": 10,
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": meta(kind, "", name, before(130, name)),
        "webhooks": [made],
    }


def api_service() -> Json:
    """The metrics API, served by metrics-server."""
    name = "v1beta1.metrics.k8s.io"
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": meta("APIService", "", name, before(212, name)),
        "spec": {
            "group": "metrics.k8s.io",
            "groupPriorityMinimum": 100,
            "service": {"name": "metrics-server", "namespace": "kube-system", "port": 443},
            "version": "v1beta1",
            "versionPriority": 100,
        },
        "status": {
            "conditions": [
                {
                    "lastTransitionTime": stamp(before(30, name)),
                    "reason": "Passed",
                    "status": "True",
                    "type": "Available",
                }
            ]
        },
    }


def forgotten() -> Json:
    """A ReplicationController from before there were Deployments, scaled to nothing and never removed."""
    labels = {"app": "intranet-old"}
    container = {"image": "registry.example.net/team-legacy/intranet:0.1.9", "name": "intranet", "resources": {}}
    return {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": meta("ReplicationController", "team-legacy", "intranet-old", before(210, "intranet"), labels),
        "spec": {
            "replicas": 0,
            "selector": labels,
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
        "status": {"observedGeneration": 1, "replicas": 0},
    }


def events(placed: Sequence[Placed]) -> list[Json]:
    """What happened in the hour before the dump: a pod that will not stay up, and recent starts."""
    found = []
    for one in placed:
        if one.crashing:
            found.append(_event(one, "BackOff", "Back-off restarting failed container", TAKEN_MS - 90_000, 5_104))
        elif TAKEN_MS - one.created_ms < DAY and one.app.kind == "Job":
            found.append(_event(one, "Scheduled", "Assigned to its node", one.created_ms, 1))
            found.append(_event(one, "Started", "Started container", one.created_ms + 2_000, 1))
    return found


def _event(placed: Placed, reason: str, message: str, at_ms: int, count: int) -> Json:
    app = placed.app
    return {
        "apiVersion": "v1",
        "count": count,
        "firstTimestamp": stamp(placed.created_ms),
        "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": placed.name, "namespace": app.namespace},
        "kind": "Event",
        "lastTimestamp": stamp(at_ms),
        "message": message,
        "metadata": meta("Event", app.namespace, f"{placed.name}.{suffix(16, reason, placed.name)}", placed.created_ms),
        "reason": reason,
        "source": {"component": "kubelet", "host": placed.machine.name},
        "type": "Warning" if reason == "BackOff" else "Normal",
    }


def cron_jobs(apps: Sequence[App]) -> list[Json]:
    """The schedules behind the finished jobs."""
    found = []
    for namespace, name, schedule in CRON_JOBS:
        run = next(app for app in apps if app.namespace == namespace and app.name.startswith(f"{name}-"))
        spec = {
            "concurrencyPolicy": "Forbid",
            "jobTemplate": {"spec": {"template": template(run)}},
            "schedule": schedule,
            "successfulJobsHistoryLimit": 1,
            "suspend": False,
        }
        found.append(
            {
                "apiVersion": "batch/v1",
                "kind": "CronJob",
                "metadata": meta("CronJob", namespace, name, before(150, name)),
                "spec": spec,
                "status": {"lastScheduleTime": stamp(before(run.age_days, run.key))},
            }
        )
    return found
