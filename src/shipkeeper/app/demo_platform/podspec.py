"""Pod templates and pods, as the API server writes them; only what a kubectl user would see in a dump."""

from __future__ import annotations

from typing import Any

from shipkeeper.app.demo_platform.naming import between, stamp, suffix, uid, version
from shipkeeper.app.demo_platform.parts import App
from shipkeeper.app.demo_platform.placing import Placed, template_hash

Json = dict[str, Any]

PRIORITIES = {
    "system-node-critical": 2_000_001_000,
    "system-cluster-critical": 2_000_000_000,
    "platform-critical": 900_000_000,
    "team-important": 100_000,
}


def selector_labels(app: App) -> dict[str, str]:
    """The labels that a workload selects its pods by."""
    if app.kind == "Cluster":
        return {"cnpg.io/cluster": app.name}
    if app.kind == "Job":
        return {"batch.kubernetes.io/job-name": app.name}
    return {"app.kubernetes.io/name": app.name}


def labels_of(app: App) -> dict[str, str]:
    """Labels of the workload and its template."""
    return {
        **selector_labels(app),
        "app.kubernetes.io/part-of": app.namespace.removeprefix("team-"),
        "app.kubernetes.io/version": app.version,
        **app.labels,
    }


def template(app: App) -> Json:
    """A pod template."""
    return {"metadata": {"labels": labels_of(app)}, "spec": _spec(app)}


def _spec(app: App) -> Json:
    spec: Json = {
        "containers": [_container(app)],
        "dnsPolicy": "ClusterFirst",
        "restartPolicy": "Never" if app.kind == "Job" else "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "serviceAccountName": app.name,
        "terminationGracePeriodSeconds": app.grace,
    }
    if app.priority:
        spec["priorityClassName"] = app.priority
    if app.host_network:
        spec["hostNetwork"] = True
    tolerations = []
    if app.kind == "DaemonSet":
        tolerations.append({"operator": "Exists"})
    elif app.pool not in ("general", "all"):
        spec["nodeSelector"] = {"pool": app.pool}
        tolerations.append({"effect": "NoSchedule", "key": "dedicated", "operator": "Equal", "value": app.pool})
    if tolerations:
        spec["tolerations"] = tolerations
    if app.apart:
        term = {"labelSelector": {"matchLabels": selector_labels(app)}, "topologyKey": "kubernetes.io/hostname"}
        spec["affinity"] = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    if app.spread:
        hard = app.spread == "hostname"
        spec["topologySpreadConstraints"] = [
            {
                "labelSelector": {"matchLabels": selector_labels(app)},
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname" if hard else "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "DoNotSchedule" if hard else "ScheduleAnyway",
            }
        ]
    volumes = []
    if app.scratch:
        volumes.append({"name": "scratch", "emptyDir": {}})
    if app.kind == "DaemonSet":
        volumes.append({"name": "host", "hostPath": {"path": "/", "type": "Directory"}})
    if volumes:
        spec["volumes"] = volumes
    return spec


def image_of(app: App) -> str:
    """The image that a workload runs; a team's own comes from the platform's registry."""
    return f"{app.image or f'registry.example.net/{app.namespace}/{app.name}'}:{app.version}"


def _container(app: App) -> Json:
    mounts = []
    if app.storage:
        mounts.append({"mountPath": "/data", "name": "data"})
    if app.scratch:
        mounts.append({"mountPath": "/tmp", "name": "scratch"})  # noqa: S108  a path inside the pod
    container: Json = {
        "image": image_of(app),
        "imagePullPolicy": "IfNotPresent",
        "name": app.name.split("-")[0] if app.kind == "Cluster" else app.name,
        "resources": {},
    }
    if app.cpu:
        container["resources"] = {"limits": {"memory": app.memory}, "requests": {"cpu": app.cpu, "memory": app.memory}}
    if app.pre_stop:
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": 10}}}
    if app.kind not in ("Job", "Pod"):
        container["readinessProbe"] = {
            "failureThreshold": 3,
            "httpGet": {"path": "/ready", "port": 8080, "scheme": "HTTP"},
            "periodSeconds": 5,
        }
    if mounts:
        container["volumeMounts"] = mounts
    return container


def pod(placed: Placed, owner: Json | None) -> Json:
    """A pod on its node."""
    app, node = placed.app, placed.machine
    spec = _spec(app)
    spec["nodeName"] = node.name
    spec["preemptionPolicy"] = "PreemptLowerPriority"
    spec["priority"] = PRIORITIES.get(app.priority, 0)
    spec["tolerations"] = [
        *spec.get("tolerations", []),
        *(
            {"effect": "NoExecute", "key": f"node.kubernetes.io/{what}", "operator": "Exists", "tolerationSeconds": 300}
            for what in ("not-ready", "unreachable")
        ),
    ]
    if app.storage:
        claim = {"claimName": claim_name(placed)}
        spec["volumes"] = [*spec.get("volumes", []), {"name": "data", "persistentVolumeClaim": claim}]
    metadata: Json = {
        "creationTimestamp": stamp(placed.created_ms),
        "labels": {**labels_of(app), **_own_labels(placed)},
        "name": placed.name,
        "namespace": app.namespace,
        "resourceVersion": version("Pod", app.namespace, placed.name),
        "uid": pod_uid(placed),
    }
    if owner is not None:
        metadata["ownerReferences"] = [owner]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": spec,
        "status": _status(placed),
    }


def pod_uid(placed: Placed) -> str:
    """The pod's UID."""
    return uid("Pod", placed.app.namespace, placed.name)


def claim_name(placed: Placed) -> str:
    """The claim that a pod with storage mounts."""
    return placed.name if placed.app.kind == "Cluster" else f"data-{placed.name}"


def _own_labels(placed: Placed) -> dict[str, str]:
    app = placed.app
    if app.kind == "Deployment":
        return {"pod-template-hash": template_hash(app)}
    if app.kind == "StatefulSet":
        return {
            "apps.kubernetes.io/pod-index": str(placed.index),
            "controller-revision-hash": f"{app.name}-{suffix(9, 'revision', app.key)}",
            "statefulset.kubernetes.io/pod-name": placed.name,
        }
    if app.kind == "DaemonSet":
        return {"controller-revision-hash": suffix(9, "revision", app.key), "pod-template-generation": "1"}
    if app.kind == "Cluster":
        role = "primary" if placed.index == 0 else "replica"
        return {"cnpg.io/instanceName": placed.name, "cnpg.io/instanceRole": role}
    return {}


def _status(placed: Placed) -> Json:
    app = placed.app
    if app.finished:
        return _ended(placed)
    ready = "False" if placed.crashing else "True"
    why = {"reason": "ContainersNotReady"} if placed.crashing else {}
    state: Json = {"running": {"startedAt": stamp(placed.created_ms + 2_000)}}
    if placed.crashing:
        state = {"waiting": {"reason": "CrashLoopBackOff"}}
    containers = _spec(app)["containers"]
    return {
        "conditions": [
            _condition("PodReadyToStartContainers", "True", placed.created_ms + 1_000),
            _condition("Initialized", "True", placed.created_ms),
            {**_condition("Ready", ready, placed.ready_ms), **why},
            {**_condition("ContainersReady", ready, placed.ready_ms), **why},
            _condition("PodScheduled", "True", placed.created_ms),
        ],
        "containerStatuses": [
            {
                "image": containers[0]["image"],
                "name": containers[0]["name"],
                "ready": not placed.crashing,
                "restartCount": 417 if placed.crashing else 0,
                "started": not placed.crashing,
                "state": state,
            }
        ],
        "hostIP": address(placed.machine.number),
        "phase": "Running",
        "podIP": pod_address(placed),
        "qosClass": "Burstable" if app.cpu else "BestEffort",
        "startTime": stamp(placed.created_ms),
    }


def _ended(placed: Placed) -> Json:
    done = placed.ready_ms + between(40, 900, "ran", placed.name) * 1_000
    return {
        "conditions": [
            {**_condition("Initialized", "True", placed.created_ms), "reason": "PodCompleted"},
            {**_condition("Ready", "False", done), "reason": "PodCompleted"},
            {**_condition("ContainersReady", "False", done), "reason": "PodCompleted"},
            _condition("PodScheduled", "True", placed.created_ms),
        ],
        "hostIP": address(placed.machine.number),
        "phase": "Succeeded",
        "podIP": pod_address(placed),
        "qosClass": "Burstable",
        "startTime": stamp(placed.created_ms),
    }


def _condition(kind: str, status: str, since_ms: int) -> Json:
    return {"lastTransitionTime": stamp(since_ms), "status": status, "type": kind}


def address(number: int) -> str:
    """A node's address."""
    return f"10.20.0.{10 + number}"


def pod_address(placed: Placed) -> str:
    """A pod's address."""
    return f"10.60.{placed.machine.number}.{between(2, 250, 'ip', placed.app.namespace, placed.name)}"
