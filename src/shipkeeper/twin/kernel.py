"""Virtual time: one heap, one queue, and coroutines that cannot tell the difference.

Everything due is ordered by (millisecond, phase, sequence). Phase 0 is the world (twin events), phase 1 the executor's
timers, phase 2 deadlines, which wait until all other work of that millisecond is done. So within one millisecond the
world moves first, and whoever wakes up sees it as it is. Work made ready goes to the end of one queue and runs in that
order. Time moves only when nothing is left to do in the present millisecond; when somebody waits and nothing is
scheduled, that is a Deadlock, named, instead of a hang.

asyncio is not used: its order differs between Python versions, and this is several times faster
(docs/adr/0003-own-kernel.md). The same conformance suite runs against both (``tests/runtime``).
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from heapq import heappop, heappush
from typing import Any, TypeVar

from shipkeeper.ports.runtime import DeadlineExceeded, Deadlock
from shipkeeper.twin.coroutines import Cancelled, Channel, Future, Scope, Task

__all__ = ["Cancelled", "Kernel"]

T = TypeVar("T")

_FOREVER = 1 << 62

EXECUTOR, DEADLINE = 1 << 56, 2 << 56
"""Phases, as the upper bits of an event's order; the sequence is below them. The world's events have none."""


class Kernel:
    """A Runtime in virtual time.

    ``on_advance`` is called with (from_ms, to_ms) whenever time moves; a demo can pace itself by it.
    ``wall_offset_ms`` shifts the wall clock against the monotonic one, to rehearse suspends and clock steps.
    """

    def __init__(self, start_ms: int) -> None:
        self.start_ms = start_ms
        self.time_ms = start_ms
        self.wall_offset_ms = 0
        self.ready: deque[Task] = deque()
        self.tasks: dict[Task, None] = {}
        self.current: Task | None = None
        self.on_advance: Callable[[int, int], None] | None = None
        self.events = 0
        self._heap: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        """(millisecond, phase and sequence, what to do, with what)."""
        self._sequence = 0

    # --- the twin's side -------------------------------------------------------------------

    def call_at(self, at_ms: int, act: Callable[..., None], *args: Any) -> None:
        """Schedule a world event; an instant in the past means now."""
        self._sequence = order = self._sequence + 1
        heappush(self._heap, (at_ms if at_ms > self.time_ms else self.time_ms, order, act, args))

    def call_after(self, delay_ms: int, act: Callable[..., None], *args: Any) -> None:
        """Schedule a world event after a delay."""
        self._sequence = order = self._sequence + 1
        heappush(self._heap, (self.time_ms + delay_ms if delay_ms > 0 else self.time_ms, order, act, args))

    def _later(self, delay_ms: int, phase: int, act: Callable[[], None]) -> None:
        self._sequence = order = self._sequence + 1
        at_ms = self.time_ms + delay_ms if delay_ms > 0 else self.time_ms
        heappush(self._heap, (at_ms, phase + order, act, ()))

    # --- ports.runtime.Runtime -------------------------------------------------------------

    def now_ms(self) -> int:
        """Wall clock, epoch milliseconds."""
        return self.time_ms + self.wall_offset_ms

    def monotonic_ms(self) -> int:
        """Milliseconds of virtual time since the start."""
        return self.time_ms - self.start_ms

    async def sleep(self, duration_ms: int) -> None:
        """See ports.runtime.Runtime."""
        turn = Future("sleep")
        self._later(duration_ms, EXECUTOR, turn.finish)
        await turn

    async def first_of(self, *branches: Callable[[], Awaitable[T]]) -> tuple[int, T]:
        """See ports.runtime.Runtime."""
        tasks = [self.spawn(f"branch {i}", branch) for i, branch in enumerate(branches)]
        first = Future("first of")
        for task in tasks:
            task.ended.then(first.finish)
        winner: int | None = None
        try:
            await first
            winner = next(i for i, task in enumerate(tasks) if task.ended.done)
        finally:
            for task in tasks:
                task.cancel()
            interrupted = await self.join(tasks)
        if interrupted is not None:
            raise interrupted
        return winner, tasks[winner].outcome()

    async def deadline(self, duration_ms: int, work: Callable[[], Awaitable[T]]) -> T:
        """See ports.runtime.Runtime."""
        task = self.spawn("deadline", work)
        late = False

        def expire() -> None:
            nonlocal late
            if not task.ended.done:
                late = True
                task.cancel()

        self._later(duration_ms, DEADLINE, expire)
        interrupted = await self.join([task], cancel_on_interrupt=True)
        if interrupted is not None:
            raise interrupted
        if late:
            if task.error is not None and not isinstance(task.error, Cancelled):
                raise task.error
            raise DeadlineExceeded(f"not done after {duration_ms} ms")
        result: T = task.outcome()
        return result

    def scope(self) -> Scope:
        """See ports.runtime.Runtime."""
        return Scope(self)

    def channel(self) -> Channel:
        """See ports.runtime.Runtime."""
        return Channel()

    # --- driving ---------------------------------------------------------------------------

    def spawn(self, name: str, work: Callable[[], Awaitable[Any]]) -> Task:
        """Make a task of the work; it runs when its turn comes."""

        async def body() -> Any:
            return await work()

        task = Task(self, name, body())
        self.tasks[task] = None
        task.wake()
        return task

    async def join(self, tasks: list[Task], cancel_on_interrupt: bool = False) -> Cancelled | None:
        """Wait until all have ended, even when cancelled meanwhile; return that cancellation instead of raising it."""
        interrupted: Cancelled | None = None
        index = 0
        while index < len(tasks):  # tasks may start more tasks into the same list
            try:
                await tasks[index].ended
            except Cancelled as cancelled:
                interrupted = cancelled
                if cancel_on_interrupt:
                    for task in tasks:
                        task.cancel()
                continue
            index += 1
        return interrupted

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Drive the coroutine, and the world around it, until it ends. Raises what it raises, or Deadlock."""
        task = Task(self, "main", main)
        self.tasks[task] = None
        task.wake()
        if not self._turns(_FOREVER, task.ended):
            waiters = sorted(f"{t.name} (waits for {t.waiting.what})" for t in self.tasks if t.waiting)
            self.abandon()
            raise Deadlock("nothing is scheduled, and these wait: " + ", ".join(waiters))
        result: T = task.outcome()
        return result

    def advance(self, until_ms: int) -> None:
        """Let the world run on until that instant, inclusive, with nobody watching."""
        self._turns(until_ms, None)
        self._move(max(until_ms, self.time_ms))

    def abandon(self) -> None:
        """End every coroutine where it stands, as a crash would: nothing they still wanted to do happens."""
        for task in list(self.tasks):
            with contextlib.suppress(BaseException):
                task.coroutine.close()
            task.ended.done = True
        self.tasks.clear()
        self.ready.clear()

    def _turns(self, until_ms: int, awaited: Future | None) -> bool:
        """Do what is due up to that instant, in order. True once ``awaited`` is done, False when nothing is left to do.

        This loop is where a rehearsal spends its time, so it asks as little as it can.
        """
        heap, ready = self._heap, self.ready
        while awaited is None or not awaited.done:
            if heap and (first := heap[0])[0] <= self.time_ms and (not ready or first[1] < DEADLINE):
                _, _, act, args = heappop(heap)
                self.events += 1
                act(*args)
            elif ready:
                task = ready.popleft()
                if not task.ended.done:
                    task.step()
            elif heap and (to_ms := heap[0][0]) <= until_ms:
                if self.on_advance is not None:
                    self.on_advance(self.time_ms, to_ms)
                self.time_ms = to_ms
            else:
                return False
        return True

    def _move(self, to_ms: int) -> None:
        if to_ms > self.time_ms:
            if self.on_advance is not None:
                self.on_advance(self.time_ms, to_ms)
            self.time_ms = to_ms
