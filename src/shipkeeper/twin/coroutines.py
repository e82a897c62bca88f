"""What the kernel drives: futures, tasks, channels and scopes. See ``ports.runtime`` for what they promise."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from shipkeeper.ports.runtime import ChannelClosed

if TYPE_CHECKING:
    from shipkeeper.twin.kernel import Kernel


class Cancelled(BaseException):
    """Thrown into a coroutine at its current await. Clean up in ``finally``; never swallow it."""


class Future:
    """Something to wait for, once. Whoever waits is woken at once, in the order in which they came."""

    __slots__ = ("_first", "_others", "done", "what")

    def __init__(self, what: str) -> None:
        self.done = False
        self.what = what
        self._first: Task | None = None
        """Nearly always it is one task that waits."""
        self._others: list[Callable[[], None]] | None = None

    @property
    def awaited(self) -> bool:
        """Whether anybody waits."""
        return self._first is not None or bool(self._others)

    def finish(self) -> None:
        """Wake everybody who waits; once."""
        if self.done:
            return
        self.done = True
        first, others = self._first, self._others
        self._first = self._others = None
        if first is not None:
            first.wake()
        if others is not None:
            for callback in others:
                callback()

    def then(self, callback: Callable[[], None]) -> None:
        """Call that when it is finished."""
        if self._others is None:
            self._others = []
        self._others.append(callback)

    def wake_up(self, task: Task) -> None:
        """Wake that task when it is finished."""
        if self._first is None and self._others is None:
            self._first = task
        else:
            self.then(task.wake)

    def leave(self, task: Task) -> None:
        """That task waits no longer."""
        if self._first is task:
            self._first = None
        elif self._others is not None:
            with contextlib.suppress(ValueError):
                self._others.remove(task.wake)

    def __await__(self) -> Generator[Future, None, None]:
        if not self.done:
            yield self


class Task:
    """A coroutine being driven. ``ended`` finishes when it returns or raises."""

    __slots__ = ("cancelling", "coroutine", "ended", "error", "kernel", "name", "queued", "result", "waiting")

    def __init__(self, kernel: Kernel, name: str, coroutine: Coroutine[Any, Any, Any]) -> None:
        self.kernel, self.name, self.coroutine = kernel, name, coroutine
        self.ended = Future(name)
        self.result: Any = None
        self.error: BaseException | None = None
        self.waiting: Future | None = None
        self.cancelling = False
        self.queued = False

    def wake(self) -> None:
        """Queue the task for its next turn."""
        if not self.queued and not self.ended.done:
            self.queued = True
            self.kernel.ready.append(self)

    def cancel(self) -> None:
        """Throw Cancelled into the task at its next turn."""
        if self.ended.done:
            return
        self.cancelling = True
        if self.waiting is not None:
            self.waiting.leave(self)
            self.waiting = None
        self.wake()

    def step(self) -> None:
        """Run the coroutine up to its next await."""
        self.queued = False
        self.waiting = None
        kernel = self.kernel
        previous, kernel.current = kernel.current, self
        try:
            if self.cancelling:
                self.cancelling = False
                awaited = self.coroutine.throw(Cancelled())
            else:
                awaited = self.coroutine.send(None)
        except StopIteration as stop:
            self._end(stop.value, None)
        except BaseException as error:
            self._end(None, error)
        else:
            if not isinstance(awaited, Future):
                raise TypeError(f"{self.name} awaited {awaited!r}, which the kernel did not give it")
            if self.cancelling or awaited.done:
                self.wake()
            else:
                self.waiting = awaited
                awaited.wake_up(self)
        finally:
            kernel.current = previous

    def _end(self, result: Any, error: BaseException | None) -> None:
        if isinstance(error, Cancelled):
            error.__traceback__ = None  # nobody reads it, and its frames would keep all that the task knew alive
        self.result, self.error = result, error
        self.kernel.tasks.pop(self, None)
        self.ended.finish()

    def outcome(self) -> Any:
        """What it returned; raises what it raised."""
        if self.error is not None:
            raise self.error
        return self.result


class Channel:
    """See ports.runtime.Channel."""

    __slots__ = ("_closed", "_items", "_receivers")

    def __init__(self) -> None:
        self._items: deque[Any] = deque()
        self._receivers: deque[Future] = deque()
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
            if receiver.awaited:  # else nobody listens any more: that receiver was cancelled
                receiver.finish()
                return

    async def receive(self) -> Any:
        """See ports.runtime.Channel."""
        # A newcomer may not overtake those who wait already.
        while not self._items or (self._receivers and not self._closed):
            if self._closed:
                raise ChannelClosed
            turn = Future("channel")
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

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._tasks: list[Task] = []
        self._owner: Task | None = None
        self._failure: BaseException | None = None
        self._cancelled = False
        self._cancelled_owner = False
        self._leaving = False

    async def __aenter__(self) -> Scope:
        self._owner = self._kernel.current
        return self

    def start(self, name: str, work: Callable[[], Awaitable[Any]]) -> None:
        """See ports.runtime.Scope."""
        task = self._kernel.spawn(name, work)
        self._tasks.append(task)
        task.ended.then(lambda: self._ended(task))
        if self._cancelled or self._failure is not None:
            task.cancel()

    def cancel(self) -> None:
        """See ports.runtime.Scope."""
        self._cancelled = True
        for task in self._tasks:
            task.cancel()

    def _ended(self, task: Task) -> None:
        if task.error is None or self._failure is not None:
            return
        if isinstance(task.error, Cancelled) and self._cancelled:
            return
        self._failure = task.error
        for other in self._tasks:
            other.cancel()
        if not self._leaving and self._owner is not None:
            self._cancelled_owner = True
            self._owner.cancel()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._leaving = True
        if error is not None:
            for task in self._tasks:
                task.cancel()
        interrupted = await self._kernel.join(self._tasks, cancel_on_interrupt=True)
        if self._failure is not None and (error is None or (isinstance(error, Cancelled) and self._cancelled_owner)):
            raise self._failure
        if interrupted is not None and not isinstance(error, Cancelled):
            raise interrupted  # whoever cancelled us while we left, with or without an error, must not be overheard
        return False
