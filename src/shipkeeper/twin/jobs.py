"""Jobs: an evicted pod is lost work, and may be the end of the Job.

Source: Kubernetes documentation, "Jobs"; observed on API servers 1.34 and 1.36: with backoffLimit 0 the eviction of
its pod fails the Job; a podFailurePolicy that ignores DisruptionTarget keeps it.
"""

from __future__ import annotations

from shipkeeper.model.workloads import JobFacts
from shipkeeper.twin.base import Owner
from shipkeeper.twin.controllers import Creator, owner_of
from shipkeeper.twin.world import World

_NO_FACTS = JobFacts()


class Jobs:
    """Counts failures per Job and replaces pods as its policies say. Nothing finishes by itself in a rehearsal."""

    def __init__(self, world: World, creator: Creator) -> None:
        self._world, self._creator = world, creator
        self._failed: dict[int, int] = {}
        self.ended: dict[int, None] = {}
        """Jobs that failed because of disruptions, in that order."""
        world.pods.on_deleting.append(self._deleting)
        world.pods.on_gone.append(self._gone)

    def _deleting(self, row: int) -> None:
        owner = owner_of(self._world, row)
        if owner is None or owner.kind != "Job" or owner.index in self.ended or self._world.pods.finished(row):
            return
        facts = _facts(owner)
        if facts.ignores_disruption:
            if facts.replacement_policy != "Failed":
                self._creator.later(self._creator.create, row)
            return
        if facts.backoff_limit_per_index == 0:
            self._world.note(f"Job {owner.namespace}/{owner.name}: an index failed for good: its pod was disrupted")
            return
        failed = self._failed[owner.index] = self._failed.get(owner.index, facts.failed) + 1
        if failed > facts.backoff_limit:
            self.ended[owner.index] = None
            self._world.note(f"Job {owner.namespace}/{owner.name} failed: its pods were disrupted past backoffLimit")
            self._creator.later(self._end, owner)
        elif facts.replacement_policy != "Failed":
            self._creator.later(self._later, row, self._backoff_ms(failed))

    def _gone(self, row: int) -> None:
        owner = owner_of(self._world, row)
        if owner is None or owner.kind != "Job" or owner.index in self.ended or self._world.pods.finished(row):
            return
        facts = _facts(owner)
        if facts.replacement_policy == "Failed" and (facts.ignores_disruption or facts.backoff_limit_per_index != 0):
            failed = 0 if facts.ignores_disruption else self._failed.get(owner.index, 0)
            self._later(row, self._backoff_ms(failed) if failed else 0)

    def _later(self, row: int, delay_ms: int) -> None:
        self._world.kernel.call_after(delay_ms, self._again, row)

    def _again(self, row: int) -> None:
        owner = owner_of(self._world, row)
        if owner is not None and owner.index not in self.ended:
            self._creator.create(row)

    def _end(self, owner: Owner) -> None:
        """A failed Job deletes the pods it still runs."""
        world = self._world
        pods = world.pods
        for row, group in enumerate(pods.group):
            if world.base.groups[group].owner == owner.index and pods.active(row):
                world.kernel.call_after(0, pods.start_deleting, row, world.base.groups[group].shape.grace_ms)

    def _backoff_ms(self, failed: int) -> int:
        settings = self._world.settings
        return min(settings.job_backoff_limit_ms, settings.job_backoff_ms << min(failed - 1, 16))


def _facts(owner: Owner) -> JobFacts:
    facts = owner.workload.job if owner.workload is not None else None
    return facts if facts is not None else _NO_FACTS
