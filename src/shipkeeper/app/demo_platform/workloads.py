"""Workload objects, their budgets, services and autoscalers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shipkeeper.app.demo_platform.naming import before, stamp, uid, version
from shipkeeper.app.demo_platform.parts import App
from shipkeeper.app.demo_platform.placing import Placed, template_hash
from shipkeeper.app.demo_platform.podspec import Json, labels_of, pod_address, pod_uid, selector_labels, template
from shipkeeper.semantics.percent import scaled


def meta(kind: str, namespace: str, name: str, created_ms: int, labels: dict[str, str] | None = None) -> Json:
    """Metadata of an object."""
    made: Json = {
        "creationTimestamp": stamp(created_ms),
        "name": name,
        "resourceVersion": version(kind, namespace, name),
        "uid": uid(kind, namespace, name),
    }
    if namespace:
        made["namespace"] = namespace
    if labels:
        made["labels"] = labels
    return made


def owned_by(api_version: str, kind: str, namespace: str, name: str) -> Json:
    """A controller reference."""
    return {
        "apiVersion": api_version,
        "blockOwnerDeletion": True,
        "controller": True,
        "kind": kind,
        "name": name,
        "uid": uid(kind, namespace, name),
    }


def pod_owner(app: App) -> Json | None:
    """The controller reference in a workload's pods."""
    if app.kind == "Pod":
        return None
    if app.owner is not None:
        return owned_by(app.owner.api_version, app.owner.kind, app.namespace, app.name)
    if app.kind == "Deployment":
        return owned_by("apps/v1", "ReplicaSet", app.namespace, f"{app.name}-{template_hash(app)}")
    return owned_by("batch/v1" if app.kind == "Job" else "apps/v1", app.kind, app.namespace, app.name)


def workload(app: App, placed: Sequence[Placed]) -> list[Json]:
    """The objects that own a workload's pods; those of operators' own kinds are elsewhere."""
    ready = sum(not p.crashing for p in placed)
    made = {
        "Deployment": _deployment,
        "StatefulSet": _statefulset,
        "DaemonSet": _daemonset,
        "Job": _job,
    }.get(app.kind)
    return made(app, len(placed), ready) if made is not None else []


def _base(app: App, api_version: str, kind: str, spec: Json, status: Json, name: str = "") -> Json:
    made = meta(kind, app.namespace, name or app.name, before(180, app.key), labels_of(app))
    made["generation"] = 1
    return {"apiVersion": api_version, "kind": kind, "metadata": made, "spec": spec, "status": status}


def _deployment(app: App, replicas: int, ready: int) -> list[Json]:
    strategy = {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}, "type": "RollingUpdate"}
    counts = {"availableReplicas": ready, "observedGeneration": 1, "readyReplicas": ready, "replicas": replicas}
    top = _base(
        app,
        "apps/v1",
        "Deployment",
        {
            "progressDeadlineSeconds": 600,
            "replicas": replicas,
            "revisionHistoryLimit": 10,
            "selector": {"matchLabels": selector_labels(app)},
            "strategy": strategy,
            "template": template(app),
        },
        {**counts, "updatedReplicas": replicas},
    )
    inner_template = template(app)
    inner_template["metadata"]["labels"]["pod-template-hash"] = template_hash(app)
    inner = _base(
        app,
        "apps/v1",
        "ReplicaSet",
        {
            "replicas": replicas,
            "selector": {"matchLabels": {**selector_labels(app), "pod-template-hash": template_hash(app)}},
            "template": inner_template,
        },
        {**counts, "fullyLabeledReplicas": replicas},
        f"{app.name}-{template_hash(app)}",
    )
    inner["metadata"]["ownerReferences"] = [owned_by("apps/v1", "Deployment", app.namespace, app.name)]
    inner["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "7"}
    return [top, inner]


def _statefulset(app: App, replicas: int, ready: int) -> list[Json]:
    spec: Json = {
        "podManagementPolicy": "OrderedReady",
        "replicas": replicas,
        "selector": {"matchLabels": selector_labels(app)},
        "serviceName": app.name,
        "template": template(app),
        "updateStrategy": {"rollingUpdate": {"partition": 0}, "type": "RollingUpdate"},
    }
    if app.storage:
        resources = {"requests": {"storage": app.storage}}
        claim = {"accessModes": ["ReadWriteOnce"], "resources": resources, "storageClassName": "fast-zonal"}
        spec["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": claim}]
    counts = {
        "availableReplicas": ready, "currentReplicas": replicas, "observedGeneration": 1, "readyReplicas": ready,
        "replicas": replicas, "updatedReplicas": replicas,
    }  # fmt: skip
    return [_base(app, "apps/v1", "StatefulSet", spec, counts)]


def _daemonset(app: App, count: int, ready: int) -> list[Json]:
    spec = {
        "selector": {"matchLabels": selector_labels(app)},
        "template": template(app),
        "updateStrategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}, "type": "RollingUpdate"},
    }
    status = {
        "currentNumberScheduled": count, "desiredNumberScheduled": count, "numberAvailable": ready,
        "numberMisscheduled": 0, "numberReady": ready, "observedGeneration": 1, "updatedNumberScheduled": count,
    }  # fmt: skip
    return [_base(app, "apps/v1", "DaemonSet", spec, status)]


def _job(app: App, count: int, ready: int) -> list[Json]:
    started = before(app.age_days, app.key)
    status: Json = {"startTime": stamp(started)}
    if app.finished:
        done = {"status": "True", "type": "Complete", "lastTransitionTime": stamp(started + 900_000)}
        status |= {"succeeded": 1, "completionTime": stamp(started + 900_000), "conditions": [done]}
    else:
        status |= {"active": count, "ready": ready}
    spec = {
        "backoffLimit": app.backoff_limit,
        "completionMode": "NonIndexed",
        "completions": 1,
        "parallelism": 1,
        "selector": {"matchLabels": selector_labels(app)},
        "template": template(app),
    }
    made = _base(app, "batch/v1", "Job", spec, status)
    stem, _, number = app.name.rpartition("-")
    if number.isdigit():
        made["metadata"]["ownerReferences"] = [owned_by("batch/v1", "CronJob", app.namespace, stem)]
    return [made]


def budgets(app: App, placed: Sequence[Placed]) -> list[Json]:
    """The workload's budgets with the status their controller would have written."""
    if app.kind == "Cluster":
        # The operator's own: one for the primary, one for the replicas.
        primary = {**selector_labels(app), "cnpg.io/instanceRole": "primary"}
        replica = {**selector_labels(app), "cnpg.io/instanceRole": "replica"}
        return [
            _budget(app, f"{app.name}-primary", {"minAvailable": 1}, primary, 1, 1),
            _budget(app, app.name, {"minAvailable": 1}, replica, len(placed) - 1, len(placed) - 1),
        ]
    healthy = sum(not p.crashing for p in placed)
    names = [app.name, f"{app.name}-old"]
    return [
        _budget(app, name, rule, selector_labels(app), len(placed), healthy)
        for name, rule in zip(names, app.budgets, strict=False)
    ]


def _budget(
    app: App, name: str, rule: Mapping[str, int | str], labels: dict[str, str], expected: int, healthy: int
) -> Json:
    if "maxUnavailable" in rule:
        desired = max(0, expected - scaled(rule["maxUnavailable"], expected, round_up=True))
    else:
        desired = scaled(rule["minAvailable"], expected, round_up=True)
    allowed = max(0, healthy - desired)
    made = meta("PodDisruptionBudget", app.namespace, name, before(160, app.key, name))
    made["generation"] = 1
    condition = {
        "lastTransitionTime": stamp(before(3, app.key, name)),
        "message": "",
        "observedGeneration": 1,
        "reason": "SufficientPods" if allowed else "InsufficientPods",
        "status": "True" if allowed else "False",
        "type": "DisruptionAllowed",
    }
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": made,
        "spec": {**rule, "selector": {"matchLabels": labels}},
        "status": {
            "conditions": [condition],
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "disruptionsAllowed": allowed,
            "expectedPods": expected,
            "observedGeneration": 1,
        },
    }


def service(app: App, placed: Sequence[Placed]) -> list[Json]:
    """A Service before the workload's pods, and the addresses behind it."""
    if not app.service or app.kind in ("DaemonSet", "Job", "Pod"):
        return []
    ports = [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}]
    front = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta("Service", app.namespace, app.name, before(180, app.key), labels_of(app)),
        "spec": {"ports": ports, "selector": selector_labels(app), "type": "ClusterIP"},
    }
    name = f"{app.name}-svc"
    labels = {"kubernetes.io/service-name": app.name}
    back = {
        "addressType": "IPv4",
        "apiVersion": "discovery.k8s.io/v1",
        "endpoints": [
            {
                "addresses": [pod_address(p)],
                "conditions": {"ready": not p.crashing, "serving": not p.crashing, "terminating": False},
                "nodeName": p.machine.name,
                "targetRef": {"kind": "Pod", "name": p.name, "namespace": app.namespace, "uid": pod_uid(p)},
                "zone": p.machine.zone,
            }
            for p in placed
        ],
        "kind": "EndpointSlice",
        "metadata": meta("EndpointSlice", app.namespace, name, before(180, app.key), labels),
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    }
    return [front, back]


def autoscaler(app: App, placed: Sequence[Placed]) -> list[Json]:
    """A HorizontalPodAutoscaler, where the workload has one."""
    if app.scale is None:
        return []
    target = {"apiVersion": "apps/v1", "kind": app.kind, "name": app.name}
    return [
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": meta("HorizontalPodAutoscaler", app.namespace, app.name, before(120, app.key)),
            "spec": {"maxReplicas": app.scale[1], "minReplicas": app.scale[0], "scaleTargetRef": target},
            "status": {"currentReplicas": len(placed), "desiredReplicas": len(placed)},
        }
    ]
