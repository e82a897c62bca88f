"""Runs, as other processes see them: what the journal says, and words left in the inbox."""

from __future__ import annotations

import getpass

from shipkeeper.app.clock import now_ms
from shipkeeper.app.identity import who_am_i
from shipkeeper.app.state import State
from shipkeeper.execution.status import OVER, RunView
from shipkeeper.journal.sqlite import SqliteInbox, SqliteJournal
from shipkeeper.model.errors import BadInput, Refused, ShipkeeperError
from shipkeeper.model.run import RunStatus

NEEDS_IDENTITY = ("approve",)
"""Words that count only under the name that the API server gives. Stopping must work when it cannot be reached."""


def list_runs(state: State) -> tuple[RunStatus, ...]:
    """Every run in the journal, newest first."""
    if not state.journal_path.exists():
        return ()
    journal = SqliteJournal(state.journal_path)
    try:
        return tuple(RunView.of(journal.read(run)).status() for run in reversed(journal.runs()))
    finally:
        journal.close()


def look(state: State, run: str) -> RunStatus:
    """One run. Raises BadInput when the journal does not know it."""
    found = [row for row in list_runs(state) if row.id == run]
    if not found:
        raise BadInput(f"there is no run {run} in {state.folder}", hint="list them: shipkeeper runs")
    return found[0]


def is_carried_out(state: State, run: str) -> bool:
    """Whether a process on this machine writes that run's record now."""
    return SqliteJournal.locked(state.journal_path, run)


def leave_word(
    state: State, run: str, word: str, reason: str, step: str, context: str = "", kubeconfig: str = ""
) -> str:
    """Leave a word for a run; returns the name it is left under.

    Raises BadInput for an unknown run, Refused for one that is over, Unreachable when an approval cannot be named.
    """
    known = look(state, run)
    if known.state in OVER:
        raise Refused(
            f"{run} is over: {known.state}",
            code="run-over",
            object=run,
            why="nobody is there to hear it",
            hint=f"read its record: shipkeeper evidence write {run} --out report/",
        )
    try:
        by = who_am_i(context, kubeconfig)
    except ShipkeeperError:
        if word in NEEDS_IDENTITY:
            raise
        by = f"local user {getpass.getuser()} (the API server was not asked)"
    inbox = SqliteInbox(state.journal_path)
    try:
        inbox.post(run, now_ms(), word, by, step, reason)
    finally:
        inbox.close()
    return by
