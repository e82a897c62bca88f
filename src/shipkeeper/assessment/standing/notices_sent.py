"""Gate notices-sent: everybody who has to be told before the window opens was told, and in time."""

from __future__ import annotations

from collections.abc import Sequence

from shipkeeper.assessment.notices.duties import Duty, earliest_lawful
from shipkeeper.model.notices import Occasion
from shipkeeper.model.time import iso
from shipkeeper.ports.gates import GateReading, GateState

NAME = "notices-sent"


def notices_sent(occasion: Occasion, found: Sequence[Duty], now_ms: int) -> GateReading:
    """Whether the window may open as far as notices go: what is not told by now is not told.

    From ``now_ms`` the earliest lawful opening is reckoned: nobody can be told earlier any more.
    """
    if occasion.window is None:
        return GateReading(NAME, "open", "the plan has no window: nobody waits for a time")
    required = [duty for duty in found if duty.obligation.required]
    blocking = [duty for duty in required if duty.blocks(now_ms)]
    if not blocking:
        return GateReading(NAME, "open", _told(required))
    worst = min(blocking, key=lambda duty: _ORDER.index(duty.state(now_ms)))
    state: GateState = "unknown" if worst.state(now_ms) == "unknown" else "closed"
    return GateReading(
        NAME,
        state,
        f"{len(blocking)} of {len(required)} notices not in order: {_words(worst, occasion, now_ms)}",
        reason="; ".join(_words(duty, occasion, now_ms) for duty in blocking) + _earliest(found, now_ms, occasion),
        object=named(worst),
        fix=worst.obligation.mend or _FIX.get(worst.state(now_ms), _FIX["due"]),
    )


_ORDER = ("impossible", "unknown", "failed", "late", "partly", "due", "upcoming", "open", "nobody", "covered", "told")
_FIX = {
    "unknown": "find out whether it arrived: shipkeeper notices status PLAN, then notices settle KEY or"
    " notices send PLAN --resend KEY",
    "failed": "mend the channel, then send it again: shipkeeper notices send PLAN --by NAME",
    "late": "plan it for the earliest lawful date or later; or have it waived on record: shipkeeper windows waive",
    "due": "shipkeeper notices send PLAN --by NAME",
}


def named(duty: Duty) -> str:
    """``announcement to users``, ``major to developers (shop team)``."""
    one = duty.obligation
    return f"{one.kind} to {one.audience}" + (f" ({one.team})" if one.team else "")


def _told(required: Sequence[Duty]) -> str:
    if not required:
        return "nobody has to be told"
    if all(not duty.deliveries for duty in required):
        return "the platform file declares no channels: whether people were told is not kept here"
    return f"{len(required)} of {len(required)} notices were sent in time"


def _words(duty: Duty, occasion: Occasion, now_ms: int) -> str:
    one, state = duty.obligation, duty.state(now_ms)
    due = f", due by {iso(one.due_ms, occasion.zone)}" if one.due_ms is not None else ""
    if one.problem:
        return f"{named(duty)}: {one.problem}"
    if state == "late" and duty.told:
        return f"{named(duty)} was sent {iso(duty.told_ms, occasion.zone)}, too late{due} ({one.lead} before)"
    if state in ("unknown", "failed"):
        tried = next((item, tried) for item, tried in duty.deliveries if tried.state == state)
        reason = f": {tried[1].reason}" if tried[1].reason else ""
        word = "is not known to have arrived" if state == "unknown" else "could not be sent"
        return f"{named(duty)} {word} at {tried[0].to} ({tried[0].key}{reason})"
    return f"{named(duty)} is not sent{due}" + (f" ({one.lead} before)" if one.lead else "")


def _earliest(found: Sequence[Duty], now_ms: int, occasion: Occasion) -> str:
    earliest_ms = earliest_lawful(found, now_ms, occasion.zone)
    window = occasion.window
    if earliest_ms is None or window is None or earliest_ms <= window.opens_ms:
        return ""
    return f". Told now, the earliest lawful opening is {iso(earliest_ms, occasion.zone)}"
