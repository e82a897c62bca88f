"""Durations drawn from (P50, P95) through an integer table: right-skewed, as waiting times are, and without libm."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

from shipkeeper.twin.entropy import Stream

_SHAPE = (
    (0, -850), (10, -780), (50, -640), (100, -540), (250, -300), (500, 0), (750, 330), (900, 740), (950, 1_000),
    (990, 1_450), (999, 1_900), (1_000, 2_000),
)  # fmt: skip
"""(per mille of the draws, distance from P50 in per mille of P95 - P50). P50 and P95 are met exactly."""

_CELLS = 256


class Quantiles:
    """Integer quantile table of a duration. Never below a quarter of P50."""

    __slots__ = ("_table", "p50_ms", "p95_ms")

    def __init__(self, p50_ms: int, p95_ms: int) -> None:
        self.p50_ms, self.p95_ms = p50_ms, max(p50_ms, p95_ms)
        spread = self.p95_ms - p50_ms
        floor = p50_ms // 4
        self._table = [max(floor, p50_ms + spread * _distance(cell) // 1_000_000) for cell in range(_CELLS + 1)]

    def at(self, bits: int) -> int:
        """The duration for 64 random bits, in milliseconds."""
        cell = (bits >> 56) & 0xFF
        low, high = self._table[cell], self._table[cell + 1]
        return low + ((high - low) * ((bits >> 40) & 0xFFFF) >> 16)


class Lag:
    """How long one kind of thing takes, drawn for whatever it happens to."""

    __slots__ = ("_bits", "_durations")

    def __init__(self, stream: Stream, durations: Quantiles) -> None:
        self._bits, self._durations = stream.at, durations.at

    def ms(self, key: int, draw: int = 0) -> int:
        """The ``draw``-th duration for the object ``key``."""
        return self._durations(self._bits(key, draw))


def _distance(cell: int) -> int:
    """Distance from P50 at quantile ``cell``/256, in millionths of P95 - P50."""
    at = cell * 1_000_000 // _CELLS
    for (left, low), (right, high) in pairwise(_SHAPE):
        if at <= right * 1_000:
            return low * 1_000 + (high - low) * (at - left * 1_000) // (right - left)
    return _SHAPE[-1][1] * 1_000


@lru_cache(maxsize=4_096)
def quantiles(p50_ms: int, p95_ms: int) -> Quantiles:
    """The table for these figures; shared, because it never changes."""
    return Quantiles(p50_ms, p95_ms)
