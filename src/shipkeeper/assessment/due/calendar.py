"""The coming months day by day: what recurs, what is needed by when, windows, and what is frozen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from shipkeeper.assessment.due.dates import fitting
from shipkeeper.knowledge.cadence import PERIODIC, Word, due_after
from shipkeeper.model.plan import PlanWindow
from shipkeeper.model.record import Record
from shipkeeper.model.schedule import DueItem, is_tied
from shipkeeper.model.time import DAY, iso, moment, parse_instant

MONTHS = 12
_NOISE: tuple[Word, ...] = ("daily", "weekly")
"""What recurs so often is said once, not on every day."""


class Dated(Record, frozen=True, kw_only=True):
    """Something on a day. ``kind``: window | due | needed. ``at`` is RFC 3339; ``until`` only for windows."""

    day: str
    kind: str
    text: str
    at: str = ""
    until: str = ""
    item: str = ""
    """Id of the task."""


def calendar(
    items: Sequence[DueItem], windows: Sequence[PlanWindow], zone: str, now_ms: int, months: int = MONTHS
) -> tuple[Dated, ...]:
    """Everything dated from today on, in order of days."""
    last_ms = now_ms + months * 31 * DAY
    today = iso(now_ms, zone)[:10]
    found = [
        Dated(
            day=iso(window.opens_ms, zone)[:10],
            kind="window",
            text="window",
            at=window.opens_at,
            until=window.closes_at,
        )
        for window in windows
        if window.opens_ms <= last_ms
    ]
    for item in items:
        found.extend(_recurring(item, windows, zone, now_ms, last_ms))
        found.extend(
            Dated(day=need.by[:10], kind="needed", text=f"{item.task}: {need.text}", at=need.by, item=item.id)
            for need in item.needs
            if need.by and need.kind != "cadence" and today <= need.by[:10] <= iso(last_ms, zone)[:10]
        )
    order = {"window": 0, "needed": 1, "due": 2}
    return tuple(sorted(found, key=lambda one: (one.day, order[one.kind], one.at, one.text)))


def often(items: Iterable[DueItem]) -> tuple[DueItem, ...]:
    """What recurs daily or weekly, and is therefore left out of the days."""
    return tuple(item for item in items if item.recurs in _NOISE)


def _recurring(item: DueItem, windows: Sequence[PlanWindow], zone: str, now_ms: int, last_ms: int) -> Iterator[Dated]:
    """The next date of a task, and where it recurs the dates after it; in the windows that fit where it needs one."""
    if not item.next_due or item.recurs in _NOISE:
        return
    at_ms = parse_instant(item.next_due)
    while at_ms <= last_ms:
        if at_ms >= now_ms:
            yield Dated(day=iso(at_ms, zone)[:10], kind="due", text=item.task, at=iso(at_ms, zone), item=item.id)
        word = next((word for word in PERIODIC if word == item.recurs), None)
        if word is None:
            return
        date_ms = due_after(at_ms, word, zone)
        window = fitting(at_ms, date_ms, word, windows) if is_tied(item.needs_window) else None
        at_ms = window.opens_ms if window is not None else date_ms


def by_month(entries: Iterable[Dated]) -> dict[str, list[Dated]]:
    """``December 2026`` → its entries, in order."""
    found: dict[str, list[Dated]] = {}
    for entry in entries:
        found.setdefault(f"{date.fromisoformat(entry.day):%B %Y}", []).append(entry)
    return found


def weekday(entry: Dated, zone: str) -> str:
    """``Tue 1`` and, for a window, its hours."""
    day = date.fromisoformat(entry.day)
    if entry.kind != "window":
        return f"{day:%a} {day.day}"
    opens, closes = moment(parse_instant(entry.at), zone), moment(parse_instant(entry.until), zone)
    return f"{day:%a} {day.day} {opens:%H:%M}–{closes:%H:%M}"
