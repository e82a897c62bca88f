"""What is due, and what is planned, as iCalendar entries. The same thing has the same UID in every export."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from shipkeeper.assessment.due.calendar import Dated
from shipkeeper.evidence.ics import Event, uid_of, write_calendar
from shipkeeper.evidence.program_page import lasts, title_of
from shipkeeper.model.program import Program
from shipkeeper.model.schedule import DueItem
from shipkeeper.model.time import moment, parse_instant


def due_ics(name: str, items: Sequence[DueItem], entries: Sequence[Dated], zone: str, stamp_ms: int) -> str:
    """The coming year's dates; what is overdue is an entry of the day on which this was asked."""
    today = moment(stamp_ms, zone).date()
    events = [
        Event(
            uid=uid_of(name, "overdue", item.id),
            summary=f"Overdue: {item.task}",
            days=(today, today),
            description=item.reason,
            categories=("maintenance", "overdue"),
            busy=False,
        )
        for item in items
        if item.state == "overdue"
    ]
    return write_calendar([*events, *(_dated(name, entry) for entry in entries)], f"Due: {name}", stamp_ms)


def _dated(name: str, entry: Dated) -> Event:
    day = date.fromisoformat(entry.day)
    window = entry.kind == "window"
    return Event(
        uid=uid_of(name, entry.kind, entry.item, entry.at or entry.day),
        summary="Maintenance window" if window else f"{entry.kind.capitalize()}: {entry.text}",
        span_ms=(parse_instant(entry.at), parse_instant(entry.until)) if window else None,
        days=None if window else (day, day),
        categories=("maintenance", entry.kind),
        busy=False,
    )


def program_ics(program: Program, stamp_ms: int) -> str:
    """Each window that holds work, with the work in its order."""
    events = []
    for slot in program.slots:
        if slot.window is None or not slot.works:
            continue
        works = [program.work(id) for id in slot.works]
        lines = [
            f"{number}. {title_of(work)} in {work.cluster}, {lasts(work.estimate_seconds)}"
            for number, work in enumerate(works, start=1)
        ]
        notice = "; ".join(dict.fromkeys(impact.text for work in works for impact in work.impacts))
        names = list(dict.fromkeys(work.component for work in works))
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        events.append(
            Event(
                uid=uid_of(program.platform, "program", slot.environment, slot.name, slot.window.opens_at),
                summary=f"Maintenance ({slot.environment}): {', '.join(names[:3])}{more}",
                span_ms=(slot.window.opens_ms, slot.window.closes_ms),
                description="\n".join([*lines, f"People may notice: {notice}", f"Programme {program.digest[:19]}"]),
                categories=("maintenance", slot.environment),
                status="TENTATIVE",
                busy=False,
            )
        )
    return write_calendar(events, f"Maintenance of {program.platform}", stamp_ms)
