"""Runs of the journal, folded for those who look back; a run whose chain has not grown is not read again."""

from __future__ import annotations

from shipkeeper.app.state import State
from shipkeeper.assessment.standing.past import PastRun, past_run
from shipkeeper.journal.sqlite import SqliteJournal
from shipkeeper.model.errors import Refused
from shipkeeper.model.platform import ClusterConfig, Environment, Platform
from shipkeeper.planning.settings import find_cluster


def place_of(platform: Platform, run: PastRun) -> tuple[Environment, ClusterConfig] | None:
    """The environment and cluster of a run; None where the platform file does not know its cluster."""
    try:
        return find_cluster(platform, "", run.plan.cluster.name, run.plan.cluster.uid)
    except Refused:  # a cluster of that name, and not this one
        return None


class PastRuns:
    """The runs of one state folder. Raises Failed (journal-broken) where a chain does not hold."""

    def __init__(self, state: State) -> None:
        self._path = state.journal_path
        self._known: dict[str, tuple[tuple[int, str], PastRun | None]] = {}

    def all(self) -> tuple[PastRun, ...]:
        """Every run that has a plan, oldest first. No journal yet: none."""
        if not self._path.exists():
            return ()
        journal = SqliteJournal(self._path)
        try:
            for run in journal.runs():
                head = journal.head(run)
                if run not in self._known or self._known[run][0] != head:
                    self._known[run] = (head, past_run(journal.read(run)))
        finally:
            journal.close()
        return tuple(found for _, found in self._known.values() if found is not None)
