"""Workload status: what was surveyed, moved by what happened since."""

from __future__ import annotations

from msgspec.structs import replace

from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.workloads import Workload
from shipkeeper.twin.base import Owner
from shipkeeper.twin.jobs import Jobs
from shipkeeper.twin.world import World

SHOWN = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "ReplicationController"})


class Workloads:
    """Status of every workload, rebuilt only where pods changed."""

    def __init__(self, world: World, jobs: Jobs) -> None:
        self._world, self._jobs = world, jobs
        base = world.base
        self._current = list(base.inventory.workloads)
        self._at = {workload.ref: i for i, workload in enumerate(self._current)}
        self._by_uid = {workload.uid: i for i, workload in enumerate(self._current) if workload.uid}
        self._ready = [0] * len(self._current)
        """Ready pods gained since the survey."""
        self._active = [0] * len(self._current)
        self._dirty: set[int] = set()
        self._shown: tuple[Workload, ...] | None = None
        self._chains = {owner.index: self._chain(owner) for owner in base.owners}
        pods = world.pods
        pods.on_created.append(lambda row: self._change(row, 0, 1))
        pods.on_ready.append(self._readied)
        pods.on_deleting.append(lambda row: self._change(row, -pods.ready[row], 0 if pods.finished(row) else -1))
        pods.on_finished.append(lambda row: self._change(row, 0, -1 if pods.deletion_ms[row] < 0 else 0))
        pods.on_gone.append(self._gone)

    def find(self, ref: ObjectRef) -> Workload | None:
        """The workload as it is now, or None."""
        index = self._at.get(ref)
        if index is None:
            return None
        self._refresh()
        return self._current[index]

    def all(self) -> tuple[Workload, ...]:
        """Every workload that runs pods, in the survey's order."""
        self._refresh()
        if self._shown is None:
            self._shown = tuple(item for item in self._current if item.kind in SHOWN)
        return self._shown

    def _chain(self, owner: Owner) -> tuple[int, ...]:
        """The owner and the workloads above it that count its pods (a ReplicaSet's Deployment)."""
        found = []
        workload = owner.workload
        while workload is not None and workload.kind in SHOWN:
            index = self._at[workload.ref]
            if index in found:
                break
            found.append(index)
            workload = self._world.base.workloads.get(workload.owner.uid) if workload.owner is not None else None
        return tuple(found)

    def _readied(self, row: int) -> None:
        pods = self._world.pods
        if pods.deletion_ms[row] < 0:
            self._change(row, 1 if pods.ready[row] else -1, 0)

    def _gone(self, row: int) -> None:
        pods = self._world.pods
        if pods.deletion_ms[row] < 0:
            self._change(row, -pods.ready[row], 0 if pods.finished(row) else -1)

    def _change(self, row: int, ready: int, active: int) -> None:
        owner = self._world.base.groups[self._world.pods.group[row]].owner
        for index in self._chains.get(owner, ()):
            self._ready[index] += ready
            self._active[index] += active
            self._dirty.add(index)
        if self._jobs.ended:
            self._dirty.update(i for owner in self._jobs.ended for i in self._chains[owner])

    def _refresh(self) -> None:
        if not self._dirty:
            return
        surveyed = self._world.base.inventory.workloads
        version = str(self._world.pods.versions)
        for index in sorted(self._dirty):
            before = surveyed[index]
            ready = max(0, before.ready + self._ready[index])
            after = replace(
                before,
                ready=ready,
                available=max(0, before.available + self._ready[index]),
                current=max(0, before.current + self._active[index]),
                updated=max(0, before.updated + self._active[index]),
                resource_version=version,
            )
            if before.job is not None:
                ended = any(index in self._chains[owner] for owner in self._jobs.ended)
                job = replace(
                    before.job,
                    active=max(0, before.job.active + self._active[index]),
                    finished="Failed" if ended else before.job.finished,
                )
                after = replace(after, job=job)
            self._current[index] = after
        self._dirty.clear()
        self._shown = None
