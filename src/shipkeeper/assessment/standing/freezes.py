"""Gate not-frozen: nobody asked for quiet at that time."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from shipkeeper.model.calendar import freeze_span
from shipkeeper.model.declared_windows import Freeze
from shipkeeper.model.plan import PlanWindow
from shipkeeper.model.time import iso
from shipkeeper.ports.gates import GateReading

NAME = "not-frozen"


class Frozen(Struct, frozen=True):
    """A freeze as instants: [``begins_ms``, ``ends_ms``)."""

    freeze: Freeze
    begins_ms: int
    ends_ms: int
    zone: str


def compile_freezes(freezes: Sequence[Freeze], zone: str) -> tuple[Frozen, ...]:
    """Freezes in the order in which they begin; ``zone`` is where those without one are read."""
    spans = [(freeze, *freeze_span(freeze, zone)) for freeze in freezes]
    found = [Frozen(freeze, begins, ends, freeze.zone or zone) for freeze, begins, ends in spans]
    return tuple(sorted(found, key=lambda item: (item.begins_ms, item.ends_ms, item.freeze.name)))


def frozen_during(freezes: Sequence[Frozen], begins_ms: int, ends_ms: int, change: str = "") -> tuple[Frozen, ...]:
    """Freezes that reach into [``begins_ms``, ``ends_ms``] and don't allow that class of change."""
    return tuple(
        item
        for item in freezes
        if item.begins_ms < max(ends_ms, begins_ms + 1)
        and item.ends_ms > begins_ms
        and not (change and change in item.freeze.allows)
    )


def not_frozen(freezes: Sequence[Frozen], window: PlanWindow | None, change: str, at_ms: int) -> GateReading:
    """Whether a freeze covers that instant, or begins before the plan's window ends.

    ``change`` is the plan's class of change; empty: not known, and no freeze allows it.
    """
    ends_ms = max(at_ms, window.closes_ms) if window is not None else at_ms
    hits = frozen_during(freezes, at_ms, ends_ms, change)
    if not hits:
        return GateReading(NAME, "open", _open_words(freezes, at_ms, ends_ms, change))
    first = hits[0]
    begins, ends = iso(first.begins_ms, first.zone), iso(first.ends_ms, first.zone)
    when = f"until {ends}" if first.begins_ms <= at_ms else f"from {begins}, before the window ends"
    because = f" ({first.freeze.reason})" if first.freeze.reason else ""
    allows = ", ".join(first.freeze.allows)
    rule = f"it allows {allows}, and this is {change or 'of no known class'}" if allows else "it allows nothing"
    return GateReading(
        NAME,
        "closed",
        f"freeze {first.freeze.name}, {begins} to {ends}",
        reason=f"freeze {first.freeze.name}{because} holds {when}; {rule}",
        object=f"freeze {first.freeze.name}",
        fix="plan it for another day, or have two people declare an emergency: shipkeeper windows emergency PLAN",
    )


def _open_words(freezes: Sequence[Frozen], at_ms: int, ends_ms: int, change: str) -> str:
    allowing = frozen_during(freezes, at_ms, ends_ms)
    if allowing:
        return f"freeze {allowing[0].freeze.name} allows {change}"
    following = next((item for item in freezes if item.begins_ms >= ends_ms), None)
    if following is None:
        return "no freeze" if not freezes else "no freeze any more"
    return f"no freeze; the next is {following.freeze.name}, from {iso(following.begins_ms, following.zone)}"
