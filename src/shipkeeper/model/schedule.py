"""The maintenance schedule and what of it is due."""

from __future__ import annotations

from shipkeeper.model.record import Record

LEVELS = ("node OS", "platform stack", "core", "security component", "recurring")
DUE_STATES = ("ok", "due", "overdue", "unknown")


class Task(Record, frozen=True, kw_only=True):
    """One row of the schedule.

    ``cadence`` is words and combinations of them joined by `` or ``: daily, weekly, monthly, quarterly, yearly,
    as released, on advisory, as needed, automatic. ``window`` says whether one is required and how long.
    """

    id: str
    task: str
    level: str
    cadence: str
    needs_window: str
    """no, or the length as declared (``15–30 min``), or ``see <task>``."""
    window_seconds: tuple[int, int] | None = None
    impact: str = ""
    owner: str = ""
    action: str = ""
    """Which plan carries it out (``nodes``), empty when no plan of this tool does yet."""
    source: str = ""
    recurs: tuple[str, ...] = ()
    """The cadence in the words above, where ``cadence`` says it in a person's own; empty: read from ``cadence``."""
    questions: tuple[str, ...] = ()
    """What a person answers when they attest that it was done; none: it is done by work, not by attestation."""
    attested_by: tuple[str, ...] = ()
    """Roles whose word counts for it; none: anybody's."""
    product: str = ""
    """The product of the knowledge that it keeps up to date, where it is one."""


class DueItem(Record, frozen=True, kw_only=True):
    """A task with its dates. Dates are RFC 3339, empty when unknown."""

    task: str
    level: str
    cadence: str
    needs_window: str
    impact: str
    last_done: str
    next_due: str
    state: str
    reason: str
    owner: str
    id: str = ""
