"""Asking a live cluster a few things at once: a refusal becomes words, a cluster that cannot be reached an error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from shipkeeper.model.errors import Failed, Forbidden, Unreachable
from shipkeeper.model.inventory import Missing

T = TypeVar("T")
_AT_ONCE = 4
_NOT_SERVED = "not-served"


class Asking:
    """``missing`` is what could not be read."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self.missing: list[Missing] = []

    async def ask(self, what: str, call: Callable[[], Awaitable[T]], otherwise: T, unknown: str, field: str = "") -> T:
        """The answer; or, when it is refused, the stand-in and a note of what that leaves unknown."""
        async with self._turns:
            try:
                return await call()
            except Unreachable:
                raise
            except Forbidden as error:
                why = f"not allowed: {error.message}"
            except Failed as error:
                why = error.message
        self.missing.append(Missing(what, why, unknown, field))
        return otherwise


async def where_served(call: Awaitable[T], otherwise: T) -> T:
    """The answer; the stand-in from a server that has no such kind: it is not installed, so there are none."""
    try:
        return await call
    except Failed as error:
        if error.code == _NOT_SERVED:
            return otherwise
        raise
