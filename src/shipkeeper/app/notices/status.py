"""Where telling people of an occasion stands: each notice with when it is due, what became of it, and the proof."""

from __future__ import annotations

from collections.abc import Sequence

from shipkeeper.app.notices.desk import Desk, ledger_of
from shipkeeper.app.notices.post import digest_of
from shipkeeper.app.standing import RULES, matter_of, read_rule
from shipkeeper.app.state import State
from shipkeeper.assessment.notices.duties import Duty, earliest_lawful
from shipkeeper.assessment.notices.ledger import Delivery, Tried
from shipkeeper.assessment.standing.notices_sent import NAME, notices_sent
from shipkeeper.model.errors import BadInput
from shipkeeper.model.notices import Obligation
from shipkeeper.model.record import Record
from shipkeeper.model.time import iso
from shipkeeper.ports.gates import GateReading


class Standing(Record, frozen=True, kw_only=True):
    """One notice to one recipient; for an obligation without any, one row without recipient.

    ``state`` is the obligation's (told, late, due, upcoming, open, partly, failed, unknown, impossible, nobody),
    ``delivery`` this recipient's (none, sent, failed, unknown).
    """

    kind: str
    audience: str
    team: str
    required: bool
    due_by: str
    lead: str
    because: str
    state: str
    channel: str = ""
    to: str = ""
    key: str = ""
    delivery: str = ""
    sent_at: str = ""
    proof: str = ""
    reason: str = ""
    changed: bool = False
    """Whether what would be told today is not what was told."""


class NoticeStatus(Record, frozen=True, kw_only=True):
    """All of it. ``gate``: what notices-sent says, waivers and emergencies included.

    ``in_order``: nothing is to be done now. The gate opens only once the last reminder has gone out.
    """

    plan_digest: str
    items: tuple[Standing, ...]
    gate: str
    in_order: bool
    reading: str
    reason: str = ""
    fix: str = ""
    earliest: str = ""
    """The earliest lawful opening, were everything that is missing sent now; empty: it cannot be told, or no matter."""


def stand(desk: Desk, state: State, now_ms: int) -> NoticeStatus:
    """Read the logbook and say where it stands."""
    found = desk.duties(ledger_of(state, desk.platform))
    reading = gate(desk, found, state, now_ms)
    earliest_ms = earliest_lawful(found, now_ms, desk.occasion.zone) if desk.occasion.window is not None else None
    return NoticeStatus(
        plan_digest=desk.plan.digest if desk.plan is not None else "",
        items=tuple(row for duty in found for row in _rows(desk, duty, now_ms)),
        gate=reading.state,
        in_order=reading.is_open or all(_waits(duty, now_ms) for duty in found if duty.blocks(now_ms)),
        reading=reading.reading,
        reason=reading.reason,
        fix="" if reading.is_open else reading.fix,
        earliest=iso(earliest_ms, desk.occasion.zone) if earliest_ms is not None else "",
    )


def gate(desk: Desk, found: Sequence[Duty], state: State, now_ms: int) -> GateReading:
    """What the gate says: of a plan with what sets it aside, of a window alone without."""
    if desk.plan is None:
        return notices_sent(desk.occasion, found, now_ms)
    return read_rule(NAME, RULES[NAME], matter_of(desk.plan, desk.platform, state), now_ms)


def _waits(duty: Duty, now_ms: int) -> bool:
    return duty.state(now_ms) == "upcoming"


def _rows(desk: Desk, duty: Duty, now_ms: int) -> list[Standing]:
    one, zone = duty.obligation, desk.occasion.zone
    due_by = iso(one.due_ms, zone) if one.due_ms is not None else ""
    shared = {
        "kind": one.kind,
        "audience": one.audience,
        "team": one.team,
        "required": one.required,
        "due_by": due_by,
        "lead": one.lead,
        "because": one.because,
        "state": duty.state(now_ms),
    }
    if not duty.deliveries or one.problem:
        return [Standing(**shared, reason=one.problem)]  # type: ignore[arg-type]
    today = _today(desk, one)
    return [_row(desk, shared, item, tried, today) for item, tried in duty.deliveries]


def _today(desk: Desk, obligation: Obligation) -> str:
    """Digest of what would be told today; empty where a template does not work: what was told stands all the same."""
    try:
        return digest_of(desk.message(obligation))
    except BadInput:
        return ""


def _row(desk: Desk, shared: dict[str, object], item: Delivery, tried: Tried, today: str) -> Standing:
    sent_at = iso(tried.attempted_ms // 1000 * 1000, desk.occasion.zone) if tried.state == "sent" else ""
    return Standing(
        **shared,  # type: ignore[arg-type]
        channel=item.channel,
        to=item.to,
        key=item.key,
        delivery=tried.state,
        sent_at=sent_at,
        proof=tried.proof,
        reason=tried.reason,
        changed=tried.state == "sent" and today not in ("", tried.digest),
    )
