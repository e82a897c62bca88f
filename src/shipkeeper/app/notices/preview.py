"""Notices as they would be told: who, what, when, on which channel, and what came of it so far."""

from __future__ import annotations

from collections.abc import Collection

from shipkeeper.app.notices.desk import Desk
from shipkeeper.assessment.notices.duties import Duty
from shipkeeper.assessment.notices.ledger import Ledger
from shipkeeper.evidence.notices.words import time_of_day
from shipkeeper.evidence.words import long_date
from shipkeeper.model.notices import AGREEMENT, CANCELLED, DONE, FIRST, OVERRUN, REMINDER, START
from shipkeeper.model.record import Record
from shipkeeper.model.time import iso


class Notice(Record, frozen=True, kw_only=True):
    """One message. ``send`` says when, in words; ``send_at`` is RFC 3339 where the time is known.

    ``due_by`` is the last moment that is in time, ``lead`` the time before the window that asks for it and
    ``because`` the setting. ``state`` as in ``notices status``. ``problem``: why it cannot be sent as things are.
    """

    kind: str
    audience: str
    subject: str
    body: str
    send: str
    send_at: str = ""
    team: str = ""
    due_by: str = ""
    lead: str = ""
    because: str = ""
    channels: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    state: str = ""
    problem: str = ""


def preview(
    desk: Desk, ledger: Ledger, kinds: Collection[str], audiences: Collection[str], now_ms: int
) -> tuple[Notice, ...]:
    """The notices of these kinds and audiences that the occasion calls for; all where none are named.

    Raises BadInput for a template that does not work.
    """
    return tuple(
        _notice(desk, duty, now_ms)
        for duty in desk.duties(ledger)
        if (not kinds or duty.obligation.kind in kinds) and (not audiences or duty.obligation.audience in audiences)
    )


def _notice(desk: Desk, duty: Duty, now_ms: int) -> Notice:
    one, zone = duty.obligation, desk.telling.zone
    message = desk.message(one)
    words, at_ms = _when(desk, duty)
    return Notice(
        kind=one.kind,
        audience=one.audience,
        subject=message.subject,
        body=message.body,
        send=words,
        send_at=iso(at_ms, zone) if at_ms is not None else "",
        team=one.team,
        due_by=iso(one.due_ms, zone) if one.due_ms is not None else "",
        lead=one.lead,
        because=one.because,
        channels=one.channels,
        to=tuple(item.to for item, _ in duty.deliveries),
        state=duty.state(now_ms),
        problem=one.problem,
    )


def _when(desk: Desk, duty: Duty) -> tuple[str, int | None]:
    """(in words, epoch milliseconds where known) of sending."""
    one, zone, window = duty.obligation, desk.telling.zone, desk.occasion.window
    opens = window.opens_ms if window else None
    closes = window.closes_ms if window else None
    if one.due_ms is not None and one.kind in (*FIRST, REMINDER):
        by = f"by {long_date(one.due_ms, zone)}, {time_of_day(one.due_ms, zone)}"
        return by + (f", {one.lead} before" if one.lead else ""), one.due_ms if one.kind == REMINDER else None
    return {
        AGREEMENT: ("before anything is planned", None),
        REMINDER: ("the day before", None),
        START: ("when it begins", opens),
        OVERRUN: ("when it is not over at the window's end", closes),
        DONE: ("when the checklist after is done", None),
        CANCELLED: ("when it is called off", None),
    }.get(one.kind, ("as soon as the window is agreed", None))
