"""Watching the checks while a run goes on."""

from __future__ import annotations

from shipkeeper.app.check import Question, settings_of
from shipkeeper.app.survey_live import LiveSource, survey_live
from shipkeeper.assessment.check import check
from shipkeeper.model.findings import Finding
from shipkeeper.model.plan import Plan
from shipkeeper.model.platform import Platform
from shipkeeper.model.time import MINUTE
from shipkeeper.ports.cluster import ClusterApi
from shipkeeper.ports.runtime import Clock

_FRESH_MS = MINUTE
"""A reading this young is not repeated: a survey of a large cluster takes seconds, and nodes may follow quickly."""


class Vigil:
    """Checks the live cluster again between nodes. What is new among the errors, the run's record tells."""

    def __init__(self, source: LiveSource, api: ClusterApi, plan: Plan, platform: Platform, clock: Clock) -> None:
        self._source, self._api, self._plan, self._clock = source, api, plan, clock
        self._settings, _ = settings_of(Question(plan=plan), platform, plan.cluster.name, plan.cluster.uid)
        self._read: tuple[Finding, ...] | None = None
        self._read_ms = 0

    async def errors(self) -> tuple[Finding, ...]:
        """Errors that concern the plan's nodes now, at most a minute old.

        Raises what the API raises when it cannot be read: then the run holds, as unknown means stop.
        """
        if self._read is None or self._clock.monotonic_ms() - self._read_ms >= _FRESH_MS:
            self._read = await self._check()
            self._read_ms = self._clock.monotonic_ms()
        return self._read

    async def _check(self) -> tuple[Finding, ...]:
        inventory = await survey_live(self._source, await self._api.server_time_ms(), platform=False)
        planned = {name for batch in self._plan.batches for name in batch}
        names = tuple(node.name for node in inventory.nodes if node.name in planned)
        found = check(inventory, self._settings, names, now_ms=inventory.taken_ms)
        return tuple(finding for finding in found.items if finding.severity == "error")
