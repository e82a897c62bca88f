"""How long this client waits for what, and on which clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from msgspec import Struct

from shipkeeper.model.errors import ShipkeeperError, Unauthenticated, Unreachable
from shipkeeper.model.time import MINUTE, SECOND

SERVER_ERROR = "server-error"
"""Error code for HTTP 500: the server tried and failed; asking again may work."""


async def _pause(duration_ms: int) -> None:
    await asyncio.sleep(duration_ms / SECOND)


class Timing(Struct, frozen=True):
    """Limits in milliseconds, and the clock they are measured on."""

    connect_ms: int = 10 * SECOND
    answer_ms: int = 60 * SECOND
    """A whole answer. The API server itself gives up on ordinary requests after 60 s."""
    silence_ms: int = 120 * SECOND
    """A watch without a word for this long is opened again; bookmarks come about every minute."""
    watch_ms: int = 240 * SECOND
    """The API server is asked to end a watch after this long."""
    patience_ms: int = 15 * MINUTE
    """How long a watch tries to come back before it gives up (safety rule 7)."""
    first_retry_ms: int = 500
    longest_retry_ms: int = 30 * SECOND
    busy_retries: int = 10
    """How often a call is sent again when the server says that it is too busy."""
    pause: Callable[[int], Awaitable[None]] = _pause
    monotonic_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000

    def backoff_ms(self, attempt: int) -> int:
        """Wait before attempt number ``attempt`` (from 0): doubling, up to the longest."""
        return min(self.first_retry_ms << min(attempt, 16), self.longest_retry_ms)


def is_transient(error: ShipkeeperError) -> bool:
    """Whether waiting may help. It doesn't when the server does not know us."""
    if isinstance(error, Unauthenticated):
        return False
    return isinstance(error, Unreachable) or error.code == SERVER_ERROR


class Patience:
    """Counts failures in a row and how long they last."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._since_ms: int | None = None
        self._attempt = 0

    def reset(self) -> None:
        """It works again."""
        self._since_ms, self._attempt = None, 0

    async def wait(self, error: ShipkeeperError, what: str) -> None:
        """Wait before trying again. Raises the error when it cannot pass, Unreachable when patience is at its end."""
        if not is_transient(error):
            raise error
        now_ms = self._timing.monotonic_ms()
        if self._since_ms is None:
            self._since_ms = now_ms
        left_ms = self._timing.patience_ms - (now_ms - self._since_ms)
        if left_ms <= 0:
            minutes = self._timing.patience_ms // MINUTE
            raise Unreachable(
                f"{what}: no answer for {minutes} min; the last trouble: {error.message}",
                object=error.object,
                why="without the API server nobody knows what the cluster is doing",
                hint=error.hint,
            ) from error
        await self._timing.pause(min(self._timing.backoff_ms(self._attempt), left_ms))
        self._attempt += 1
