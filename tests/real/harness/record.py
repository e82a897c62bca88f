"""The journal as its documentation describes it (docs/reference/journal.md), read by the tests' own means."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Row:
    """One record of a run."""

    run: str
    seq: int
    at_ms: int
    event: dict[str, Any]
    body: bytes
    prev: str
    hash: str

    @property
    def kind(self) -> str:
        """The event's tag."""
        return str(self.event["event"])


def rows(journal: Path, run: str) -> list[Row]:
    """All records of a run, oldest first; none while there is no journal."""
    if not journal.exists():
        return []
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True, timeout=10)) as opened:
        found = opened.execute(
            "SELECT run, seq, at_ms, event, prev, hash FROM entries WHERE run = ? ORDER BY seq", (run,)
        ).fetchall()
    return [Row(r, seq, at, json.loads(event), bytes(event), prev, digest) for r, seq, at, event, prev, digest in found]


def runs(journal: Path) -> list[str]:
    """Ids of the runs, oldest first; chains of checklists are none."""
    if not journal.exists():
        return []
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True, timeout=10)) as opened:
        found = opened.execute("SELECT run, MIN(at_ms) FROM entries GROUP BY run ORDER BY 2").fetchall()
    return [run for run, _ in found if run.startswith("run-")]


def broken(records: Iterable[Row]) -> str | None:
    """Where the hash chain does not hold, in words; None when it is whole."""
    prev, seq = "", 0
    for row in records:
        head = json.dumps(["shipkeeper-journal-1", prev, row.run, row.seq, row.at_ms], separators=(",", ":"))
        wanted = hashlib.sha256(head.encode() + b"\n" + row.body).hexdigest()
        if row.seq != seq + 1:
            return f"record {row.seq} follows {seq}"
        if row.prev != prev or row.hash != wanted:
            return f"record {row.seq} does not fit the one before"
        prev, seq = row.hash, row.seq
    return None if seq else "there are no records"


MARKS = {"cordon": "cordoned", "drain": "drained", "serves": "serves", "settle": "done"}


def marks(records: Iterable[Row]) -> dict[str, dict[str, float]]:
    """When each node passed each mark, in seconds from the first record, by the step's last outcome."""
    found: dict[str, dict[str, float]] = {}
    start: int | None = None
    for row in records:
        start = row.at_ms if start is None else start
        if row.kind == "step-outcome" and row.event["state"] == "done":
            node, action = row.event["step"].rsplit("/", 1)
            if action in MARKS:
                found.setdefault(node, {})[MARKS[action]] = (row.at_ms - start) / 1000
    return found


def took(records: list[Row]) -> float:
    """Seconds from the first record to the last end."""
    ended = [row for row in records if row.kind == "run-ended"]
    return (ended[-1].at_ms - records[0].at_ms) / 1000


def states(records: Iterable[Row]) -> dict[str, str]:
    """The newest state of each step that has one."""
    return {row.event["step"]: row.event["state"] for row in records if row.kind == "step-outcome"}
