"""An inbox in memory, held to the same contract as the one on disk."""

from __future__ import annotations

from collections.abc import Sequence

from shipkeeper.ports.journal import Message


class MemoryInbox:
    """Implements ``ports.journal.Inbox`` in memory."""

    def __init__(self) -> None:
        self._next = 1
        self._waiting: list[Message] = []

    def post(self, run: str, at_ms: int, word: str, by: str, step: str = "", reason: str = "") -> Message:
        """Leave a message."""
        message = Message(id=self._next, run=run, at_ms=at_ms, word=word, by=by, step=step, reason=reason)
        self._next += 1
        self._waiting.append(message)
        return message

    def waiting(self, run: str) -> tuple[Message, ...]:
        """Messages not taken yet, oldest first; reading takes nothing."""
        return tuple(message for message in self._waiting if message.run == run)

    def taken(self, run: str, ids: Sequence[int]) -> None:
        """Count these messages as taken."""
        self._waiting = [message for message in self._waiting if message.run != run or message.id not in ids]
