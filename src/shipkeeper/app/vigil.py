"""Watching the checks while a run goes on: what has become an error that was none when it began."""

from __future__ import annotations

from shipkeeper.app.check import Question, settings_of
from shipkeeper.app.survey import LiveSource, survey_live
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
    """Checks the live cluster again between nodes, and tells errors that are new since the run began."""

    def __init__(self, source: LiveSource, api: ClusterApi, plan: Plan, platform: Platform, clock: Clock) -> None:
        self._source, self._api, self._plan, self._clock = source, api, plan, clock
        self._settings, _ = settings_of(Question(plan=plan), platform, plan.cluster.name, plan.cluster.uid)
        self._known: set[tuple[str, str, str, str]] | None = None
        self._read: tuple[Finding, ...] = ()
        self._read_ms = 0

    async def new_errors(self, nodes: tuple[str, ...]) -> tuple[str, ...]:
        """New errors on the pods of these nodes, in words. The first call learns what was there already.

        Raises what the API raises when it cannot be read: then the run holds, as unknown means stop.
        """
        now = self._clock.monotonic_ms()
        if self._known is None or now - self._read_ms >= _FRESH_MS:
            self._read = await self._errors()
            self._read_ms = self._clock.monotonic_ms()
        if self._known is None:
            self._known = {_key(finding) for finding in self._read}
        wanted = set(nodes)
        return tuple(
            f"{finding.object.kind} {finding.object.namespace}/{finding.object.name}: {finding.message}"
            for finding in self._read
            if _key(finding) not in self._known and (not finding.nodes or wanted & set(finding.nodes))
        )

    async def _errors(self) -> tuple[Finding, ...]:
        inventory = await survey_live(self._source, await self._api.server_time_ms(), platform=False)
        planned = {name for batch in self._plan.batches for name in batch}
        names = tuple(node.name for node in inventory.nodes if node.name in planned)
        found = check(inventory, self._settings, names, now_ms=inventory.taken_ms)
        return tuple(finding for finding in found.items if finding.severity == "error")


def _key(finding: Finding) -> tuple[str, str, str, str]:
    return finding.rule, finding.object.kind, finding.object.namespace, finding.object.name
