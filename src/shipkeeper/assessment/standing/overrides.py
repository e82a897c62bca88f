"""What sets a standing gate aside: a waiver of one rule for one plan, or an emergency that two people declared."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from shipkeeper.model.book import EmergencyDeclared, Waived
from shipkeeper.ports.gates import GateReading


class Overrides(Struct, frozen=True):
    """What the logbook has of either kind, oldest first."""

    waivers: Sequence[Waived] = ()
    emergencies: Sequence[EmergencyDeclared] = ()


def with_overrides(
    reading: GateReading, overrides: Overrides, subject: str, day: date, *, waivable: bool, emergency: bool
) -> GateReading:
    """The reading, opened where a record for that subject (the plan's digest) sets the gate aside; it says by whom."""
    if reading.is_open:
        return reading
    was = reading.reason or reading.reading
    if waivable:
        for waiver in reversed(overrides.waivers):
            if (waiver.rule, waiver.subject) == (reading.gate, subject) and holds(waiver, day):
                return _opened(reading, f"waived by {waiver.by}: {waiver.reason}; without it: {was}")
    if emergency:
        for item in reversed(overrides.emergencies):
            if item.subject == subject and counts(item):
                who = f"{item.by} ({item.identity}) and {item.second} ({item.second_identity})"
                return _opened(reading, f"{item.id}, declared by {who}: {item.reason}; without it: {was}")
    return reading


def counts(emergency: EmergencyDeclared) -> bool:
    """Whether two people declared it: two names, two identities, and a reason."""
    names, identities = (emergency.by, emergency.second), (emergency.identity, emergency.second_identity)
    return all(
        all(part.strip() for part in pair) and pair[0].strip() != pair[1].strip() for pair in (names, identities)
    ) and bool(emergency.reason.strip())


def holds(waiver: Waived, day: date) -> bool:
    """Whether a waiver is complete and not over on that day."""
    complete = waiver.reason.strip() and waiver.by.strip()
    return bool(complete) and (not waiver.until or day.isoformat() <= waiver.until)


def _opened(reading: GateReading, words: str) -> GateReading:
    return replace(reading, state="open", reading=words, reason="", fix="", retry=False)
