"""Reading 150,000 pods into an inventory: CPU and memory, beside the official client's models.

A parent process makes the pages of a PodList (500 pods each, almost 8 KB a pod: managedFields, environment, probes,
volumes, status; the same on every run) and feeds them through a pipe; a child process reads them, and its CPU time and
its peak memory are what counts. The official client's ``deserialize`` gets a sample, and is compared pod for pod.
The ratio holds on any machine; the seconds are this one's.

    python bench/inventory.py [--pods 150000] [--sample 2000]
"""

from __future__ import annotations

import argparse
import gzip
import json
import resource
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

PAGE = 500
GOAL_CPU_S = 10.0
GOAL_RSS_MB = 300.0
PER_WORKLOAD = 40


def main() -> None:
    """Measure, print JSON and a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pods", type=int, default=150_000)
    parser.add_argument("--sample", type=int, default=2_000)
    parser.add_argument("--child", choices=sorted(CHILDREN), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(CHILDREN[arguments.child]()))
        return
    ours = measure("ours", arguments.pods)
    packed = measure("ours", arguments.pods, packed=True)
    official = measure("official", arguments.sample)
    result = {
        "pods": arguments.pods,
        "megabytes": round(ours["bytes"] / 1e6),
        "ours": ours,
        "oursGzip": packed,
        "official": official,
        "ratio": round(official["microsecondsPerPod"] / ours["microsecondsPerPod"], 1),
        "goals": {
            "cpuSeconds": GOAL_CPU_S,
            "rssMegabytes": GOAL_RSS_MB,
            "met": ours["cpuSeconds"] <= GOAL_CPU_S and ours["rssMegabytes"] <= GOAL_RSS_MB,
        },
    }
    print(json.dumps(result))
    print()
    print(f"{'':34}{'pods':>9}{'CPU s':>9}{'µs/pod':>9}{'peak MB':>9}")
    for name, row in (
        ("pages into a table", ours),
        ("the same, gzip on the wire", packed),
        ("official models", official),
    ):
        print(
            f"{name:34}{row['pods']:>9,}{row['cpuSeconds']:>9.2f}{row['microsecondsPerPod']:>9.1f}"
            f"{row['rssMegabytes']:>9.0f}"
        )
    verdict = "met" if result["goals"]["met"] else "missed"
    print(f"\n{result['ratio']} times less CPU a pod than the official client's models")
    print(f"goal {GOAL_CPU_S:.0f} s CPU and {GOAL_RSS_MB:.0f} MB at 150,000 pods: {verdict}")


def measure(child: str, pods: int, *, packed: bool = False) -> dict[str, Any]:
    """Feed pods to a child process; what it says of itself."""
    argv = [sys.executable, __file__, "--child", child]
    total = 0
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for page in pages(pods):
            total += len(page)
            body = gzip.compress(page, 1) if packed else page
            process.stdin.write(struct.pack("<I", len(body)) + body)
        process.stdin.close()
        said: dict[str, Any] = json.loads(process.stdout.read())
    if process.returncode:
        raise SystemExit(f"the {child} child failed")
    if said["pods"] != pods:
        raise SystemExit(f"the {child} child read {said['pods']} of {pods} pods: the figures would mean nothing")
    return {**said, "bytes": total, "microsecondsPerPod": round(said["cpuSeconds"] / pods * 1e6, 1)}


def incoming(stream: BinaryIO) -> Iterator[bytes]:
    """The pages of the parent, unpacked where they were packed."""
    while head := stream.read(4):
        (size,) = struct.unpack("<I", head)
        body = stream.read(size)
        yield gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body


def into_table() -> dict[str, Any]:
    """What a survey does with a list of pods."""
    from shipkeeper.model.table import PodTableBuilder
    from shipkeeper.semantics.wire import pods_into

    begun, before = time.process_time(), _peak_mb()
    builder = PodTableBuilder()
    for page in incoming(sys.stdin.buffer):
        pods_into(builder, page)
    table = builder.build()
    cpu_s = time.process_time() - begun
    return {
        "pods": len(table),
        "shapes": len(table.shapes),
        "cpuSeconds": round(cpu_s, 3),
        "rssMegabytes": _peak_mb(),
        "rssBefore": before,
    }


def into_models() -> dict[str, Any]:
    """The official client's models; its import is not counted."""
    from kubernetes import client

    api = client.ApiClient()
    client.V1PodList(items=[])

    class Response:
        def __init__(self, data: bytes) -> None:
            self.data = data.decode()

    begun, before, kept = time.process_time(), _peak_mb(), []
    cpu_s = 0.0
    for page in incoming(sys.stdin.buffer):
        begun = time.process_time()
        kept.append(_deserialize(api, Response(page)))
        cpu_s += time.process_time() - begun
    return {
        "pods": sum(len(part.items) for part in kept),
        "cpuSeconds": round(cpu_s, 3),
        "rssMegabytes": _peak_mb(),
        "rssBefore": before,
    }


def _deserialize(api: Any, response: Any) -> Any:
    try:
        return api.deserialize(response, "V1PodList")
    except TypeError:
        # Newer releases take the text and the content type.
        return api.deserialize(response.data, "V1PodList", "application/json")


def _peak_mb() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


CHILDREN = {"ours": into_table, "official": into_models}


def pages(pods: int) -> Iterator[bytes]:
    """The pages of a PodList, made one at a time."""
    texts: list[str] = []
    page = 0
    for number in range(pods):
        if number % PER_WORKLOAD == 0:
            template = json.dumps(pod_of(number // PER_WORKLOAD), separators=(",", ":"))
        texts.append(
            template.replace("@NAME@", f"{number:06d}-{number * 7919 % 99991:05d}")
            .replace("@UID@", f"{number:08x}-5d1c-4b7e-9f00-{number * 2654435761 % 2**48:012x}")
            .replace("@NODE@", f"node-{number * 31 % 5000:04d}")
            .replace("@IP@", f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}")
            .replace("@VERSION@", str(10_000_000 + number))
        )
        if len(texts) == PAGE or number == pods - 1:
            more = "" if number == pods - 1 else f"token-{page}"
            meta = json.dumps({"resourceVersion": "99", "continue": more})
            yield f'{{"kind":"PodList","apiVersion":"v1","metadata":{meta},"items":[{",".join(texts)}]}}'.encode()
            texts, page = [], page + 1


def pod_of(workload: int) -> dict[str, Any]:
    """One workload's pod, as an API server writes it; ``@…@`` is filled in for each."""
    kind = ("ReplicaSet", "ReplicaSet", "ReplicaSet", "StatefulSet", "DaemonSet", "Job")[workload % 6]
    app = f"app-{workload:04d}"
    labels = {
        "app.kubernetes.io/name": app,
        "app.kubernetes.io/instance": f"{app}-prod",
        "app.kubernetes.io/version": f"1.{workload % 30}.{workload % 7}",
        "app.kubernetes.io/managed-by": "Helm",
        "pod-template-hash": f"{workload * 40503 % 2**32:08x}",
        "tier": ("web", "worker", "cache")[workload % 3],
    }
    annotations = {
        "checksum/config": f"{workload:064x}",
        "cni.projectcalico.org/podIP": "@IP@/32",
        "cni.projectcalico.org/containerID": f"{workload * 7:064x}",
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "9090",
    }
    owner = {
        "apiVersion": "batch/v1" if kind == "Job" else "apps/v1",
        "kind": kind,
        "name": f"{app}-{workload * 40503 % 2**32:08x}",
        "uid": f"{workload:08x}-aaaa-4bbb-8ccc-000000000000",
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "metadata": {
            "name": f"{app}-@NAME@",
            "generateName": f"{app}-",
            "namespace": f"team-{workload % 120:03d}",
            "uid": "@UID@",
            "resourceVersion": "@VERSION@",
            "creationTimestamp": "2026-11-02T08:15:30Z",
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [owner],
            "managedFields": managed(workload, labels, annotations),
        },
        "spec": spec_of(workload, kind, app),
        "status": status_of(workload, kind),
    }


def managed(workload: int, labels: dict[str, str], annotations: dict[str, str]) -> list[dict[str, Any]]:
    """Two managers' fields: the largest part of a real pod, and of no use to anybody here."""
    per_container = {
        ".": {},
        "f:env": {
            ".": {},
            **{f'k:{{"name":"SETTING_{i:02d}"}}': {".": {}, "f:name": {}, "f:value": {}} for i in range(8)},
        },
        **{f"f:{name}": {} for name in ("image", "imagePullPolicy", "name", "resources", "terminationMessagePath")},
        "f:livenessProbe": {".": {}, "f:failureThreshold": {}, "f:httpGet": {".": {}, "f:path": {}, "f:port": {}}},
        "f:volumeMounts": {".": {}, 'k:{"mountPath":"/config"}': {".": {}, "f:mountPath": {}, "f:name": {}}},
    }
    spec = {"f:containers": {f'k:{{"name":"c{i}"}}': per_container for i in range(1 + workload % 2)}, "f:dnsPolicy": {}}
    meta = {
        "f:labels": {".": {}, **{f"f:{key}": {} for key in labels}},
        "f:annotations": {".": {}, **{f"f:{key}": {} for key in annotations}},
        "f:ownerReferences": {".": {}, 'k:{"uid":"@UID@"}': {}},
    }
    status = {
        "f:conditions": {f'k:{{"type":"{name}"}}': {".": {}, "f:status": {}} for name in CONDITIONS},
        "f:phase": {},
    }
    entry = {"apiVersion": "v1", "fieldsType": "FieldsV1", "operation": "Update", "time": "2026-11-02T08:15:30Z"}
    return [
        {**entry, "manager": "kube-controller-manager", "fieldsV1": {"f:metadata": meta, "f:spec": spec}},
        {**entry, "manager": "kubelet", "subresource": "status", "fieldsV1": {"f:status": status}},
    ]


CONDITIONS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")


def spec_of(workload: int, kind: str, app: str) -> dict[str, Any]:
    """The spec of a workload's pods."""
    env = [{"name": f"SETTING_{i:02d}", "value": f"value-{workload:04d}-{i:02d}-of-some-length"} for i in range(8)]
    env.append({"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": app, "key": "password"}}})
    mounts = [
        {"name": "config", "mountPath": "/config", "readOnly": True},
        {"name": "kube-api-access", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": True},
    ]
    probe = {
        "httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"},
        "periodSeconds": 10,
        "failureThreshold": 3,
    }
    container = {
        "image": f"registry.example/{app}@sha256:{workload:064x}",
        "imagePullPolicy": "IfNotPresent",
        "env": env,
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "resources": {
            "requests": {"cpu": f"{50 + workload % 20 * 25}m", "memory": f"{64 << workload % 5}Mi"},
            "limits": {"memory": f"{128 << workload % 5}Mi"},
        },
        "livenessProbe": probe,
        "readinessProbe": probe,
        "volumeMounts": mounts,
        "securityContext": {"runAsNonRoot": True, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }
    tolerated = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
    sources = [{"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}}]
    volumes: list[dict[str, Any]] = [
        {"name": "config", "configMap": {"name": app, "defaultMode": 420}},
        {"name": "kube-api-access", "projected": {"sources": sources, "defaultMode": 420}},
    ]
    if kind == "StatefulSet":
        volumes.append({"name": "data", "persistentVolumeClaim": {"claimName": f"data-{app}-@NAME@"}})
    spec: dict[str, Any] = {
        "nodeName": "@NODE@",
        "restartPolicy": "OnFailure" if kind == "Job" else "Always",
        "terminationGracePeriodSeconds": 30 + workload % 4 * 10,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": app,
        "schedulerName": "default-scheduler",
        "priority": workload % 3 * 1000,
        "containers": [{"name": f"c{i}", **container} for i in range(1 + workload % 2)],
        "volumes": volumes,
        "tolerations": [
            {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300} for key in tolerated
        ],
        "securityContext": {"fsGroup": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
    }
    if kind == "DaemonSet":
        pin = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["@NODE@"]}]}
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [pin]}}
        spec["affinity"] = {"nodeAffinity": required}
    elif workload % 4 == 0:
        spec["topologySpreadConstraints"] = [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": {"app.kubernetes.io/name": app}},
            }
        ]
    return spec


def status_of(workload: int, kind: str) -> dict[str, Any]:
    """The status of a workload's pods."""
    done = kind == "Job" and workload % 12 == 5
    started = {"startedAt": "2026-11-02T08:15:41Z"}
    ended = {"exitCode": 0, "reason": "Completed", "finishedAt": "2026-11-02T08:20:41Z", **started}
    return {
        "phase": "Succeeded" if done else "Running",
        "conditions": [
            {
                "type": name,
                "status": "False" if done and "Ready" in name else "True",
                "lastProbeTime": None,
                "lastTransitionTime": "2026-11-02T08:15:41Z",
            }
            for name in CONDITIONS
        ],
        "hostIP": "192.168.0.10",
        "podIP": "@IP@",
        "podIPs": [{"ip": "@IP@"}],
        "startTime": "2026-11-02T08:15:30Z",
        "qosClass": "Burstable",
        "containerStatuses": [
            {
                "name": f"c{i}",
                "ready": not done,
                "started": not done,
                "restartCount": workload % 3,
                "image": f"registry.example/app-{workload:04d}:1",
                "imageID": f"registry.example/app-{workload:04d}@sha256:{workload:064x}",
                "containerID": f"containerd://{workload:064x}",
                "state": {"terminated": ended} if done else {"running": started},
                "lastState": {},
            }
            for i in range(1 + workload % 2)
        ],
    }


if __name__ == "__main__":
    main()
