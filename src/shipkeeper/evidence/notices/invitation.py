"""The window as a calendar entry, for those who plan by their calendar."""

from __future__ import annotations

from shipkeeper.evidence.ics import Event, write_calendar
from shipkeeper.model.notices import CANCELLED, FIRST, REMINDER, Message
from shipkeeper.model.plan import PlanWindow


def invitation(message: Message, window: PlanWindow | None, uid: str, stamp_ms: int) -> str:
    """An event that all messages of one maintenance share by ``uid``; the one that cancels takes it away.

    Empty for a message that moves nothing in a calendar, and where there is no window.
    """
    cancels = message.kind == CANCELLED
    if window is None or not (cancels or message.kind in (*FIRST, REMINDER)):
        return ""
    event = Event(
        uid=f"{uid}@shipkeeper",
        summary=message.subject,
        span_ms=(window.opens_ms, window.closes_ms),
        description=message.body,
        status="CANCELLED" if cancels else "CONFIRMED",
        busy=False,
        sequence=1 if cancels else 0,
    )
    return write_calendar([event], "", stamp_ms, method="CANCEL" if cancels else "PUBLISH")
