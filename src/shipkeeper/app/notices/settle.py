"""A person's word on a notice of which nobody knows whether it arrived."""

from __future__ import annotations

from shipkeeper.app.logbook import Logbook
from shipkeeper.app.speaker import Speaker
from shipkeeper.app.state import State
from shipkeeper.assessment.notices.ledger import Ledger
from shipkeeper.model.book import NoticeAttempt, NoticeResult
from shipkeeper.model.errors import UsageProblem
from shipkeeper.model.platform import Platform
from shipkeeper.model.record import Record


class Settled(Record, frozen=True, kw_only=True):
    """The notice as it counts from now on. ``state``: sent | failed."""

    key: str
    kind: str
    to: str
    state: str
    proof: str = ""
    reason: str = ""


def settle(key: str, arrived: bool, note: str, who: Speaker, platform: Platform, state: State, now_ms: int) -> Settled:
    """Record it. Raises UsageProblem for a notice whose fate is known, and for a key that is none."""
    logbook = Logbook.of(state, platform)
    records = logbook.read()
    tried = Ledger.of((item.at_ms, item.event) for item in records).of_key(key)
    if tried.state != "unknown":
        raise UsageProblem(
            f"{key} is {tried.state}: there is nothing to settle" if tried.attempts else f"there is no notice {key}",
            object=key,
            hint="shipkeeper notices status lists those whose fate is not known",
        )
    attempt = next(
        item.event for item in reversed(records) if isinstance(item.event, NoticeAttempt) and item.event.key == key
    )
    word = f"by word of {who.name} ({who.identity})" + (f": {note}" if note else "")
    result = NoticeResult(
        key=key,
        state="sent" if arrived else "failed",
        proof=word if arrived else "",
        reason="" if arrived else f"did not arrive, {word}",
    )
    logbook.write(now_ms, [result])
    return Settled(
        key=key, kind=attempt.kind, to=attempt.to, state=result.state, proof=result.proof, reason=result.reason
    )
