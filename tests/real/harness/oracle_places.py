"""Cases about where a replacement goes once its predecessor is evicted: a place, none, or one that comes later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.real.harness.oracle import SLOW, Case, app, budget, quota
from tests.real.plane import waits
from tests.real.plane.api import Api, Object
from tests.real.plane.manifests import LABEL

HARD_SPREAD = {"maxSkew": 1, "topologyKey": "test/zone", "whenUnsatisfiable": "DoNotSchedule",
               "labelSelector": {"matchLabels": {"app": "web"}}}  # fmt: skip
SOFT_SPREAD = HARD_SPREAD | {"whenUnsatisfiable": "ScheduleAnyway"}
APART = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
    {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}]}}  # fmt: skip
NEAR_DB = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
    {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "db"}}}]}}  # fmt: skip
DEDICATED = {"spec": {"taints": [{"key": "dedicated", "value": "db", "effect": "NoSchedule"}]}}
PORT = {"ports": [{"containerPort": 80, "hostPort": 8080}]}


@dataclass(frozen=True)
class Moved:
    """A case whose first pod of app web is evicted, its node cordoned before; and each app's pods: (bound, Pending)."""

    case: Case
    after: dict[str, tuple[int, int]]
    cordon: bool = True
    meanwhile: dict[str, tuple[int, int]] | None = None
    """While the evicted pod still ends."""


def _own(case: str, replicas: int, nodes: int = 3, cpu: str = "8", more: tuple[Object, ...] = (), **spec: Any) -> Case:
    extra = spec.pop("extra", ())
    if "cpu_request" in spec:
        spec["container"] = {"resources": {"requests": {"cpu": spec.pop("cpu_request")}}}
    node_more = spec.pop("node_more", ())
    pods = replicas + sum(obj.get("spec", {}).get("replicas", 0) for obj in extra)
    made = (*more, app(case, replicas=replicas, group=case, **spec), *extra)
    return Case(case, made, pods, nodes=nodes, cpu=cpu, node_more=node_more)


def _init(cpu: str, **more: Any) -> Object:
    """An init container; with ``restartPolicy`` Always a sidecar, whose request counts beside the others."""
    requests = {"requests": {"cpu": cpu}}
    return {"name": "first", "image": "registry.test/first:1", "resources": requests, **more}


def _volume(case: str) -> Object:
    """A volume that only the case's first node can mount."""
    terms = [{"matchExpressions": [{"key": "test/zone", "operator": "In", "values": ["t0"]}]}]
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "",
        "nfs": {"server": "nfs.test", "path": "/"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
        "claimRef": {"namespace": case, "name": "data"},
    }
    meta = {"name": f"oracle-{case}", "labels": {LABEL: "yes"}}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": meta, "spec": spec}


def _claim(case: str) -> Object:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "",
        "volumeName": f"oracle-{case}",
        "resources": {"requests": {"storage": "1Gi"}},
    }
    meta = {"name": "data", "namespace": case, "labels": {LABEL: "yes"}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec}


def _priority(name: str, value: int) -> Object:
    meta = {"name": name, "labels": {LABEL: "yes"}}
    return {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": meta, "value": value}


def _spread(**more: Any) -> list[Object]:
    return [HARD_SPREAD | more]


def _lower_quota(api: Api) -> None:
    api.patch("ResourceQuota", "quota", {"spec": {"hard": {"pods": "2"}}}, "qu-over")

    def told() -> str | None:
        status = api.get("ResourceQuota", "quota", "qu-over").get("status") or {}
        return None if status.get("hard") == {"pods": "2"} and status.get("used") == {"pods": "3"} else str(status)

    waits.until(told, 20, "the quota's status")


PLACES = (
    Moved(_own("sc-ghost", 3, topologySpreadConstraints=_spread()), {"web": (2, 1)}),
    Moved(_own("sc-honor", 3, topologySpreadConstraints=_spread(nodeTaintsPolicy="Honor")), {"web": (3, 0)}),
    Moved(_own("sc-soft", 3, topologySpreadConstraints=[SOFT_SPREAD]), {"web": (3, 0)}),
    Moved(_own("sc-apart", 3, affinity=APART), {"web": (2, 1)}),
    Moved(_own("sc-apart-room", 2, affinity=APART), {"web": (2, 0)}),
    Moved(_own("sc-full", 3, cpu="1", container={"resources": {"requests": {"cpu": "700m"}}}), {"web": (2, 1)}),
    Moved(_own("sc-room", 2, cpu="1", container={"resources": {"requests": {"cpu": "700m"}}}), {"web": (2, 0)}),
    Moved(_own("sc-init", 3, cpu="1", initContainers=[_init("700m")]), {"web": (2, 1)}),
    Moved(_own("sc-init-room", 3, cpu="1", initContainers=[_init("400m")]), {"web": (3, 0)}),
    Moved(
        _own("sc-sidecar", 3, cpu="1", cpu_request="300m", initContainers=[_init("400m", restartPolicy="Always")]),
        {"web": (2, 1)},
    ),
    Moved(
        _own("sc-volume", 1, more=(_volume("sc-volume"), _claim("sc-volume")), volumes=[
            {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]),
        {"web": (0, 1)},
    ),
    Moved(_own("sc-port", 3, container=PORT), {"web": (2, 1)}),
    Moved(_own("sc-port-room", 2, container=PORT), {"web": (2, 0)}),
    Moved(_own("sc-taint", 1, nodes=2, node_more=({}, DEDICATED)), {"web": (0, 1)}),
    Moved(
        _own(
            "sc-tolerates", 1, nodes=2, node_more=({}, DEDICATED),
            tolerations=[{"key": "dedicated", "operator": "Exists"}],
        ),
        {"web": (1, 0)},
    ),
    Moved(_own("sc-label", 1, nodes=2, node_more=({}, {}), nodeSelector={"test/zone": "t0"}), {"web": (0, 1)}),
    Moved(
        _own("sc-near", 1, nodes=2, affinity=NEAR_DB,
             extra=(app("sc-near", "db", group="sc-near", nodeSelector={"test/zone": "t0"}),)),
        {"web": (0, 1), "db": (1, 0)},
    ),
    Moved(
        _own(
            "sc-preempt", 1, nodes=2, cpu="1",
            more=(_priority("oracle-high", 1000), _priority("oracle-low", -5),
                  budget("sc-preempt", selector={"matchLabels": {"app": "low"}}, maxUnavailable=0)),
            priorityClassName="oracle-high", container={"resources": {"requests": {"cpu": "700m"}}},
            extra=(app("sc-preempt", "low", group="sc-preempt", priorityClassName="oracle-low",
                       container={"resources": {"requests": {"cpu": "700m"}}}),),
        ),
        {"web": (1, 0), "low": (0, 1)},
    ),
    Moved(
        _own("sc-held", 1, nodes=1, cpu="1", times=SLOW, container={"resources": {"requests": {"cpu": "700m"}}}),
        {"web": (1, 0)},
        cordon=False,  # its own node has room again once the old pod is gone
        meanwhile={"web": (0, 1)},
    ),
    Moved(_own("sc-stateful", 2, kind="StatefulSet"), {"web": (2, 0)}),
    Moved(_own("qu-full", 2, more=(quota("qu-full", pods="2"),)), {"web": (2, 0)}),
    Moved(_own("qu-requests", 2, more=(quota("qu-requests", **{"requests.cpu": "100m"}),)), {"web": (2, 0)}),
    # Three pods under a quota that was lowered to two: what is evicted is not made again.
    Moved(
        Case("qu-over", (quota("qu-over", pods="3"), app("qu-over", replicas=3, group="qu-over")), 3, nodes=2,
             before=_lower_quota),
        {"web": (2, 0)},
    ),
)  # fmt: skip
