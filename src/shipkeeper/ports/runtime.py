"""Time and concurrency, as the executor sees them.

``execution`` is plain ``async def`` code that awaits only what ports give it. In production the runtime is a thin
layer over asyncio; in a rehearsal it is a kernel in virtual time that drives the same coroutines. One conformance
suite runs both (``tests/runtime``).

Rules that both keep:

- Times are integer milliseconds. A sleep never ends early.
- Within one millisecond, work continues in the order in which it became ready (FIFO). ``Scope.start`` and
  ``Channel.send`` make work ready; neither runs it at once.
- Cancellation reaches a coroutine as a BaseException that is not an Exception, at its current await. Code cleans up
  in ``finally`` and never swallows it.
- ``first_of``, ``deadline`` and ``scope`` return only when everything they started has ended.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class DeadlineExceeded(Exception):
    """The work did not end in time; it was cancelled and has ended."""


class ChannelClosed(Exception):
    """The channel is closed and empty."""


class Deadlock(Exception):
    """Virtual time only: somebody waits, and nothing is scheduled that could wake them. Names the waiters."""


class Channel(Protocol[T]):
    """An unbounded queue between coroutines of one runtime, FIFO for items and for receivers."""

    def send(self, item: T) -> None:
        """Add an item. Raises ChannelClosed after ``close``."""

    async def receive(self) -> T:
        """Take the oldest item, waiting for one. Raises ChannelClosed when closed and empty."""

    def close(self) -> None:
        """No more items; receivers get what is left, then ChannelClosed. Idempotent."""

    def __len__(self) -> int:
        """Items waiting."""


class Scope(Protocol):
    """Concurrent work with one owner. Leaving the ``async with`` waits for all of it.

    When one piece raises, the others are cancelled, and that first exception leaves the scope as it is (no group).
    """

    def start(self, name: str, work: Callable[[], Awaitable[Any]]) -> None:
        """Begin a piece of work; ``name`` is for diagnostics."""

    def cancel(self) -> None:
        """Cancel everything in the scope; leaving it then does not raise for that."""


class Clock(Protocol):
    """Where time comes from."""

    def now_ms(self) -> int:
        """Wall clock, epoch milliseconds UTC."""

    def monotonic_ms(self) -> int:
        """A clock that only moves forward; its zero has no meaning. It stands still while the machine sleeps."""


class Runtime(Clock, Protocol):
    """Everything that execution may await besides the cluster."""

    async def sleep(self, duration_ms: int) -> None:
        """Wait at least that long; 0 lets others go first."""

    async def first_of(self, *branches: Callable[[], Awaitable[T]]) -> tuple[int, T]:
        """Run the branches at once; return (index, result) of the first to end, after cancelling the others.

        An exception of the first to end is raised. When several end in the same turn, the lowest index wins.
        """

    async def deadline(self, duration_ms: int, work: Callable[[], Awaitable[T]]) -> T:
        """Run the work, at most that long. Raises DeadlineExceeded; ending in the same turn is in time."""

    def scope(self) -> AbstractAsyncContextManager[Scope]:
        """Open a scope for concurrent work."""

    def channel(self) -> Channel[Any]:
        """Make a channel."""
