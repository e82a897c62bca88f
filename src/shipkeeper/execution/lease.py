"""One runner per cluster: a Lease held by the run, renewed in the background, outliving every effect."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from shipkeeper.execution import marks
from shipkeeper.execution.control import Control
from shipkeeper.execution.record import Record
from shipkeeper.execution.signals import Stopped, StopRequest
from shipkeeper.execution.world import RunOptions, World
from shipkeeper.model.cluster import Lease
from shipkeeper.model.errors import Conflict, Refused, ShipkeeperError, Unreachable
from shipkeeper.model.time import SECOND, format_duration, iso
from shipkeeper.ports.runtime import Channel, DeadlineExceeded

_MARGIN_MS = 5 * SECOND
"""How much longer than an effect the lease must live, and how far apart two machines' clocks may be."""

_PUT_MS = 10 * SECOND
"""Longest a renewal may take: a lease that was asked for long ago has little left when the answer comes."""


class LeaseKeeper:
    """Takes, renews and gives back the cluster's Lease. Expiry is judged by our own monotonic clock, from before
    each renewal was sent: then nobody can hold it twice, whatever the machines' clocks say.
    """

    def __init__(self, world: World, options: RunOptions, control: Control, record: Record) -> None:
        self._world, self._options, self._control, self._record = world, options, control, record
        self._runtime = world.runtime
        self._lease: Lease | None = None
        self._expires_ms = 0
        self._needed: dict[str, int] = {}
        """Step → monotonic instant until which its effect needs the lease."""
        self._lost = ""
        self.taken = False
        """This process took it. Before, nothing is renewed, given back or written on it."""
        self._busy: Channel[Any] = world.runtime.channel()
        self._busy.send(None)
        self.head = ""
        """``run seq hash`` to be written with the next renewal."""

    # --- taking ----------------------------------------------------------------------------

    async def take(self, plan_digest: str) -> None:
        """Take the lease. Waits for a dead predecessor's to run out. Raises Refused naming a living holder."""
        while True:
            found = await self._world.api.get(Lease, marks.LEASE_NAME, self._world.lease_namespace)
            if found is None:
                found = Lease(self._world.lease_namespace, marks.LEASE_NAME)
            elif found.holder and not await self._may_replace(found, plan_digest):
                continue
            now = self._runtime.now_ms()
            wanted = replace(
                found,
                holder=self._record.run_id,
                acquired_ms=now,
                transitions=found.transitions + (1 if found.holder else 0),
                annotations={
                    **found.annotations,
                    marks.PROCESS: self._world.process,
                    marks.PLAN: plan_digest,
                },
            )
            try:
                await self._put(wanted, self._options.lease_ms)
            except Conflict:
                continue  # somebody was faster: look again
            self.taken = True
            return

    async def alone(self, plan_digest: str) -> None:
        """For a run that does not take the lease yet. Raises Refused where another process already carries out this
        run or this plan; waits until that is known.
        """
        found = await self._world.api.get(Lease, marks.LEASE_NAME, self._world.lease_namespace)
        if found is not None and found.holder and self._is_same(found, plan_digest):
            await self._may_replace(found, plan_digest)

    def _is_same(self, found: Lease, plan_digest: str) -> bool:
        return found.holder == self._record.run_id or found.annotations.get(marks.PLAN) == plan_digest

    async def _may_replace(self, found: Lease, plan_digest: str) -> bool:
        """Whether the present holder is gone. Raises Refused when it is not; False: look again."""
        left_ms = found.renewed_ms + found.duration_ms + _MARGIN_MS - self._runtime.now_ms()
        if left_ms <= 0 or self._world.process_gone(found.annotations.get(marks.PROCESS, "")):
            return True
        if found.holder != self._record.run_id:
            raise self._refusal(found, plan_digest)
        # The same run: either it runs elsewhere, and renews, or its process died, and the lease runs out.
        waited = self._runtime.monotonic_ms()
        while left_ms > 0:
            await self._control.nap(min(SECOND, left_ms))
            self._control.check()
            again = await self._world.api.get(Lease, marks.LEASE_NAME, self._world.lease_namespace)
            if again is None:
                return False
            if again.renewed_ms != found.renewed_ms or again.holder != found.holder:
                raise self._refusal(again, plan_digest)
            left_ms = found.duration_ms + _MARGIN_MS - (self._runtime.monotonic_ms() - waited)
            left_ms = min(left_ms, found.renewed_ms + found.duration_ms + _MARGIN_MS - self._runtime.now_ms())
        return True

    def _refusal(self, found: Lease, plan_digest: str) -> Refused:
        where = found.annotations.get(marks.PROCESS, "")
        same = self._is_same(found, plan_digest)
        words = f"{found.holder} holds the lease{f' ({where})' if where else ''}, renewed {iso(found.renewed_ms)}"
        return Refused(
            words + (", and carries out this very plan" if same else ""),
            code="run-elsewhere" if same else "lease-held",
            object=str(found.ref),
            why="two runs that drain one cluster at once take out more than either of them knows",
            hint=f"look at it with: shipkeeper runs status {found.holder}; or wait until it ends",
        )

    # --- keeping ---------------------------------------------------------------------------

    async def keep(self) -> None:
        """Renew for ever; in the background."""
        while not self._lost:
            await self._runtime.sleep(self._options.renew_ms)
            if not self.taken:
                continue
            try:
                await self.renew()
            except ShipkeeperError:
                continue  # whoever needs the lease for an effect meets the same, and says so
            except Stopped:
                return

    async def renew(self, duration_ms: int = 0) -> None:
        """Renew now, for that long (default: the usual time). Raises Stopped when the lease is lost, Unreachable."""
        await self._busy.receive()
        try:
            while True:
                if self._lost:
                    raise Stopped(self._loss())
                lease = self._lease if self._lease is not None else await self._read_own()
                needed = max(self._needed.values(), default=0) - self._runtime.monotonic_ms()
                try:
                    await self._put(lease, max(duration_ms, self._options.lease_ms, needed))
                    return
                except Conflict:
                    self._lease = None  # ours, with its answer lost, or somebody else's: look
        finally:
            self._busy.send(None)

    async def ensure(self, effect_ms: int, step: str = "") -> None:
        """Make sure that the lease outlives an effect of that length. Raises Stopped when it is lost, Unreachable.

        With a ``step`` renewals keep outliving it, until ``relax``.
        """
        if self._lost:
            raise Stopped(self._loss())
        if step and effect_ms > self._options.lease_ms:
            self._needed[step] = self._runtime.monotonic_ms() + effect_ms + 2 * _MARGIN_MS
        # A renewal may take its time: what is left is looked at again after each.
        while self._lease is None or self._expires_ms - self._runtime.monotonic_ms() < effect_ms + _MARGIN_MS:
            await self.renew(effect_ms + 2 * _MARGIN_MS + _PUT_MS)

    def relax(self, step: str) -> None:
        """The step's long effect has ended: renewals need not outlive it any more."""
        self._needed.pop(step, None)

    def forget(self) -> None:
        """Drop what we believe of the lease: the next look asks the cluster."""
        self._lease = None
        self._expires_ms = 0

    async def give_back(self) -> None:
        """Leave the lease without a holder; what went wrong is not worth failing for, it runs out anyway."""
        if self._lost or not self.taken:
            return
        await self._busy.receive()
        try:
            lease = self._lease if self._lease is not None else await self._read_own()
            await self._send(replace(lease, holder="", duration_ms=SECOND))
            self._lease = None
        except (ShipkeeperError, Stopped):
            return
        finally:
            self._busy.send(None)

    # --- inside ----------------------------------------------------------------------------

    async def _read_own(self) -> Lease:
        found = await self._world.api.get(Lease, marks.LEASE_NAME, self._world.lease_namespace)
        mine = (
            found is not None
            and found.holder == self._record.run_id
            and found.annotations.get(marks.PROCESS, "") == self._world.process
        )
        if found is None or not mine:
            self._lost = (
                f"{found.holder or 'nobody'} ({found.annotations.get(marks.PROCESS, '') or 'unknown process'})"
                if found is not None
                else "nobody: it was deleted"
            )
            raise Stopped(self._loss())
        return found

    async def _put(self, lease: Lease, duration_ms: int) -> None:
        sent = self._runtime.monotonic_ms()
        wanted = replace(lease, duration_ms=duration_ms, renewed_ms=self._runtime.now_ms())
        self._lease = await self._send(wanted)
        self._expires_ms = sent + duration_ms

    async def _send(self, lease: Lease) -> Lease:
        wanted = self._with_head(lease)
        try:
            return await self._runtime.deadline(_PUT_MS, lambda: self._world.api.put_lease(wanted))
        except DeadlineExceeded:
            self._lease = None  # it may have arrived all the same
            raise Unreachable(
                f"the lease {lease.namespace}/{lease.name} could not be written within {format_duration(_PUT_MS)}",
                object=str(lease.ref),
            ) from None

    def _with_head(self, lease: Lease) -> Lease:
        return replace(lease, annotations={**lease.annotations, marks.HEAD: self.head}) if self.head else lease

    def _loss(self) -> StopRequest:
        request = StopRequest(
            "gate",
            "held",
            f"the lease {self._world.lease_namespace}/{marks.LEASE_NAME} was lost; its holder is now {self._lost}",
            4,
        )
        self._control.request(request)
        return request

    def remaining(self) -> str:
        """How long it still lives, in words."""
        return format_duration(max(0, self._expires_ms - self._runtime.monotonic_ms()))
