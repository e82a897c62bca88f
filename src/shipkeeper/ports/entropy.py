"""Randomness and ids, handed in."""

from __future__ import annotations

from typing import Protocol


class Entropy(Protocol):
    """Counter-based: the same (stream, key) gives the same bits for the same seed, whatever was drawn before."""

    def bits(self, stream: str, key: str) -> int:
        """64 bits, as an integer from 0 to 2**64 - 1."""
