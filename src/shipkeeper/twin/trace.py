"""The trace of a world: every event goes into one hash, so that two rehearsals can be compared by 32 bytes."""

from __future__ import annotations

import hashlib

from shipkeeper.twin.kernel import Kernel

_FLUSH = 512


class Trace:
    """Hashes (millisecond, event, key). ``keep`` also keeps the lines, for tests and for finding a first difference."""

    def __init__(self, kernel: Kernel, keep: bool = False) -> None:
        self._kernel = kernel
        self._hash = hashlib.blake2b(digest_size=32)
        self._pending: list[str] = []
        self.lines: list[str] | None = [] if keep else None
        self.count = 0

    def note(self, event: str, key: str) -> None:
        """Add one event, at this instant."""
        pending = self._pending
        pending.append(f"{self._kernel.now_ms()} {event} {key}")
        if len(pending) >= _FLUSH:
            self._flush()

    def digest(self) -> str:
        """Hex digest over everything noted so far."""
        self._flush()
        return self._hash.hexdigest()

    def _flush(self) -> None:
        if self._pending:
            self._hash.update(("\n".join(self._pending) + "\n").encode())
            self.count += len(self._pending)
            if self.lines is not None:
                self.lines.extend(self._pending)
            self._pending.clear()
