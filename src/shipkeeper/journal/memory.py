"""The journal of a rehearsal: the same records, in memory, the chain computed when somebody reads it."""

from __future__ import annotations

from collections.abc import Sequence

from shipkeeper.journal.chain import next_entries
from shipkeeper.journal.names import is_run
from shipkeeper.model.run import RunEvent
from shipkeeper.ports.journal import Entry


class MemoryJournal:
    """Implements ``ports.journal.Journal`` in memory.

    ``append`` returns entries with empty ``prev`` and ``hash``: a rehearsal appends thousands of records that nobody
    verifies. ``read`` and ``head`` chain what was added since.
    """

    def __init__(self) -> None:
        self._added: dict[str, list[Entry]] = {}
        self._chained: dict[str, list[Entry]] = {}

    def append(self, run: str, at_ms: int, events: Sequence[RunEvent]) -> tuple[Entry, ...]:
        """Keep the events; never fails."""
        added = self._added.setdefault(run, [])
        first = len(added) + 1
        made = tuple(
            Entry(run=run, seq=seq, at_ms=at_ms, event=event, prev="", hash="")
            for seq, event in enumerate(events, start=first)
        )
        added.extend(made)
        return made

    def read(self, run: str, after: int = 0) -> tuple[Entry, ...]:
        """Entries with ``seq`` above ``after``, chained."""
        return tuple(self._chain(run)[after:])

    def runs(self) -> tuple[str, ...]:
        """Run ids, oldest first. Chains of checklists and logbooks are not runs."""
        return tuple(run for run, added in self._added.items() if added and is_run(run))

    def head(self, run: str) -> tuple[int, str]:
        """(seq, hash) of the newest entry; (0, "") for a run without any."""
        chained = self._chain(run)
        return (chained[-1].seq, chained[-1].hash) if chained else (0, "")

    def _chain(self, run: str) -> list[Entry]:
        chained = self._chained.setdefault(run, [])
        prev = chained[-1].hash if chained else ""
        for entry in self._added.get(run, [])[len(chained) :]:
            ((made, _),) = next_entries(run, entry.seq - 1, prev, entry.at_ms, (entry.event,))
            chained.append(made)
            prev = made.hash
        return chained
