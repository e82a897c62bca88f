"""The logbook: what people said, agreed and were told around maintenance, as one chain of the journal."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from shipkeeper.app.state import State
from shipkeeper.journal.names import BOOK
from shipkeeper.journal.sqlite import SqliteJournal
from shipkeeper.model.book import BookEvent
from shipkeeper.model.errors import Refused
from shipkeeper.model.platform import Platform
from shipkeeper.model.run import RunEvent

T = TypeVar("T")
_TRIES = 40
_PAUSE_S = 0.1


class Written(Struct, frozen=True):
    """A record of the logbook with its number and time (epoch milliseconds)."""

    seq: int
    at_ms: int
    event: RunEvent


class Logbook:
    """Reads and writes one platform's logbook. Another process may write between two of our records.

    Every call opens the journal anew and gives it up again, so that no process keeps others from writing.
    """

    def __init__(self, path: Path, platform: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._path = path
        self.chain = chain_of(platform)
        self._pause = pause
        self._head: tuple[int, str] | None = None
        """The newest record that we wrote: what was verified then is not read again before each record."""

    @classmethod
    def of(cls, state: State, platform: Platform) -> Logbook:
        """The logbook of that platform in that state folder."""
        return cls(state.journal_path, platform.name)

    def write(self, at_ms: int, events: Sequence[BookEvent]) -> tuple[Written, ...]:
        """Record events as one group; they are on disk when this returns.

        Raises Failed (journal-unwritable, journal-broken), and Refused (run-elsewhere) when another process keeps the
        logbook for longer than a few seconds.
        """
        for left in reversed(range(_TRIES)):
            try:
                return self._write(at_ms, events)
            except Refused as error:
                if error.code != "run-elsewhere" or not left:
                    raise
                self._pause(_PAUSE_S)
        raise AssertionError("the last try returns or raises")

    def _write(self, at_ms: int, events: Sequence[BookEvent]) -> tuple[Written, ...]:
        journal = SqliteJournal(self._path)
        try:
            if self._head is not None:
                journal.trust(self.chain, *self._head)
            entries = journal.append(self.chain, at_ms, events)
        finally:
            journal.close()
        self._head = (entries[-1].seq, entries[-1].hash) if entries else self._head
        return tuple(Written(entry.seq, entry.at_ms, entry.event) for entry in entries)

    def read(self) -> tuple[Written, ...]:
        """Every record, oldest first. No journal yet: none. Raises Failed (journal-broken)."""
        if not self._path.exists():
            return ()
        journal = SqliteJournal(self._path)
        try:
            return tuple(Written(entry.seq, entry.at_ms, entry.event) for entry in journal.read(self.chain))
        finally:
            journal.close()

    def of_kind(self, kind: type[T]) -> tuple[T, ...]:
        """The events of one kind, oldest first."""
        return tuple(item.event for item in self.read() if isinstance(item.event, kind))


def chain_of(platform: str) -> str:
    """The id of a platform's logbook in the journal."""
    return BOOK + (re.sub(r"[^a-z0-9]+", "-", platform.lower()).strip("-") or "platform")
