"""The durable record. Sync on purpose: an append has returned only when it is safe on disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from shipkeeper.model.run import RunEvent


class Entry(Struct, frozen=True):
    """One record of a run. ``seq`` counts from 1 without gaps; ``hash`` covers ``prev`` and everything else."""

    run: str
    seq: int
    at_ms: int
    event: RunEvent
    prev: str
    hash: str


class Message(Struct, frozen=True):
    """A word from another process to a run: approve | pause | resume | abort | reboot-done.

    ``id`` counts from 1 and never comes again.
    """

    id: int
    run: str
    at_ms: int
    word: str
    by: str
    step: str = ""
    reason: str = ""

    def concerns(self, step: str) -> bool:
        """Whether the word is for that step: for any, for its node, or for it alone."""
        return self.step in ("", step, step.rsplit("/", 1)[0])


class Journal(Protocol):
    """Append-only, hash-chained per run. Raises Failed (code journal-unwritable) when it cannot make it durable."""

    def append(self, run: str, at_ms: int, events: Sequence[RunEvent]) -> tuple[Entry, ...]:
        """Write the events as one group commit; they are durable when this returns."""

    def read(self, run: str, after: int = 0) -> tuple[Entry, ...]:
        """Entries of a run with ``seq`` above ``after``. Raises Failed (code journal-broken) on a broken chain."""

    def runs(self) -> tuple[str, ...]:
        """Run ids, oldest first."""

    def head(self, run: str) -> tuple[int, str]:
        """(seq, hash) of the newest entry; (0, "") for a run without any."""


class Inbox(Protocol):
    """Where other processes leave words for a run; only the run's own process appends to the journal."""

    def post(self, run: str, at_ms: int, word: str, by: str, step: str = "", reason: str = "") -> Message:
        """Leave a message."""

    def waiting(self, run: str) -> tuple[Message, ...]:
        """Messages not taken yet, oldest first. Reading takes nothing: they are on record before they are taken."""

    def taken(self, run: str, ids: Sequence[int]) -> None:
        """Count these messages as taken; those that are already, or are another run's, stay as they are."""


class Signer(Protocol):
    """Signs the chain's head."""

    key_id: str

    def sign(self, data: bytes) -> bytes:
        """Ed25519 signature of the data."""
