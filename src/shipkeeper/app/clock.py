"""The wall clock. The demo lives on a day of its own: then, and in this process only, it stands where it was put."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_stands_at: ContextVar[int | None] = ContextVar("stands_at", default=None)


def now_ms() -> int:
    """Now, in milliseconds since the epoch."""
    stands = _stands_at.get()
    return time.time_ns() // 1_000_000 if stands is None else stands


@contextmanager
def standing_at(at_ms: int) -> Iterator[None]:
    """Let it be that moment for as long as this lasts. No flag, file or variable of the environment does this."""
    token = _stands_at.set(at_ms)
    try:
        yield
    finally:
        _stands_at.reset(token)
