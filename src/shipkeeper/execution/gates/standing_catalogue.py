"""Gates about people and calendars: what each asks, why it matters, what a person can do.

``app/standing.py`` builds them for a run. None is opened by ``approve``: what sets one aside is a record of its own.
"""

from __future__ import annotations

from shipkeeper.execution.gates.gate import Gate

_WHEN = "at the start as of the window's opening, and before every batch"
_WAITS = "reads it again every few seconds; it goes on when it is open"

STANDING_GATES = (
    Gate(
        id="not-frozen",
        when=_WHEN,
        opens="no freeze of the platform or of the environment covers the hour, or the freeze allows the plan's class "
        "of change",
        why="people planned their own work around a time in which nothing changes",
        waits=_WAITS,
        person="shipkeeper plan nodes … --window, for a day after the freeze",
    ),
)
