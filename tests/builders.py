"""Small builders of model values for tests: sensible where nothing is said, one word where something matters.

Everything is Ready, scheduled and observed unless told otherwise. Times are epoch milliseconds; ``NOW`` is the
moment inventories are taken. Names double as UIDs (``uid-…``), so that references between objects hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from shipkeeper.model.cluster import ClusterIdentity, Namespace
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.labels import Requirement, Selector
from shipkeeper.model.nodes import Node, NodeCondition, NodeInfo, Taint
from shipkeeper.model.pods import NodeTerm, Pod, PodShape, PodTerm, SpreadConstraint
from shipkeeper.model.refs import OwnerRef
from shipkeeper.model.room import Room
from shipkeeper.model.storage import Claim, Volume
from shipkeeper.model.table import PodTable
from shipkeeper.model.workloads import Budget, IntOrPercent, JobFacts, Workload
from shipkeeper.semantics.room import room_of

NOW = 1_790_000_000_000
MIB = 1024**2
GIB = 1024**3
HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"


class App(NamedTuple):
    """A workload with everything under it."""

    workloads: tuple[Workload, ...]
    pods: tuple[Pod, ...]

    @property
    def top(self) -> Workload:
        """The outermost workload."""
        return self.workloads[0]


def selector(**pairs: str) -> Selector:
    """A selector of these pairs (none: everything)."""
    return Selector(tuple(sorted(pairs.items())))


def node(
    name: str = "n1",
    zone: str = "z1",
    *,
    cpu: int = 4_000,
    memory: int = 16 * GIB,
    pods: int = 110,
    ready: bool = True,
    cordoned: bool = False,
    labels: dict[str, str] | None = None,
    taints: Sequence[Taint] = (),
    control_plane: bool = False,
    conditions: Sequence[NodeCondition] | None = None,
    **more: Any,
) -> Node:
    """A worker, Ready, in a zone."""
    all_labels = {HOSTNAME: name, "kubernetes.io/os": "linux"}
    all_taints = list(taints)
    if zone:
        all_labels[ZONE] = zone
    if control_plane:
        all_labels["node-role.kubernetes.io/control-plane"] = ""
        all_taints.append(Taint("node-role.kubernetes.io/control-plane", "NoSchedule"))
    if cordoned:
        all_taints.append(Taint("node.kubernetes.io/unschedulable", "NoSchedule"))
    status = NodeCondition("Ready", "True" if ready else "False", "KubeletReady", NOW - 86_400_000)
    fields: dict[str, Any] = {
        "name": name,
        "uid": f"uid-{name}",
        "labels": all_labels | (labels or {}),
        "unschedulable": cordoned,
        "taints": tuple(all_taints),
        "allocatable": {"cpu": cpu, "memory": memory, "pods": pods},
        "conditions": tuple(conditions) if conditions is not None else (status,),
        "info": NodeInfo(boot_id=f"boot-{name}-1", kernel="6.1.0-30", kubelet="v1.34.4", os_image="Debian 12"),
        "address": "10.0.0.1",
        "created_ms": NOW - 90 * 86_400_000,
        "resource_version": "1",
    }
    return Node(**(fields | more))


def nodes(count: int, zones: int = 3, **more: Any) -> tuple[Node, ...]:
    """``n1`` … in zones ``z1`` … by turns."""
    return tuple(node(f"n{i + 1}", f"z{i % zones + 1}" if zones else "", **more) for i in range(count))


def shape(
    labels: dict[str, str] | None = None,
    *,
    cpu: int = 100,
    memory: int = 128 * MIB,
    requests: dict[str, int] | None = None,
    **more: Any,
) -> PodShape:
    """What pods of one template share."""
    wanted = requests if requests is not None else {"cpu": cpu, "memory": memory}
    return PodShape(labels=labels or {}, requests=wanted, without_requests=0 if wanted else 1, **more)


def owner(kind: str, name: str, api_version: str = "") -> OwnerRef:
    """The controller reference to an object built here."""
    return OwnerRef(kind, name, f"uid-{kind}-{name}", api_version)


def pod(
    name: str = "p1",
    namespace: str = "default",
    *,
    on: str = "n1",
    owned_by: OwnerRef | None = None,
    template: PodShape | None = None,
    ready: bool = True,
    **more: Any,
) -> Pod:
    """A running, Ready pod on ``n1``."""
    fields: dict[str, Any] = {
        "namespace": namespace,
        "name": name,
        "uid": f"uid-{namespace}-{name}",
        "shape": template if template is not None else shape({"app": name}),
        "node": on,
        "owner": owned_by,
        "ready": ready,
        "created_ms": NOW - 3_600_000,
        "scheduled_ms": NOW - 3_600_000,
        "ready_ms": NOW - 3_590_000,
        "resource_version": "1",
    }
    return Pod(**(fields | more))


def mirror(name: str, on: str, namespace: str = "kube-system", **labels: str) -> Pod:
    """A static pod's mirror, owned by its node."""
    return pod(
        f"{name}-{on}",
        namespace,
        on=on,
        owned_by=owner("Node", on),
        template=shape(labels or {"component": name, "tier": "control-plane"}),
        mirror=True,
    )


def workload(kind: str, name: str, namespace: str = "default", replicas: int = 1, **more: Any) -> Workload:
    """A workload that is as well as it should be, selecting ``app=<name>``."""
    fields: dict[str, Any] = {
        "kind": kind,
        "namespace": namespace,
        "name": name,
        "uid": f"uid-{kind}-{name}",
        "labels": {"app": name},
        "desired": replicas,
        "ready": replicas,
        "available": replicas,
        "updated": replicas,
        "current": replicas,
        "selector": selector(app=name),
        "template": shape({"app": name}),
        "generation": 1,
        "observed_generation": 1,
        "strategy": "RollingUpdate" if kind in ("Deployment", "StatefulSet", "DaemonSet") else "",
        "pod_management": "OrderedReady" if kind == "StatefulSet" else "",
        "created_ms": NOW - 86_400_000,
        "resource_version": "1",
    }
    return Workload(**(fields | more))


def deployment(
    name: str = "web",
    namespace: str = "default",
    *,
    on: Iterable[str] = ("n1",),
    replicas: int | None = None,
    template: PodShape | None = None,
    pod_fields: dict[str, Any] | None = None,
    **more: Any,
) -> App:
    """A Deployment, its ReplicaSet, and one pod on each node named (a name may come twice)."""
    places = list(on)
    wanted = len(places) if replicas is None else replicas
    look = template if template is not None else shape({"app": name})
    look = replace(look, labels={"app": name, "pod-template-hash": "5d8f"} | look.labels)
    top = workload("Deployment", name, namespace, wanted, **({"template": look} | more))
    inner = workload("ReplicaSet", f"{name}-5d8f", namespace, wanted, owner=owner("Deployment", name), template=look)
    pods = tuple(
        pod(
            f"{name}-5d8f-{i:05d}",
            namespace,
            on=place,
            owned_by=owner("ReplicaSet", f"{name}-5d8f"),
            template=look,
            **(pod_fields or {}),
        )
        for i, place in enumerate(places)
    )
    return App((top, inner), pods)


def statefulset(
    name: str = "db",
    namespace: str = "default",
    *,
    on: Iterable[str] = ("n1",),
    replicas: int | None = None,
    template: PodShape | None = None,
    claims: bool = False,
    pod_fields: dict[str, Any] | None = None,
    **more: Any,
) -> App:
    """A StatefulSet and its pods; with ``claims`` each mounts ``data-<pod>``."""
    return _owned("StatefulSet", name, namespace, list(on), replicas, template, claims, pod_fields, more)


def daemonset(
    name: str = "agent",
    namespace: str = "kube-system",
    *,
    on: Iterable[str] = ("n1",),
    template: PodShape | None = None,
    pod_fields: dict[str, Any] | None = None,
    **more: Any,
) -> App:
    """A DaemonSet with a pod on each node named."""
    return _owned("DaemonSet", name, namespace, list(on), None, template, False, pod_fields, more)


def job(
    name: str = "import",
    namespace: str = "default",
    *,
    on: Iterable[str] = ("n1",),
    facts: JobFacts | None = None,
    pod_fields: dict[str, Any] | None = None,
    **more: Any,
) -> App:
    """A running Job with a pod on each node named."""
    places = list(on)
    known = facts if facts is not None else JobFacts(active=len(places), started_ms=NOW - 7_200_000)
    fields = {"job": known} | more
    return _owned("Job", name, namespace, places, None, None, False, {"ready": True} | (pod_fields or {}), fields)


def budget(
    name: str = "budget",
    namespace: str = "default",
    *,
    app: str = "web",
    min_available: IntOrPercent | None = None,
    max_unavailable: IntOrPercent | None = None,
    **more: Any,
) -> Budget:
    """A budget over ``app=<app>``; its status is what the controller would write for ``healthy`` pods, if given."""
    fields: dict[str, Any] = {
        "namespace": namespace,
        "name": name,
        "uid": f"uid-{namespace}-{name}",
        "selector": selector(app=app),
        "min_available": min_available,
        "max_unavailable": max_unavailable,
        "generation": 1,
        "observed_generation": 1,
        "reason": "SufficientPods" if more.get("allowed") else "InsufficientPods",
        "resource_version": "1",
    }
    return Budget(**(fields | more))


def claim(name: str, namespace: str = "default", *, volume: str = "", **more: Any) -> Claim:
    """A ReadWriteOnce claim, bound when ``volume`` is given."""
    fields: dict[str, Any] = {
        "namespace": namespace,
        "name": name,
        "uid": f"uid-{namespace}-{name}",
        "volume": volume,
        "storage_class": "standard",
        "access_modes": ("ReadWriteOnce",),
        "phase": "Bound" if volume else "Pending",
    }
    return Claim(**(fields | more))


def volume(name: str, *, zone: str = "", on: str = "", source: str = "csi", **more: Any) -> Volume:
    """A volume; ``zone`` confines it to a zone, ``on`` to a node."""
    terms: tuple[NodeTerm, ...] = ()
    if zone:
        terms = (NodeTerm((Requirement(ZONE, "In", (zone,)),)),)
    if on:
        terms = (NodeTerm((Requirement(HOSTNAME, "In", (on,)),)),)
    fields: dict[str, Any] = {
        "name": name,
        "uid": f"uid-{name}",
        "storage_class": "standard",
        "access_modes": ("ReadWriteOnce",),
        "node_terms": terms,
        "source": source,
        "driver": "csi.example.com" if source == "csi" else "",
        "phase": "Bound",
    }
    return Volume(**(fields | more))


def spread(key: str = HOSTNAME, *, skew: int = 1, hard: bool = True, app: str = "web", **more: Any) -> SpreadConstraint:
    """A topology spread constraint over ``app=<app>``."""
    return SpreadConstraint(topology_key=key, max_skew=skew, hard=hard, selector=selector(app=app), **more)


def apart(key: str = HOSTNAME, *, app: str = "web") -> PodTerm:
    """A required anti-affinity term against ``app=<app>``."""
    return PodTerm(topology_key=key, selector=selector(app=app))


def room_of_pods(nodes: Sequence[Node], pods: Iterable[Pod]) -> Room:
    """Free room on the nodes with these pods on them."""
    return room_of(nodes, PodTable.of(pods))


def inventory(
    *parts: App | Workload | Pod | Budget | Node | Claim | Volume,
    taken_ms: int = NOW,
    identity: ClusterIdentity | None = None,
    **more: Any,
) -> Inventory:
    """An inventory of these parts, each where it belongs, sorted; namespaces are made as needed."""
    piles: dict[type, list[Any]] = {Workload: [], Pod: [], Budget: [], Node: [], Claim: [], Volume: []}
    for part in parts:
        if isinstance(part, App):
            piles[Workload].extend(part.workloads)
            piles[Pod].extend(part.pods)
        else:
            piles[type(part)].append(part)
    for pile in piles.values():
        pile.sort(key=lambda item: (getattr(item, "namespace", ""), item.name))
    names = sorted({item.namespace for kind in (Workload, Pod) for item in piles[kind]})
    fields: dict[str, Any] = {
        "source": "test",
        "taken_ms": taken_ms,
        "identity": identity or ClusterIdentity(uid="uid-cluster", server_version="v1.34.4", name="test"),
        "nodes": tuple(piles[Node]),
        "pods": PodTable.of(piles[Pod]),
        "workloads": tuple(piles[Workload]),
        "budgets": tuple(piles[Budget]),
        "claims": tuple(piles[Claim]),
        "volumes": tuple(piles[Volume]),
        "namespaces": tuple(Namespace(name, f"uid-{name}") for name in names),
    }
    return Inventory(**(fields | more))


def _owned(
    kind: str,
    name: str,
    namespace: str,
    places: list[str],
    replicas: int | None,
    template: PodShape | None,
    claims: bool,
    pod_fields: dict[str, Any] | None,
    more: dict[str, Any],
) -> App:
    wanted = len(places) if replicas is None else replicas
    look = template if template is not None else shape({"app": name})
    look = replace(look, labels={"app": name} | look.labels)
    top = workload(kind, name, namespace, wanted, **({"template": look} | more))
    pods = []
    for i, place in enumerate(places):
        pod_name = f"{name}-{i}" if kind == "StatefulSet" else f"{name}-{i:05d}"
        own = {"claims": (f"data-{pod_name}",)} if claims else {}
        pods.append(
            pod(
                pod_name,
                namespace,
                on=place,
                owned_by=owner(kind, name),
                template=look,
                **(own | (pod_fields or {})),
            )
        )
    return App((top,), tuple(pods))
