"""What the logbook knows of each notice: sent, refused, or perhaps sent and nobody can tell."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

from shipkeeper.model.book import BookEvent, NoticeAttempt, NoticeResult
from shipkeeper.model.declared_people import Channel
from shipkeeper.model.notices import AGREEMENT, ANNOUNCEMENT, CANCELLED, FIRST, KINDS, Obligation, Occasion
from shipkeeper.model.run import RunEvent

State = Literal["none", "sent", "failed", "unknown"]
"""none: never tried. unknown: tried, and what became of it is not known: it may have arrived."""


class Tried(Struct, frozen=True):
    """What became of one notice, by its newest attempt."""

    state: State = "none"
    attempts: int = 0
    attempted_ms: int = 0
    """When it left: for one that was sent, the time at which it counts as told."""
    settled_ms: int = 0
    """When the result was recorded; later, where somebody had to find out."""
    proof: str = ""
    reason: str = ""
    digest: str = ""
    """SHA-256 of the text that was sent."""


class Delivery(Struct, frozen=True, kw_only=True):
    """One notice to one recipient on one channel. ``thread``: what all notices of the same maintenance there share."""

    key: str
    thread: str
    times: int
    """How often it was called off before."""
    kind: str
    audience: str
    team: str
    channel: str
    to: str


class Ledger(Struct, frozen=True):
    """Notices by key."""

    tried: Mapping[str, Tried]

    @classmethod
    def of(cls, records: Iterable[tuple[int, RunEvent | BookEvent]]) -> Ledger:
        """Fold (time, event) of the logbook, oldest first."""
        found: dict[str, Tried] = {}
        for at_ms, event in records:
            if isinstance(event, NoticeAttempt):
                before = found.get(event.key, Tried())
                reason = "it was begun, and nothing tells how it ended"
                found[event.key] = Tried("unknown", before.attempts + 1, at_ms, reason=reason, digest=event.digest)
            elif isinstance(event, NoticeResult):
                before = found.get(event.key, Tried())
                state: State = event.state if event.state in ("sent", "failed") else "unknown"  # type: ignore[assignment]
                found[event.key] = Tried(
                    state, before.attempts, before.attempted_ms, at_ms, event.proof, event.reason, before.digest
                )
        return cls(found)

    def of_key(self, key: str) -> Tried:
        """What became of the notice of that key."""
        return self.tried.get(key, Tried())


def deliveries(
    occasion: Occasion, obligation: Obligation, channels: Mapping[str, Channel], ledger: Ledger
) -> tuple[Delivery, ...]:
    """The single notices that meet an obligation: one a recipient for e-mail, one a channel elsewhere.

    What was called off does not count any more: telling of the same window again is another notice.
    """
    found: dict[tuple[str, str], Delivery] = {}
    for name in obligation.channels:
        for to in recipients(channels[name], obligation.kind):
            thread = _digest(*_subject(occasion, obligation), obligation.audience, obligation.team, name, to)
            times = _times(thread, obligation.kind, ledger)
            found[(name, to)] = Delivery(
                key=key_of(thread, _told_as(thread, obligation.kind, times, ledger), times),
                thread=thread,
                times=times,
                kind=obligation.kind,
                audience=obligation.audience,
                team=obligation.team,
                channel=name,
                to=to,
            )
    return tuple(found.values())


def recipients(channel: Channel, kind: str) -> tuple[str, ...]:
    """Who or what receives a notice there, as a person recognises it; a secret address by its reference alone."""
    if channel.kind == "email":
        return tuple(dict.fromkeys(channel.to))
    if channel.kind == "statuspage" and kind == AGREEMENT:
        return ()  # nobody answers there
    return (channel.project or channel.url,)


def key_of(thread: str, kind: str, times: int = 0) -> str:
    """The name of one notice for good: short enough to be typed, and in the message itself."""
    return "n-" + _digest(thread, kind, str(times))


def began(delivery: Delivery, ledger: Ledger) -> str:
    """Proof of the first message of the same maintenance to the same recipient: later ones are added to it."""
    keys = (key_of(delivery.thread, kind, delivery.times) for kind in KINDS if kind != delivery.kind)
    sent = [tried for key in keys if (tried := ledger.of_key(key)).state == "sent" and tried.proof]
    return min(sent, key=lambda tried: tried.settled_ms).proof if sent else ""


def _times(thread: str, kind: str, ledger: Ledger) -> int:
    """How often the maintenance was called off before this notice."""
    times = 0
    while ledger.of_key(key_of(thread, CANCELLED, times)).state == "sent":
        again = any(ledger.of_key(key_of(thread, one, times + 1)).attempts for one in KINDS)
        if kind == CANCELLED and not again:
            break  # this very notice: it was sent, and nothing has been told since
        times += 1
    return times


def _told_as(thread: str, kind: str, times: int, ledger: Ledger) -> str:
    """The kind under which it was told: who was told of a graver change in that window knows of it already."""
    if kind != ANNOUNCEMENT:
        return kind
    graver = (one for one in FIRST if ledger.of_key(key_of(thread, one, times)).state == "sent")
    return next(graver, kind)


def _subject(occasion: Occasion, obligation: Obligation) -> tuple[str, ...]:
    if obligation.kind == AGREEMENT and occasion.rule:
        return occasion.place, occasion.rule
    window = occasion.window
    if window is None:
        return occasion.place, occasion.plan
    return occasion.place, str(window.opens_ms), str(window.closes_ms)


def _digest(*parts: str) -> str:
    """16 hexadecimal digits over the parts, each with its length, so that no two lists read alike."""
    data = "".join(f"{len(part)}:{part}" for part in parts).encode()
    return hashlib.sha256(data).hexdigest()[:16]
