"""A process that dies at a chosen point: from then on nothing it still wanted to do happens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Crash(BaseException):
    """kill -9."""


class Mortal:
    """Counts what the process does towards its journal, its cluster and its driver, and dies at the ``at``-th."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.count = 0
        self.where = ""
        self.log: list[str] = []
        self.dead = False

    def step(self, what: str) -> None:
        if self.dead:
            raise Crash(what)
        self.count += 1
        self.log.append(what)
        if self.count == self.at:
            self.dead, self.where = True, what
            raise Crash(what)


class MortalJournal:
    """Dies before an append, or right after it became durable."""

    def __init__(self, inner: Any, life: Mortal) -> None:
        self._inner, self._life = inner, life

    def append(self, run: str, at_ms: int, events: Sequence[Any]) -> Any:
        names = ",".join(type(event).__name__ for event in events)
        self._life.step(f"before append {names}")
        entries = self._inner.append(run, at_ms, events)
        self._life.step(f"after append {names}")
        return entries

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class MortalInbox:
    """Dies before or after words are read, and before or after they are marked as taken."""

    def __init__(self, inner: Any, life: Mortal) -> None:
        self._inner, self._life = inner, life

    def waiting(self, run: str) -> Any:
        found = self._inner.waiting(run)
        if found:
            self._life.step("after reading " + ",".join(message.word for message in found))
        return found

    def taken(self, run: str, ids: Sequence[int]) -> None:
        if not ids:
            return
        self._life.step("before marking")
        self._inner.taken(run, ids)
        self._life.step("after marking")


class MortalApi:
    """Dies before a call reaches the API server, or before its answer comes back."""

    def __init__(self, inner: Any, life: Mortal) -> None:
        self._inner, self._life = inner, life

    def watch(self, *args: Any, **kwargs: Any) -> Any:
        return self._inner.watch(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            self._life.step(f"before {name}")
            result = await method(*args, **kwargs)
            self._life.step(f"after {name}")
            return result

        return call


class MortalReboot:
    """Dies before a request is made, or before the receipt is read. ``forgetful``: it never knows what arrived."""

    def __init__(self, inner: Any, life: Mortal, forgetful: bool = False) -> None:
        self._inner, self._life, self._forgetful = inner, life, forgetful

    async def request(self, node: Any, token: str) -> Any:
        self._life.step("before reboot request")
        receipt = await self._inner.request(node, token)
        self._life.step("after reboot request")
        return receipt

    async def was_delivered(self, node: Any, token: str) -> Any:
        self._life.step("before was_delivered")
        return "unknown" if self._forgetful else await self._inner.was_delivered(node, token)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
