"""The Runtime port over asyncio, for real runs. Keeps the same order as the kernel of virtual time."""

from __future__ import annotations

import asyncio
import heapq
import math
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from shipkeeper.integrations.system.pieces import Channel, Piece, Scope, Turn, join
from shipkeeper.ports.runtime import DeadlineExceeded

T = TypeVar("T")

TIMER, DEADLINE = 1, 2

GRACE_TURNS = 32
"""Turns of the loop that a deadline lets pass, so that work ending in the same millisecond is in time."""


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


class AsyncioRuntime:
    """A Runtime on the running asyncio loop; use one per loop.

    Timers due in the same millisecond wake in the order in which they were set (asyncio's own heap does not promise
    that), and deadlines come last. ``wall_ms`` gives the wall clock, epoch milliseconds.
    """

    def __init__(self, wall_ms: Callable[[], int] = _wall_ms) -> None:
        self._wall_ms = wall_ms
        self._timers: list[tuple[int, int, int, Turn]] = []
        self._sequence = 0
        self._armed: asyncio.TimerHandle | None = None
        self._armed_ms = 0
        self._yielding = 0

    def now_ms(self) -> int:
        """Wall clock, epoch milliseconds."""
        return self._wall_ms()

    def monotonic_ms(self) -> int:
        """The loop's clock; on Linux it stands still while the machine is suspended."""
        return int(asyncio.get_running_loop().time() * 1_000)

    async def sleep(self, duration_ms: int) -> None:
        """See ports.runtime.Runtime."""
        if duration_ms <= 0:
            await asyncio.sleep(0)
            return
        await self._timer(duration_ms, TIMER)

    async def first_of(self, *branches: Callable[[], Awaitable[T]]) -> tuple[int, T]:
        """See ports.runtime.Runtime."""
        pieces = [Piece(f"branch {i}", branch) for i, branch in enumerate(branches)]
        first = Turn()
        for piece in pieces:
            piece.ended.callbacks.append(first.finish)
        winner: int | None = None
        try:
            await first
            winner = next(i for i, piece in enumerate(pieces) if piece.ended.done)
        finally:
            for piece in pieces:
                piece.cancel()
            interrupted = await join(pieces)
        if interrupted is not None:
            raise interrupted
        return winner, pieces[winner].outcome()

    async def deadline(self, duration_ms: int, work: Callable[[], Awaitable[T]]) -> T:
        """See ports.runtime.Runtime."""
        piece = Piece("deadline", work)
        either = self._timer(max(0, duration_ms), DEADLINE)
        piece.ended.callbacks.append(either.finish)
        in_time = False
        try:
            await either
            in_time = piece.ended.done
        finally:
            piece.cancel()
            interrupted = await join([piece])
        if interrupted is not None:
            raise interrupted
        if not in_time:
            if piece.error is not None and not isinstance(piece.error, asyncio.CancelledError):
                raise piece.error
            raise DeadlineExceeded(f"not done after {duration_ms} ms")
        result: T = piece.outcome()
        return result

    def scope(self) -> Scope:
        """See ports.runtime.Runtime."""
        return Scope()

    def channel(self) -> Channel:
        """See ports.runtime.Runtime."""
        return Channel()

    # --- timers ----------------------------------------------------------------------------

    def _timer(self, duration_ms: int, phase: int) -> Turn:
        turn = Turn()
        at_ms = math.ceil(asyncio.get_running_loop().time() * 1_000) + duration_ms
        self._sequence += 1
        heapq.heappush(self._timers, (at_ms, phase, self._sequence, turn))
        self._arm()
        return turn

    def _arm(self) -> None:
        if not self._timers or self._yielding:
            return
        at_ms = self._timers[0][0]
        if self._armed is not None:
            if self._armed_ms <= at_ms:
                return
            self._armed.cancel()
        self._armed_ms = at_ms
        self._armed = asyncio.get_running_loop().call_at(at_ms / 1_000, self._fire)

    def _fire(self) -> None:
        """Wake what is due. At a deadline, first let work go on that is ready now."""
        self._armed = None
        now_ms = asyncio.get_running_loop().time() * 1_000 + 0.001  # a float's tolerance, or a timer is armed twice
        while self._timers and self._timers[0][0] <= now_ms:
            _, phase, _, turn = self._timers[0]
            if phase == DEADLINE and not turn.done:
                self._yielding = GRACE_TURNS
                self._yield()
                return
            heapq.heappop(self._timers)
            turn.finish()
        self._arm()

    def _yield(self) -> None:
        if self._yielding:
            self._yielding -= 1
            asyncio.get_running_loop().call_soon(self._yield)
            return
        _, phase, _, turn = self._timers[0]  # no deadline any more, when a timer of this millisecond was set meanwhile
        if phase == DEADLINE:
            heapq.heappop(self._timers)
            turn.finish()
        self._fire()
