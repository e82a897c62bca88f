"""The wall clock. The demo lives on a day of its own: then, and in this process only, it stands where it was put."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Hands:
    """Where the clock stands, for as long as somebody holds it."""

    at_ms: int

    def move(self, at_ms: int) -> None:
        """Let it be later."""
        self.at_ms = max(self.at_ms, at_ms)


_held: list[Hands] = []
"""Of the whole process: what works on threads of its own lives on the same day."""


def now_ms() -> int:
    """Now, in milliseconds since the epoch."""
    return _held[-1].at_ms if _held else time.time_ns() // 1_000_000


@contextmanager
def standing_at(at_ms: int) -> Iterator[Hands]:
    """Let it be that moment for as long as this lasts. No flag, file or variable of the environment does this."""
    hands = Hands(at_ms)
    _held.append(hands)
    try:
        yield hands
    finally:
        _held.remove(hands)
