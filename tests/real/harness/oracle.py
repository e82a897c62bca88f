"""One cluster of small cases on a real control plane, surveyed as the product does, and copied to the twin.

Each case lives in a namespace of its own, many on nodes of their own, so that all are built at once and none disturbs
another. What is done to a case is done on both sides, and the answers are compared.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from shipkeeper.app.survey_live import survey_live
from shipkeeper.integrations.kubernetes.connect import Connection, connect
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import Timings
from shipkeeper.model.pods import Pod
from shipkeeper.ports.cluster import Eviction, EvictionAnswer
from shipkeeper.twin import Twin
from shipkeeper.twin.kernel import Kernel
from tests.real.plane import waits
from tests.real.plane.api import Api, Object, is_ready
from tests.real.plane.cluster import plane_nodes
from tests.real.plane.manifests import LABEL, Times

T = TypeVar("T")

FIRST_NODE = "@0"
"""In a pod's nodeName: the first of its case's own nodes."""
GROUP = "shipkeeper.test/case"
"""Label of a case's own nodes."""
SHARED = "shared"
SHARED_NODES = 3
QUICK = Times(ready_ms=2500, termination_ms=500, grace_s=3)
"""Replacements are not Ready before the questions of a case are asked."""
SLOW = Times(ready_ms=100, termination_ms=6000, grace_s=8)
"""Its pods can be seen ending."""
NEVER_READY = Times(ready_ms=None, termination_ms=500, grace_s=3)


@dataclass(frozen=True)
class Case:
    """Objects in a namespace. ``nodes`` of its own, of ``cpu`` each; ``pods`` and how many of them become Ready."""

    id: str
    objects: tuple[Object, ...]
    pods: int
    ready: int | None = None
    nodes: int = 0
    cpu: str = "8"
    node_more: tuple[Object, ...] = field(default=())
    """Merged into the metadata or spec of its nodes, one by one."""
    before: Callable[[Api], None] | None = None
    """Done once everything is there, before the survey."""
    settles: bool = True
    """Its budgets come to count what its pods say; false where a pod has two."""


# --- manifests -----------------------------------------------------------------------------


def pod_spec(group: str, times: Times = QUICK, cpu: str = "50m", **more: Any) -> Object:
    selector = {GROUP: group} | more.pop("nodeSelector", {})
    container = {"name": "main", "image": "registry.test/x:1", "resources": {"requests": {"cpu": cpu}}}
    container |= more.pop("container", {})
    return {
        "terminationGracePeriodSeconds": times.grace_s,
        "nodeSelector": selector,
        "containers": [container],
        **more,
    }


def app(
    case: str, name: str = "web", replicas: int = 1, kind: str = "Deployment", times: Times = QUICK, **spec: Any
) -> Object:
    """A workload; ``group`` names the nodes that it may run on (default: the shared ones)."""
    labels = {"app": name} | spec.pop("labels", {})
    group = spec.pop("group", SHARED)
    template = {
        "metadata": {"labels": labels, "annotations": times.annotations()},
        "spec": pod_spec(group, times, **spec),
    }
    body: Object = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    if kind == "StatefulSet":
        body |= {"serviceName": name, "podManagementPolicy": "Parallel"}
    if kind == "DaemonSet":
        del body["replicas"]
    return _object("apps/v1", kind, case, name, spec=body)


def bare(case: str, name: str, times: Times = QUICK, **spec: Any) -> Object:
    """A pod without a controller."""
    labels = {"app": "web", LABEL: "yes"} | spec.pop("labels", {})
    group = spec.pop("group", SHARED)
    found = _object("v1", "Pod", case, name, spec=pod_spec(group, times, **spec))
    found["metadata"] |= {"labels": labels, "annotations": times.annotations() | spec.pop("annotations", {})}
    return found


def budget(case: str, name: str = "", selector: Object | None = None, **rule: Any) -> Object:
    """A budget over app=web, unless another selector is given; called as its case, so that names are unique."""
    wanted = {"matchLabels": {"app": "web"}} if selector is None else selector
    spec = rule if selector == NO_SELECTOR else {"selector": wanted, **rule}
    return _object("policy/v1", "PodDisruptionBudget", case, name or case, spec=spec)


NO_SELECTOR: Object = {"none": True}


def quota(case: str, **hard: str) -> Object:
    return _object("v1", "ResourceQuota", case, "quota", spec={"hard": hard})


def _object(api_version: str, kind: str, namespace: str, name: str, **body: Any) -> Object:
    meta = {"name": name, "namespace": namespace, "labels": {LABEL: "yes"}}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, **body}


# --- building ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stage:
    """The plane with all cases on it, and what a survey saw of it."""

    api: Api
    kubeconfig: Path
    cases: dict[str, Case]
    nodes: dict[str, list[str]]
    """Case → its own nodes."""
    inventory: Inventory

    def twin(self) -> Twin:
        """The cluster as it was surveyed, in virtual time."""
        return Twin(self.inventory, _timings(self.cases.values()), 1, Kernel(self.inventory.taken_ms))

    def pods(self, case: str, app: str = "") -> list[Pod]:
        """The case's pods as surveyed, by name."""
        found = [pod for pod in self.inventory.pods if pod.namespace == case]
        return sorted((pod for pod in found if app in ("", pod.shape.labels.get("app"))), key=lambda pod: pod.name)

    def on_plane(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Do something with the product's own client, as administrator."""
        return as_user(self.kubeconfig, work)

    def evict(self, asked: Sequence[Eviction]) -> tuple[EvictionAnswer, ...]:
        """Ask the plane, one after the other."""

        async def work(connection: Connection) -> tuple[EvictionAnswer, ...]:
            return tuple([(await connection.cluster.evict_many([item]))[0] for item in asked])

        return self.on_plane(work)


def _timings(cases: Iterable[Case]) -> Timings:
    """What the stages take for the pods of these cases, as the manifests tell them."""
    found: dict[str, dict[str, tuple[float, float]]] = {"ready": {"*": (2.5, 2.5)}, "termination": {"*": (0.5, 0.5)}}
    for case in cases:
        for obj in case.objects:
            told = obj.get("spec", {}).get("template", {}).get("metadata", {}).get("annotations", {})
            for what, figures in found.items():
                text = told.get(f"shipkeeper.test/{what}-ms", "")
                if text.isdigit():
                    key = f"{obj['kind']}/{case.id}/{obj['metadata']['name']}"
                    figures[key] = (int(text) / 1_000, int(text) / 1_000)
    return Timings(reboot_seconds=(60, 60), readiness=found["ready"], termination=found["termination"])


def as_user(kubeconfig: Path, work: Callable[[Connection], Awaitable[T]]) -> T:
    """Do something with the product's own client, as the user of that kubeconfig."""
    return asyncio.run(_connected(kubeconfig, work))


def evict_on_twin(twin: Twin, asked: Sequence[Eviction]) -> tuple[EvictionAnswer, ...]:
    """Ask the twin, one after the other."""

    async def work() -> tuple[EvictionAnswer, ...]:
        return tuple([(await twin.api.evict_many([item]))[0] for item in asked])

    return twin.kernel.run(work())


def build(api: Api, kubeconfig: Path, cases: Sequence[Case]) -> Stage:
    """Make nodes and cases, wait until they are as they should be, and survey them."""
    nodes = _nodes(api, cases)
    spaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": case.id, "labels": {LABEL: "yes"}}}
              for case in cases]  # fmt: skip
    _all(api, spaces)
    for first in (True, False):  # budgets, quotas and priorities before pods
        _all(
            api,
            [_placed(obj, nodes.get(case.id, [])) for case in cases for obj in case.objects if _first(obj) is first],
        )
    waits.until(lambda: _lacking(api, cases), 60, "the cases' pods")
    for case in cases:
        if case.before is not None:
            case.before(api)
    waits.budgets_settled(api, 30, _unsettled(cases))
    inventory = as_user(kubeconfig, _survey)
    return Stage(api, kubeconfig, {case.id: case for case in cases}, nodes, inventory)


def _placed(obj: Object, nodes: Sequence[str]) -> Object:
    spec = obj.get("spec", {})
    return obj if spec.get("nodeName") != FIRST_NODE else {**obj, "spec": {**spec, "nodeName": nodes[0]}}


def _first(obj: Object) -> bool:
    return obj["kind"] in ("PodDisruptionBudget", "PriorityClass", "ResourceQuota", "ConfigMap", "PersistentVolume")


def _unsettled(cases: Sequence[Case]) -> list[str]:
    budgets = [(case, obj) for case in cases for obj in case.objects if obj["kind"] == "PodDisruptionBudget"]
    return [obj["metadata"]["name"] for case, obj in budgets if not case.settles]


def _nodes(api: Api, cases: Sequence[Case]) -> dict[str, list[str]]:
    version = str(api.call("GET", "/version")["gitVersion"])
    wanted: list[tuple[str, str, Object]] = [(SHARED, "8", {})] * SHARED_NODES
    for case in cases:
        more = (*case.node_more, *({} for _ in range(case.nodes)))
        wanted += [(case.id, case.cpu, more[i]) for i in range(case.nodes)]
    made, found = [], dict[str, list[str]]()
    for index, (group, cpu, more) in enumerate(wanted):
        labels = {GROUP: group, "test/zone": f"t{len(found.get(group, ()))}"}
        node = plane_nodes.node(index, version, cpu=cpu, labels=labels)
        for part, values in more.items():
            node[part] |= values
        made.append(node)
        found.setdefault(group, []).append(node["metadata"]["name"])
    _all(api, made)
    waits.until(lambda: _not_ready(api, len(made)), 60, "nodes Ready")
    return found


def _not_ready(api: Api, count: int) -> str | None:
    ready = sum(1 for node in api.list("Node") if is_ready(node))
    return None if ready >= count else f"{ready} of {count}"


def _lacking(api: Api, cases: Sequence[Case]) -> str | None:
    pods: Counter[str] = Counter()
    ready: Counter[str] = Counter()
    for pod in api.list("Pod"):
        pods[pod["metadata"]["namespace"]] += 1
        ready[pod["metadata"]["namespace"]] += is_ready(pod)
    for case in cases:
        wanted = case.pods if case.ready is None else case.ready
        if (pods[case.id], ready[case.id]) != (case.pods, wanted):
            return f"{case.id}: {pods[case.id]} of {case.pods} pods, {ready[case.id]} of {wanted} Ready"
    return None


def _all(api: Api, objects: Sequence[Object]) -> None:
    with ThreadPoolExecutor(max_workers=6) as pool:
        list(pool.map(lambda obj: api.create(obj, exist_ok=True), objects))


async def _connected(kubeconfig: Path, work: Callable[[Connection], Awaitable[T]]) -> T:
    async with connect(environ={}, kubeconfig=str(kubeconfig)) as connection:
        return await work(connection)


async def _survey(connection: Connection) -> Inventory:
    return await survey_live(connection.source, await connection.cluster.server_time_ms())
