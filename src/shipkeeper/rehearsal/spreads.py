"""Percentiles over seeds: nearest rank on integers, so that every machine reports the same."""

from __future__ import annotations

from collections.abc import Iterable

from shipkeeper.model.record import Spread
from shipkeeper.model.time import SECOND


def rank(count: int, percent: int) -> int:
    """Index of the percentile among that many sorted values."""
    return max(0, -(-count * percent // 100) - 1)


def spread(durations_ms: Iterable[int]) -> Spread:
    """P50 and P95 in seconds. Raises ValueError without any value."""
    ordered = sorted(durations_ms)
    if not ordered:
        raise ValueError("no value to take a percentile of")
    return Spread(
        p50=ordered[rank(len(ordered), 50)] / SECOND,
        p95=ordered[rank(len(ordered), 95)] / SECOND,
    )
