"""What stands before every effect: nobody holds, the machine did not sleep, the lease outlives it."""

from __future__ import annotations

from shipkeeper.execution.clocks import Clocks
from shipkeeper.execution.control import Control
from shipkeeper.execution.lease import LeaseKeeper
from shipkeeper.execution.patience import PatientApi
from shipkeeper.execution.record import Record
from shipkeeper.execution.signals import Stopped, WorldMoved, window_over
from shipkeeper.execution.world import RunOptions, World
from shipkeeper.model.time import MINUTE, SECOND


class Guard:
    """Asked right before each effect."""

    def __init__(
        self, world: World, options: RunOptions, control: Control, record: Record, lease: LeaseKeeper, api: PatientApi
    ) -> None:
        self._options, self._control, self._record = options, control, record
        self._lease, self._api, self._runtime = lease, api, world.runtime
        self._clocks = Clocks(world.runtime)
        self._jumps = 0
        self._observed: dict[str, int] = {}
        """Node → jumps of the clocks that it has observed the cluster after."""

    async def effect(
        self, step: str, *, effect_ms: int = 0, restores: bool = False, until_ms: int | None = None
    ) -> None:
        """Wait until an effect of that length may start. Raises Stopped, or WorldMoved when what was observed is old.

        ``restores``: it gives a node back (uncordon). That is done also while another node holds; nothing else is.
        ``until_ms``: wall-clock instant after which waiting for others has no sense (None: none). Call
        ``lease.relax`` when an effect that outlives a usual lease has ended.
        """
        if not restores and await self._wait_for_others(step, until_ms):
            raise WorldMoved
        self._look_at_clocks(step)
        node = step.rpartition("/")[0]
        if self._observed.get(node, 0) != self._jumps:
            self._observed[node] = self._jumps
            await self._api.patiently(lambda: self._lease.ensure(self._options.call_ms))
            raise WorldMoved
        await self._api.patiently(lambda: self._lease.ensure(effect_ms or self._options.call_ms, step))

    async def _wait_for_others(self, step: str, until_ms: int | None) -> bool:
        """Wait while another step holds; whether it had to."""
        waited = False
        while any(holder != step for holder in self._control.holding):
            waited = True
            self._control.check()
            left_ms = MINUTE if until_ms is None else until_ms - self._runtime.now_ms()
            if left_ms <= 0:
                raise Stopped(window_over(f"{step}: the window leaves no time any more, while another node holds"))
            await self._control.nap(min(MINUTE, left_ms))
        return waited

    def _look_at_clocks(self, step: str) -> None:
        jump = self._clocks.jump_ms()
        if abs(jump) <= self._options.suspend_ms:
            return
        self._jumps += 1
        self._lease.forget()
        self._record.note(
            "suspended",
            f"the wall clock moved {jump / SECOND:+.0f} s against the monotonic one: this machine slept or its "
            "clock was set; the lease and the cluster are read again before anything else is done",
            step=step,
        )
