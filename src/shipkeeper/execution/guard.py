"""What stands before every effect: nobody holds, the machine did not sleep, the lease outlives it."""

from __future__ import annotations

from shipkeeper.execution.clocks import Clocks
from shipkeeper.execution.control import Control
from shipkeeper.execution.lease import LeaseKeeper
from shipkeeper.execution.patience import PatientApi
from shipkeeper.execution.record import Record
from shipkeeper.execution.signals import WorldMoved
from shipkeeper.execution.world import RunOptions, World
from shipkeeper.model.time import MINUTE, SECOND


class Guard:
    """Asked right before each effect."""

    def __init__(
        self, world: World, options: RunOptions, control: Control, record: Record, lease: LeaseKeeper, api: PatientApi
    ) -> None:
        self._options, self._control, self._record = options, control, record
        self._lease, self._api = lease, api
        self._clocks = Clocks(world.runtime)

    async def effect(self, step: str, *, effect_ms: int = 0, restores: bool = False) -> None:
        """Wait until an effect of that length may start. Raises Stopped, or WorldMoved when the machine slept.

        ``restores``: it gives a node back (uncordon). That is done also while another node holds; nothing else is.
        """
        while not restores and any(holder != step for holder in self._control.holding):
            self._control.check()
            await self._control.nap(MINUTE)
        jump = self._clocks.jump_ms()
        if abs(jump) > self._options.suspend_ms:
            self._lease.forget()
            self._record.note(
                "suspended",
                f"the wall clock moved {jump / SECOND:+.0f} s against the monotonic one: this machine slept or its "
                "clock was set; the lease and the cluster are read again before anything else is done",
                step=step,
            )
            await self._api.patiently(lambda: self._lease.ensure(self._options.call_ms))
            raise WorldMoved
        await self._api.patiently(lambda: self._lease.ensure(effect_ms or self._options.call_ms))
