"""The hash chain: each record's SHA-256 covers the record before it. The layout is in ``docs/reference/journal.md``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from shipkeeper.model.errors import Failed
from shipkeeper.model.run import RunEvent, decode_event, encode_event
from shipkeeper.ports.journal import Entry

FORMAT = "shipkeeper-journal-1"
"""Names the layout inside every hash, so that a later layout cannot be taken for this one."""

_WHY_BROKEN = "what the record says from here on cannot be trusted, and a run is never continued on it"


def link(prev: str, run: str, seq: int, at_ms: int, event: bytes) -> str:
    """SHA-256 (hex) over one record: a JSON array of format, prev, run, seq and at_ms, a newline, the event's bytes."""
    header = msgspec.json.encode([FORMAT, prev, run, seq, at_ms])
    return hashlib.sha256(header + b"\n" + event).hexdigest()


def next_entries(run: str, seq: int, prev: str, at_ms: int, events: Iterable[RunEvent]) -> list[tuple[Entry, bytes]]:
    """Chain events behind the record (``seq``, ``prev``). Returns each entry with its event's canonical bytes.

    Events are read back once: a figure given as 30 is written 30.0, as it will be whenever it is written again.
    """
    made = []
    for given in events:
        event = decode_event(encode_event(given))
        data = encode_event(event)
        seq += 1
        digest = link(prev, run, seq, at_ms, data)
        made.append((Entry(run=run, seq=seq, at_ms=at_ms, event=event, prev=prev, hash=digest), data))
        prev = digest
    return made


def broken(run: str, seq: int, what: str, hint: str = "") -> Failed:
    """The error for a chain that does not hold, naming the first record at which it does not."""
    return Failed(
        f"the record of {run} is broken at seq {seq}: {what}",
        code="journal-broken",
        object=f"{run} seq {seq}",
        why=_WHY_BROKEN,
        hint=hint or "restore the journal from a copy, or compare with the head on the cluster's Lease",
    )


_COLUMNS = (int, int, bytes, str, str)


def verified(run: str, rows: Iterable[tuple[int, int, bytes, str, str]]) -> tuple[Entry, ...]:
    """Entries of rows (seq, at_ms, event bytes, prev, hash), which start at seq 1.

    Raises Failed (code journal-broken) naming the first seq that was edited, dropped or moved.
    """
    entries: list[Entry] = []
    prev = ""
    for expected, row in enumerate(rows, start=1):
        if tuple(map(type, row)) != _COLUMNS:  # damage can turn one kind of value into another
            raise broken(run, expected, "a value in it is not of its kind")
        seq, at_ms, data, said_prev, said_hash = row
        if seq != expected:
            raise broken(run, expected, f"the next record is numbered {seq}")
        if said_prev != prev:
            raise broken(run, seq, "it does not continue the record before it")
        if link(prev, run, seq, at_ms, data) != said_hash:
            raise broken(run, seq, "its content does not fit its hash")
        try:
            event = decode_event(data)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise broken(run, seq, f"its event cannot be read: {error}") from error
        entries.append(Entry(run=run, seq=seq, at_ms=at_ms, event=event, prev=said_prev, hash=said_hash))
        prev = said_hash
    return tuple(entries)
