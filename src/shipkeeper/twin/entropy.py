"""Counter-based randomness: the same (seed, stream, object) gives the same bits, whatever was drawn before.

No generator object, no order of draws, no libm: adding a draw in one place shifts no other one, and every Python on
every machine gives the same integers.
"""

from __future__ import annotations

import hashlib

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_SILVER = 0xD1B54A32D192ED03
"""Odd constants that spread neighbouring keys, and neighbouring draws, over all 64 bits."""


class Stream:
    """One concern's randomness under one seed, keyed by integers (a pod's row, a node's index, a counter)."""

    __slots__ = ("_base",)

    def __init__(self, base: int) -> None:
        self._base = base

    def at(self, key: int, draw: int = 0) -> int:
        """64 bits for the ``draw``-th draw of the object ``key``: SplitMix64, written out because it is called most."""
        value = (self._base + key * _GOLDEN + draw * _SILVER) & _MASK
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
        return value ^ (value >> 31)


class SeededEntropy:
    """Implements ports.entropy.Entropy: names as keys, for ids and tokens. ``stream`` gives the fast integer kind."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._key = seed.to_bytes(16, "big", signed=True)

    def bits(self, stream: str, key: str) -> int:
        """64 bits, as an integer from 0 to 2**64 - 1."""
        data = f"{stream}\0{key}".encode()
        return int.from_bytes(hashlib.blake2b(data, digest_size=8, key=self._key).digest(), "big")

    def stream(self, name: str) -> Stream:
        """The integer stream of that name."""
        return Stream(self.bits("stream", name))
