"""Obligations with what has become of them: what is open, what is late, and when a window may lawfully open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from shipkeeper.assessment.notices.ledger import Delivery, Ledger, Tried, deliveries
from shipkeeper.model.declared_people import Channel
from shipkeeper.model.lead import parse_lead
from shipkeeper.model.notices import FIRST, REMINDER, Obligation, Occasion


class Duty(Struct, frozen=True):
    """An obligation, its single notices, and what became of each."""

    obligation: Obligation
    deliveries: tuple[tuple[Delivery, Tried], ...]
    covered: bool = False
    """The first word came when this one was to be sent: nobody is reminded of what they were told just now."""

    @property
    def told(self) -> bool:
        """Whether everybody was told, at whatever time."""
        return bool(self.deliveries) and all(tried.state == "sent" for _, tried in self.deliveries)

    @property
    def told_ms(self) -> int:
        """When the last of them left: that it arrived may have been found out later."""
        return max(tried.attempted_ms for _, tried in self.deliveries if tried.state == "sent")

    def state(self, now_ms: int) -> str:
        """The worst of its notices, as of that time.

        told: in time, or no time was set. covered: a reminder whose first word came so late that it reminds. late: told
        after it was due, or due and not told. due: to be sent now. upcoming: not to be sent yet. open: no time is set.
        partly: some recipients. failed: a recipient was refused. unknown: perhaps told. impossible: as the platform
        file stands. nobody: no channel is declared.
        """
        due_ms = self.obligation.due_ms
        found = {tried.state for _, tried in self.deliveries}
        if self.obligation.problem:
            return "impossible"
        if not self.deliveries:
            return "nobody"
        if self.told:
            return "late" if due_ms is not None and self.told_ms > due_ms else "told"
        if self.covered:
            return "covered"
        for worst in ("unknown", "failed"):
            if worst in found:
                return worst
        if due_ms is not None and now_ms > due_ms:
            return "late"
        if "sent" in found:
            return "partly"
        return self._not_begun(now_ms)

    def _not_begun(self, now_ms: int) -> str:
        one = self.obligation
        if one.due_ms is None:
            return "open"
        return "due" if one.from_ms is None or now_ms >= one.from_ms else "upcoming"

    def blocks(self, now_ms: int) -> bool:
        """Whether the window has to stay shut because of it, as things stand at that time."""
        return self.obligation.required and self.state(now_ms) not in ("told", "covered", "nobody")

    def earliest_ms(self, now_ms: int, zone: str) -> int:
        """The earliest opening that this notice allows: by when it was told, or by now where it was not."""
        if not self.obligation.lead or self.covered:
            return now_ms
        return parse_lead(self.obligation.lead).after(self.told_ms if self.told else now_ms, zone)


def duties(
    occasion: Occasion, obligations: Sequence[Obligation], channels: Iterable[Channel], ledger: Ledger
) -> tuple[Duty, ...]:
    """Each obligation with its notices as the ledger knows them."""
    by_name: Mapping[str, Channel] = {channel.name: channel for channel in channels}
    found = [
        Duty(one, tuple((item, ledger.of_key(item.key)) for item in deliveries(occasion, one, by_name, ledger)))
        for one in obligations
    ]
    return tuple(replace(duty, covered=_covered(duty, found)) for duty in found)


def first_word(duty: Duty, every: Iterable[Duty]) -> Duty | None:
    """What the same readers were, or are to be, told first."""
    one = duty.obligation
    return next(
        (
            other
            for other in every
            if other.obligation.kind in FIRST
            and (other.obligation.audience, other.obligation.team) == (one.audience, one.team)
        ),
        None,
    )


def _covered(duty: Duty, every: Sequence[Duty]) -> bool:
    one = duty.obligation
    if one.kind != REMINDER or one.from_ms is None:
        return False
    first = first_word(duty, every)
    return first is not None and first.told and first.told_ms >= one.from_ms


def earliest_lawful(found: Iterable[Duty], now_ms: int, zone: str) -> int | None:
    """The earliest opening at which every required notice was, or could still be, in time; None: it cannot be met."""
    required = [duty for duty in found if duty.obligation.required]
    if any(duty.obligation.problem for duty in required):
        return None
    return max((duty.earliest_ms(now_ms, zone) for duty in required), default=now_ms)
