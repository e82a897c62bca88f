"""What past maintenances of a cluster took and did to its workloads, as their runs measured it."""

from __future__ import annotations

from shipkeeper.app.state import State
from shipkeeper.evidence.impact import Measured, Workload
from shipkeeper.journal.sqlite import SqliteJournal
from shipkeeper.model.run import RunEnded, RunStarted, WorkloadFelt
from shipkeeper.ports.journal import Entry

_NEWEST = 10
"""Runs that are looked at: what a cluster was years ago says little of tonight."""


def measured(state: State, cluster_uid: str) -> Measured:
    """From the newest finished runs of that cluster. No journal yet, or an unknown cluster: nothing."""
    if not cluster_uid or not state.journal_path.exists():
        return Measured()
    seconds: list[float] = []
    downtime: dict[Workload, list[float]] = {}
    journal = SqliteJournal(state.journal_path)
    try:
        for run in reversed(journal.runs()):
            entries = journal.read(run)
            if len(seconds) < _NEWEST and _finished(entries, cluster_uid):
                seconds.append(_seconds(entries))
                for workload, felt in _felt(entries).items():
                    downtime.setdefault(workload, []).append(felt)
    finally:
        journal.close()
    return Measured(tuple(seconds), {key: tuple(values) for key, values in downtime.items()})


def _finished(entries: tuple[Entry, ...], cluster_uid: str) -> bool:
    started = entries[0].event if entries else None
    ended = entries and any(isinstance(entry.event, RunEnded) and entry.event.state == "done" for entry in entries)
    return isinstance(started, RunStarted) and started.plan.cluster.uid == cluster_uid and bool(ended)


def _seconds(entries: tuple[Entry, ...]) -> float:
    return sum(entry.event.seconds for entry in entries if isinstance(entry.event, RunEnded))


def _felt(entries: tuple[Entry, ...]) -> dict[Workload, float]:
    found: dict[Workload, float] = {}
    for entry in entries:
        event = entry.event
        if isinstance(event, WorkloadFelt):
            key = (event.kind, event.namespace, event.name)
            found[key] = found.get(key, 0.0) + event.downtime_seconds
    return found
