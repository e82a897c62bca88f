"""Randomness of the operating system, and ids from it."""

from __future__ import annotations

import hashlib
import os

_WORDS = "0123456789abcdefghjkmnpqrstvwxyz"


class SystemEntropy:
    """Implements ports.entropy.Entropy: keyed by 32 bytes from the operating system, drawn once per process."""

    def __init__(self) -> None:
        self._key = os.urandom(32)

    def bits(self, stream: str, key: str) -> int:
        """64 bits, as an integer from 0 to 2**64 - 1."""
        data = f"{stream}\0{key}".encode()
        return int.from_bytes(hashlib.blake2b(data, digest_size=8, key=self._key).digest(), "big")


def new_run_id() -> str:
    """A run id: short enough to say aloud, long enough (40 bits) not to meet again."""
    number = int.from_bytes(os.urandom(5), "big")
    text = "".join(_WORDS[(number >> shift) & 31] for shift in range(35, -5, -5))
    return f"run-{text}"
