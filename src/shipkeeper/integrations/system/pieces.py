"""What the asyncio runtime is made of: turns, pieces of work, channels and scopes. See ``ports.runtime``.

Built on plain tasks and futures. asyncio's own ``wait_for``, ``timeout`` and ``TaskGroup`` are not used: the order in
which they wake and cancel differs between Python versions. Here a piece of work tells that it has ended from inside
its last step, so whoever waits for it is queued at that moment, as in the kernel of virtual time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from types import TracebackType
from typing import Any

from shipkeeper.ports.runtime import ChannelClosed


class Turn:
    """Something to wait for, once. Callbacks run at once, in the order they were added; then waiters are queued."""

    __slots__ = ("_waiters", "callbacks", "done")

    def __init__(self) -> None:
        self.done = False
        self.callbacks: list[Callable[[], None]] = []
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def awaited(self) -> bool:
        """Whether somebody who was not cancelled waits for it."""
        return any(not waiter.done() for waiter in self._waiters)

    def finish(self) -> None:
        """Wake everybody who waits; once."""
        if self.done:
            return
        self.done = True
        callbacks, self.callbacks = self.callbacks, []
        for callback in callbacks:
            callback()
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def __await__(self) -> Generator[Any, None, None]:
        if self.done:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            yield from waiter
        finally:
            self._waiters.remove(waiter)


class Piece:
    """A coroutine in a task of its own. ``ended`` finishes in the step in which it returns or raises."""

    __slots__ = ("_cancelling", "_started", "ended", "error", "result", "task")

    def __init__(self, name: str, work: Callable[[], Awaitable[Any]]) -> None:
        self.ended = Turn()
        self.result: Any = None
        self.error: BaseException | None = None
        self._started = False
        self._cancelling = False
        self.task = asyncio.get_running_loop().create_task(self._body(work), name=name)

    async def _body(self, work: Callable[[], Awaitable[Any]]) -> None:
        self._started = True
        try:
            if self._cancelling:
                raise asyncio.CancelledError
            self.result = await work()
        except BaseException as error:
            self.error = error
        self.ended.finish()

    def cancel(self) -> None:
        """Throw CancelledError into the work at its next turn."""
        if self.ended.done:
            return
        self._cancelling = True
        if self._started:
            self.task.cancel()

    def outcome(self) -> Any:
        """What it returned; raises what it raised."""
        if self.error is not None:
            raise self.error
        return self.result


async def join(pieces: list[Piece], cancel_on_interrupt: bool = False) -> asyncio.CancelledError | None:
    """Wait until all have ended, even when cancelled meanwhile; return that cancellation instead of raising it."""
    interrupted: asyncio.CancelledError | None = None
    index = 0
    while index < len(pieces):  # pieces may start more of them into the same list
        try:
            await pieces[index].ended
        except asyncio.CancelledError as cancelled:
            interrupted = cancelled
            if cancel_on_interrupt:
                for piece in pieces:
                    piece.cancel()
            continue
        index += 1
    return interrupted


class Channel:
    """See ports.runtime.Channel."""

    __slots__ = ("_closed", "_items", "_receivers")

    def __init__(self) -> None:
        self._items: deque[Any] = deque()
        self._receivers: deque[Turn] = deque()
        self._closed = False

    def send(self, item: Any) -> None:
        """See ports.runtime.Channel."""
        if self._closed:
            raise ChannelClosed
        self._items.append(item)
        self._wake_one()

    def close(self) -> None:
        """See ports.runtime.Channel."""
        self._closed = True
        while self._receivers:
            self._receivers.popleft().finish()

    def _wake_one(self) -> None:
        while self._receivers:
            receiver = self._receivers.popleft()
            if receiver.awaited:  # otherwise that receiver was cancelled
                receiver.finish()
                return

    async def receive(self) -> Any:
        """See ports.runtime.Channel."""
        # A newcomer may not overtake those who wait already.
        while not self._items or (self._receivers and not self._closed):
            if self._closed:
                raise ChannelClosed
            turn = Turn()
            self._receivers.append(turn)
            try:
                await turn
            except BaseException:
                if turn.done and self._items:
                    self._wake_one()
                raise
            if self._items:
                break
        return self._items.popleft()

    def __len__(self) -> int:
        return len(self._items)


class Scope:
    """See ports.runtime.Scope; the context manager is the scope itself."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self._owner: asyncio.Task[Any] | None = None
        self._failure: BaseException | None = None
        self._cancelled = False
        self._cancelled_owner = False
        self._leaving = False

    async def __aenter__(self) -> Scope:
        self._owner = asyncio.current_task()
        return self

    def start(self, name: str, work: Callable[[], Awaitable[Any]]) -> None:
        """See ports.runtime.Scope."""
        piece = Piece(name, work)
        self._pieces.append(piece)
        piece.ended.callbacks.append(lambda: self._ended(piece))
        if self._cancelled or self._failure is not None:
            piece.cancel()

    def cancel(self) -> None:
        """See ports.runtime.Scope."""
        self._cancelled = True
        for piece in self._pieces:
            piece.cancel()

    def _ended(self, piece: Piece) -> None:
        if piece.error is None or self._failure is not None:
            return
        if isinstance(piece.error, asyncio.CancelledError) and self._cancelled:
            return
        self._failure = piece.error
        for other in self._pieces:
            other.cancel()
        if not self._leaving and self._owner is not None:
            self._cancelled_owner = True
            self._owner.cancel()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._leaving = True
        if error is not None:
            for piece in self._pieces:
                piece.cancel()
        interrupted = await join(self._pieces, cancel_on_interrupt=True)
        if self._cancelled_owner and self._owner is not None:
            self._owner.uncancel()
        if self._failure is not None and (
            error is None or (isinstance(error, asyncio.CancelledError) and self._cancelled_owner)
        ):
            raise self._failure
        if interrupted is not None and not isinstance(error, asyncio.CancelledError):
            raise interrupted  # whoever cancelled us while we left, with or without an error, must not be overheard
        return False
