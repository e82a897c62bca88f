"""The machine's clocks, watched: one that slept or was set may not trust what it knew."""

from __future__ import annotations

from shipkeeper.ports.runtime import Clock


class Clocks:
    """Compares the wall clock with the monotonic one since the last look."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wall = clock.now_ms()
        self._mono = clock.monotonic_ms()

    def jump_ms(self) -> int:
        """How far the wall clock moved against the monotonic one since the last look; positive: forward."""
        wall, mono = self._clock.now_ms(), self._clock.monotonic_ms()
        jump = (wall - self._wall) - (mono - self._mono)
        self._wall, self._mono = wall, mono
        return jump
