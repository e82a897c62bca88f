"""What workloads felt while a node had its turn, sampled now and then: no Ready pod, or fewer than wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from shipkeeper.execution.context import Run
from shipkeeper.execution.health import Reading
from shipkeeper.execution.signals import Stopped
from shipkeeper.model.errors import ShipkeeperError
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.run import WorkloadFelt
from shipkeeper.model.time import SECOND


class Felt:
    """Samples one node's workloads. A state counts from the sample that showed it to the next one."""

    def __init__(self, run: Run, step: str) -> None:
        self._run, self._step = run, step
        self._down: dict[ObjectRef, int] = {}
        self._short: dict[ObjectRef, int] = {}
        self._last: dict[ObjectRef, Reading] = {}
        self._at_ms = run.runtime.monotonic_ms()

    async def sample(self, before: Callable[[], tuple[Reading, ...]]) -> None:
        """Sample for ever; in the background. What cannot be read is not counted."""
        while True:
            wanted = [(item.ref, item.uid) for item in before() if item.wanted > 0 and item.kind != "Job"]
            try:
                self._take(await self._run.health.read(wanted))
            except (ShipkeeperError, Stopped):
                self._take({})
            await self._run.runtime.sleep(self._run.options.felt_every_ms)

    def _take(self, now: dict[ObjectRef, Reading]) -> None:
        at = self._run.runtime.monotonic_ms()
        span, self._at_ms = at - self._at_ms, at
        for ref, reading in self._last.items():
            if reading.ready == 0:
                self._down[ref] = self._down.get(ref, 0) + span
            if reading.ready < reading.wanted:
                self._short[ref] = self._short.get(ref, 0) + span
        self._last = now

    def events(self, evictions: Mapping[ObjectRef, int]) -> tuple[WorkloadFelt, ...]:
        """One event for each workload that felt something."""
        self._take({})
        refs = sorted({*self._down, *self._short, *evictions})
        return tuple(
            WorkloadFelt(
                step=self._step,
                kind=ref.kind,
                namespace=ref.namespace,
                name=ref.name,
                downtime_seconds=self._down.get(ref, 0) / SECOND,
                degraded_seconds=self._short.get(ref, 0) / SECOND,
                evictions=evictions.get(ref, 0),
            )
            for ref in refs
        )
