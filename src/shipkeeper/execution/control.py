"""What asks a run to wait or to stop: people, the window, the lease; and how the steps hear of it."""

from __future__ import annotations

from typing import Any

from shipkeeper.execution.signals import Stopped, StopRequest
from shipkeeper.ports.journal import Message
from shipkeeper.ports.runtime import Channel, DeadlineExceeded, Runtime

_RANK = {"person": 0, "window": 1, "abort": 2, "gate": 3}


class Control:
    """The run's ear. Listeners are channels: they get a Message for a person's word and None for anything else.

    While a node holds, no other node is taken further out either (``holding``).
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._listeners: list[Channel[Any]] = []
        self.stop: StopRequest | None = None
        self.at_once = False
        """Asked twice: stop where it stands."""
        self._interrupted = False
        self.holding: dict[str, str] = {}
        """Step → reason, of the steps that hold."""

    def request(self, request: StopRequest) -> None:
        """Ask for a stop. A stronger reason replaces a weaker one, and an end replaces a pause."""
        if self.stop is not None:
            ends_pause = self.stop.state == "paused" and request.state != "paused"
            stronger = _RANK[request.column] - _RANK[self.stop.column]
            if stronger < 0 or (stronger == 0 and not ends_pause):
                return
        self.stop = request
        self.tell(None)

    def interrupt(self) -> None:
        """Ctrl-C: once for the next safe point, twice for now, whatever else was asked for meanwhile."""
        if self._interrupted:
            self.at_once = True
            self.tell(None)
        self._interrupted = True
        self.request(StopRequest("person", "interrupted", "interrupted: stops at the next safe point", 130))

    def resume(self) -> None:
        """Forget a pause."""
        if self.stop is not None and self.stop.state == "paused":
            self.stop = None
            self.tell(None)

    def check(self) -> None:
        """Raise Stopped when a stop was asked for. Called where stopping is safe."""
        if self.stop is not None:
            raise Stopped(self.stop)

    def tell(self, message: Message | None) -> None:
        """Wake everybody who listens."""
        for listener in self._listeners:
            listener.send(message)

    def listen(self, channel: Channel[Any] | None = None) -> Channel[Any]:
        """Start to hear; give a channel to get the news there."""
        chosen = channel if channel is not None else self._runtime.channel()
        self._listeners.append(chosen)
        return chosen

    def unlisten(self, channel: Channel[Any]) -> None:
        """Stop hearing."""
        self._listeners.remove(channel)

    async def nap(self, duration_ms: int) -> Message | None:
        """Sleep, at most that long; news end it early. Returns the word a person left, if it was one."""
        channel = self.listen()
        try:
            heard: Message | None = await self._runtime.deadline(duration_ms, channel.receive)
            return heard
        except DeadlineExceeded:
            return None
        finally:
            self.unlisten(channel)

    async def until_at_once(self) -> None:
        """Wait for the second Ctrl-C."""
        channel = self.listen()
        try:
            while not self.at_once:
                await channel.receive()
        finally:
            self.unlisten(channel)
