"""How well workloads are, by the pods' outermost readable owners."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from shipkeeper.execution.patience import PatientApi
from shipkeeper.model.pods import Pod
from shipkeeper.model.refs import ObjectRef, OwnerRef
from shipkeeper.model.workloads import Workload

READABLE = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "ReplicationController"})
"""Kinds that the API of the cluster can be asked for; pods of any other owner are counted themselves."""


class Reading(Struct, frozen=True):
    """One workload at one moment. ``ready`` of a Job: pods that run; ``finished``: Complete or Failed once it ended.

    ``uid`` is the owner's where the workload's kind cannot be read, and its pods are counted.
    """

    kind: str
    namespace: str
    name: str
    ready: int
    wanted: int
    finished: str = ""
    uid: str = ""

    @property
    def ref(self) -> ObjectRef:
        """The workload."""
        return ObjectRef(self.kind, self.namespace, self.name)

    @property
    def broken(self) -> bool:
        """Fewer Ready pods than wanted, or failed."""
        return self.ready < self.wanted or self.finished == "Failed"


def worse(before: Reading, now: Reading | None) -> str:
    """How a workload is worse than it was; empty when it is not. One that is gone, or wants fewer, is not."""
    if now is None:
        return ""
    if now.finished:
        return f"{now.ref} failed" if now.finished == "Failed" and before.finished != "Failed" else ""
    wanted = before.ready if before.uid else min(before.ready, now.wanted)
    if now.ready >= wanted:
        return ""
    return f"{now.ref} has {now.ready} of {wanted} pods Ready"


class Health:
    """Reads workloads. Remembers which Deployment a ReplicaSet belongs to."""

    def __init__(self, api: PatientApi) -> None:
        self._api = api
        self._tops: dict[tuple[str, str, str], ObjectRef | None] = {}

    async def tops(self, pods: Iterable[Pod]) -> dict[str, tuple[ObjectRef, str]]:
        """Pod UID → (outermost readable owner, owner's UID where its kind cannot be read).

        Pods without an owner, daemon and mirror pods are left out; so are those whose owner is gone.
        """
        owned = [(pod, pod.owner) for pod in pods if pod.owner is not None and not pod.mirror and not pod.daemon]
        await self._learn({_key(pod.namespace, owner): None for pod, owner in owned})
        found = {}
        for pod, owner in owned:
            top = self._tops[_key(pod.namespace, owner)]
            if top is not None:
                found[pod.uid] = (top, "" if top.kind in READABLE else owner.uid)
        return found

    async def _learn(self, keys: Iterable[tuple[str, str, str]]) -> None:
        unknown = [key for key in keys if key not in self._tops]
        readable = [key for key in unknown if key[0] in READABLE]
        for key in unknown:
            self._tops[key] = ObjectRef(*key)
        if not readable:
            return
        found = await self._api.workloads([ObjectRef(*key) for key in readable])
        for key, workload in zip(readable, found, strict=True):
            self._tops[key] = None if workload is None else _top(workload)

    async def read(self, wanted: Sequence[tuple[ObjectRef, str]]) -> dict[ObjectRef, Reading]:
        """Readings of these workloads; those that are gone are missing from the answer."""
        plain = [ref for ref, uid in wanted if not uid]
        found = {}
        if plain:
            for ref, workload in zip(plain, await self._api.workloads(plain), strict=True):
                if workload is not None:
                    found[ref] = reading_of(workload)
        for ref, uid in wanted:
            if uid:
                pods = await self._api.list(Pod, namespace=ref.namespace)
                mine = [pod for pod in pods if pod.owner is not None and pod.owner.uid == uid and not pod.terminating]
                ready = sum(1 for pod in mine if pod.ready)
                found[ref] = Reading(ref.kind, ref.namespace, ref.name, ready, len(mine), uid=uid)
        return found


def reading_of(workload: Workload) -> Reading:
    """A workload's reading from its status."""
    job = workload.job
    return Reading(
        workload.kind,
        workload.namespace,
        workload.name,
        job.active if job is not None else workload.ready,
        workload.desired,
        job.finished if job is not None else "",
    )


def _top(workload: Workload) -> ObjectRef:
    owner = workload.owner
    if owner is not None and owner.kind in READABLE:
        return ObjectRef(owner.kind, workload.namespace, owner.name)
    return workload.ref


def _key(namespace: str, owner: OwnerRef) -> tuple[str, str, str]:
    return owner.kind, namespace, owner.name
