"""Whether the entries of a run make a whole chain."""

from __future__ import annotations

from collections.abc import Sequence

from shipkeeper.journal.chain import broken, verified
from shipkeeper.model.run import encode_event
from shipkeeper.ports.journal import Entry


def check(entries: Sequence[Entry]) -> None:
    """Check the chain of one run's entries. Raises Failed (code journal-broken) naming the first bad seq."""
    if entries:
        run = entries[0].run
        for position, entry in enumerate(entries, start=1):
            if entry.run != run:
                raise broken(run, position, f"it belongs to {entry.run}")
        verified(run, ((e.seq, e.at_ms, encode_event(e.event), e.prev, e.hash) for e in entries))
