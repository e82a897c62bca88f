"""What the versions that run say about a row: how urgent it is, in how many hops, and whether the windows suffice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from msgspec import Struct

from shipkeeper.assessment.due.upkeep import Upkeep
from shipkeeper.knowledge.cadence import day_start
from shipkeeper.knowledge.sequences import sequence_for
from shipkeeper.model.plan import PlanWindow
from shipkeeper.model.schedule import Need
from shipkeeper.model.time import DAY, moment, parse_instant

ORDER = ("ok", "unknown", "due", "overdue")
"""States from mild to grave."""
HORIZON_MS = 30 * DAY
"""Work that no window holds counts as due this long before it is needed."""
_MOST_SEEN = 3


class Told(Struct, frozen=True, kw_only=True):
    """What versions tell. ``state`` empty: nothing. ``settled``: what runs and what waits are both known."""

    state: str = ""
    text: str = ""
    settled: bool = False
    current: str = ""
    target: str = ""
    hops: tuple[str, ...] = ()
    hops_needed: int = 0
    needs: tuple[Need, ...] = ()
    windows_left: int | None = None
    late: bool = False


def worse(one: str, other: str) -> str:
    """The graver of two states."""
    return max(one, other, key=ORDER.index)


def tell(
    mine: Sequence[Upkeep],
    more: Mapping[str, Sequence[Need]],
    windows: Sequence[PlanWindow] | None,
    zone: str,
    now_ms: int,
) -> Told:
    """Read the products of one row together. ``windows`` None: the work is not tied to any."""
    if not mine:
        return Told()
    needs = tuple(need for one in mine for need in (*one.needs, *more.get(one.running.product, ())))
    by_ms = min((day_start(date.fromisoformat(need.by[:10]), zone) for need in needs if need.by), default=None)
    left = None
    if windows is not None and by_ms is not None:
        left = sum(1 for window in windows if now_ms < window.opens_ms and window.closes_ms <= by_ms)
    # Hops that stand alone take a window each; of the others several share one.
    hops = max(one.hops_needed if sequence_for(one.running.product).alone else min(one.hops_needed, 1) for one in mine)
    late = left is not None and by_ms is not None and by_ms >= now_ms and left < max(hops, 1)
    main = next((one for one in mine if one.target), mine[0])
    return Told(
        state=_state(mine, needs, by_ms, left, max(hops, 1), now_ms),
        text=_text(mine, needs, left, hops, late, windows, zone, now_ms),
        settled=all(one.supports and all(s.state != "unknown" for _, s in one.supports) for one in mine),
        current=main.running.oldest,
        target=main.target,
        hops=main.stops,
        hops_needed=main.hops_needed,
        needs=needs,
        windows_left=left,
        late=late,
    )


def _state(
    mine: Sequence[Upkeep], needs: Sequence[Need], by_ms: int | None, left: int | None, hops: int, now_ms: int
) -> str:
    firm = [need for need in needs if need.firm]
    if any(need.kind == "exploited" for need in needs):
        return "overdue"
    if any(need.by and parse_instant_day(need.by) <= now_ms for need in firm):
        return "overdue"
    if any(one.ended for one in mine) or any(need.kind == "update" for need in needs):
        return "due"
    if by_ms is not None and by_ms <= now_ms and not firm:
        # It was only expected, and nothing newer is known: the facts are behind, and an upgrade would have no target.
        return "unknown"
    if by_ms is None:
        return "unknown" if any(not one.supports for one in mine) else "ok"
    if left is not None:
        return "due" if left <= hops or by_ms - now_ms <= HORIZON_MS else "ok"
    return "due" if by_ms - now_ms <= HORIZON_MS else "ok"


def parse_instant_day(by: str) -> int:
    """The instant of a date or time; a date is over when its day is."""
    return parse_instant(by) if len(by) > len("2026-01-01") else parse_instant(f"{by}T23:59:59Z")


def _text(
    mine: Sequence[Upkeep],
    needs: Sequence[Need],
    left: int | None,
    hops: int,
    late: bool,
    windows: Sequence[PlanWindow] | None,
    zone: str,
    now_ms: int,
) -> str:
    parts = []
    dated = sorted((need for need in needs if need.by), key=lambda need: (need.by[:10], need.kind))
    parts += [need.text for need in dated[:2]]
    parts += [need.text for need in needs if not need.by][:2]
    for one in mine:
        if one.path is not None and len(one.stops) > 1:
            parts.append(f"{len(one.stops)} hops: {', '.join(one.stops)}")
            if one.hops_lasting > one.hops_needed > 0:
                brief = one.stops[one.hops_needed - 1]
                parts.append(f"{brief} ends soon after: plan {one.hops_lasting} hops")
        elif one.no_way:
            parts.append(f"no way to {one.target} is known: {one.no_way}")
        if not one.running.versions:
            parts.append(f"the version of {one.running.name} is not told" + _note(one))
        elif len(one.running.seen) > 1 and len(one.running.versions) > 1:
            parts.append("runs " + ", ".join(one.running.seen[:_MOST_SEEN]))
    if windows is not None and left is not None and late:
        last = dated[0].by[:10]
        opens = f"the next opens {moment(windows[0].opens_ms, zone):%-d %b}" if windows else "none is agreed"
        count = "no window" if left == 0 else f"{left} window{'s' if left > 1 else ''}"
        parts.append(f"{count} before {last} for {hops or 1} hop{'s' if hops > 1 else ''} that must be done: {opens}")
    return "; ".join(dict.fromkeys(parts))


def _note(one: Upkeep) -> str:
    return f" ({one.running.notes[0]})" if one.running.notes else ""
