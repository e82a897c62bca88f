"""Who owns a pod, and how many pods an owner wants.

Source: ``pkg/controller/disruption/disruption.go`` for which owners can be scaled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from shipkeeper.model.refs import ObjectRef, OwnerRef
from shipkeeper.model.workloads import Workload

SCALABLE = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "ReplicationController"})
"""Built-in kinds with a scale subresource."""

UNSCALABLE = frozenset({"DaemonSet", "Job", "CronJob", "Node"})
"""Built-in kinds without one: a budget that must know their size fails safe and allows nothing."""

WORKLOAD_KINDS = SCALABLE | {"DaemonSet", "Job", "CronJob"}
"""Built-in kinds that make pods or other workloads."""

_CLUSTER_SCOPED = frozenset({"Node"})


class Scale(Struct, frozen=True):
    """How many pods an owner wants. ``replicas`` None: it cannot be told, and ``why`` says so.

    ``why``: no-scale (the kind has no scale subresource), gone (the owner does not exist), unknown (a kind of
    somebody else's; whether it can be scaled is not in the inventory); empty when the number is known.
    """

    replicas: int | None
    why: str = ""


def by_uid(workloads: Iterable[Workload]) -> dict[str, Workload]:
    """Index workloads by UID; those without one are left out."""
    return {workload.uid: workload for workload in workloads if workload.uid}


def direct_owner(owner: OwnerRef, namespace: str) -> ObjectRef:
    """The owner's name as an ObjectRef."""
    return ObjectRef(owner.kind, "" if owner.kind in _CLUSTER_SCOPED else namespace, owner.name)


def chain(owner: OwnerRef | None, workloads: Mapping[str, Workload]) -> tuple[Workload, ...]:
    """The known workloads from a direct owner up to the last that is in the inventory. Cycles end the walk."""
    found: list[Workload] = []
    seen: set[str] = set()
    while owner is not None and owner.uid not in seen:
        seen.add(owner.uid)
        workload = workloads.get(owner.uid)
        if workload is None:
            break
        found.append(workload)
        owner = workload.owner
    return tuple(found)


def top_of(owner: OwnerRef, namespace: str, workloads: Mapping[str, Workload]) -> ObjectRef:
    """The outermost controller reached from this owner reference in that namespace."""
    known = chain(owner, workloads)
    if not known:
        return direct_owner(owner, namespace)
    return _above(known[-1], workloads)


def workload_key(owner: OwnerRef, namespace: str, workloads: Mapping[str, Workload]) -> str:
    """The outermost controller as ``Kind/namespace/name``, as platform files and plans name workloads."""
    top = top_of(owner, namespace, workloads)
    return f"{top.kind}/{top.namespace}/{top.name}"


def _above(workload: Workload, workloads: Mapping[str, Workload]) -> ObjectRef:
    known = chain(workload.owner, workloads)
    last = known[-1] if known else workload
    if last.owner is None or (last.owner.kind not in WORKLOAD_KINDS and last.kind != "ReplicaSet"):
        return last.ref
    return direct_owner(last.owner, last.namespace)


def top_workload(owner: OwnerRef | None, workloads: Mapping[str, Workload]) -> Workload | None:
    """The outermost workload that the inventory holds, or None."""
    known = chain(owner, workloads)
    return known[-1] if known else None


def scale(owner: OwnerRef, workloads: Mapping[str, Workload]) -> Scale:
    """How many pods the disruption controller counts for a pod's direct owner.

    A ReplicaSet of a Deployment counts as the Deployment; of anything else, or of one that is gone, as itself.
    """
    if owner.kind in UNSCALABLE:
        return Scale(None, "no-scale")
    workload = workloads.get(owner.uid)
    if workload is None:
        return Scale(None, "gone" if owner.kind in SCALABLE else "unknown")
    if workload.kind == "ReplicaSet" and workload.owner is not None and workload.owner.kind == "Deployment":
        deployment = workloads.get(workload.owner.uid)
        if deployment is not None:
            return Scale(deployment.desired)
    return Scale(workload.desired)


def scale_key(owner: OwnerRef, workloads: Mapping[str, Workload]) -> str:
    """What two pods share when their owners count once: the Deployment's UID, else the direct owner's."""
    workload = workloads.get(owner.uid)
    if workload is not None and workload.kind == "ReplicaSet" and workload.owner is not None:
        deployment = workloads.get(workload.owner.uid)
        if workload.owner.kind == "Deployment" and deployment is not None:
            return deployment.uid
    return owner.uid
