"""The calendars as iCalendar entries. The same thing has the same UID in every export."""

from __future__ import annotations

from datetime import date

from shipkeeper.evidence.calendar import Calendar, FreezeView, HolidayView, WindowView
from shipkeeper.evidence.ics import Event, uid_of, write_calendar
from shipkeeper.model.time import format_seconds, iso, moment, parse_instant
from shipkeeper.model.words import count


def calendar_ics(found: Calendar, stamp_ms: int) -> str:
    """Windows, freezes (all-day where they are whole days) and holidays, as one calendar file."""
    events = [_window(found, view) for view in found.windows]
    events += [_freeze(found, view) for view in found.freezes]
    events += [_holiday(found, view) for view in found.holidays]
    return write_calendar(events, f"Maintenance of {found.platform}", stamp_ms)


def _window(found: Calendar, view: WindowView) -> Event:
    agreed = view.agreement.state == "agreed"
    title = f"Maintenance window: {view.environment} {view.window}"
    if view.frozen:
        title += f" (frozen: {', '.join(view.frozen)})"
    elif not agreed:
        title += " (not agreed)"
    closes = moment(view.span.closes_ms, view.zone)
    lines = [
        f"For: {', '.join(view.content) if view.content else 'everything'}",
        f"Agreement: {view.agreement.text}",
        f"Closes {closes:%Y-%m-%d %H:%M} {view.zone}",
    ]
    if view.frozen:
        lines.append(f"Frozen: {', '.join(view.frozen)}")
    if view.skew is not None:
        lines.append(
            f"{count(view.skew.working_days, 'working day')} after {view.skew.after}, {view.skew.wanted} wanted"
        )
    lines += [f"Planned: {work.name}, {format_seconds(work.seconds)} ({work.digest[:19]})" for work in view.planned]
    return Event(
        uid=uid_of(found.platform, "window", view.environment, view.window, iso(view.span.opens_ms)),
        summary=title,
        span_ms=(view.span.opens_ms, view.span.closes_ms),
        description="\n".join(lines),
        categories=("maintenance", view.environment),
        status="CONFIRMED" if agreed and not view.frozen else "TENTATIVE",
        busy=False,
    )


def _freeze(found: Calendar, view: FreezeView) -> Event:
    where = view.environment or "all environments"
    whole = bool(view.first_day)
    days = (date.fromisoformat(view.first_day), date.fromisoformat(view.last_day)) if whole else None
    lines = [view.reason] if view.reason else []
    lines.append(f"Allowed: {', '.join(view.allows)}" if view.allows else "Nothing is changed.")
    return Event(
        uid=uid_of(found.platform, "freeze", view.environment, view.name, view.begins_at),
        summary=f"Freeze: {view.name} ({where})",
        span_ms=None if whole else (parse_instant(view.begins_at), parse_instant(view.ends_at)),
        days=days,
        description="\n".join(lines),
        categories=("freeze", where),
        busy=False,
    )


def _holiday(found: Calendar, view: HolidayView) -> Event:
    day = date.fromisoformat(view.day)
    return Event(
        uid=uid_of(found.platform, "holiday", view.environment, view.day),
        summary=f"Holiday: {view.name} ({view.environment})",
        days=(day, day),
        categories=("holiday", view.environment),
        busy=False,
    )
