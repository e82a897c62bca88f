"""When periodic work is due: its date, the window that fits, and whether that is past. In the platform's zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from shipkeeper.knowledge.cadence import Word, day_start, due_after
from shipkeeper.model.plan import PlanWindow
from shipkeeper.model.schedule import Task, is_tied
from shipkeeper.model.time import DAY, moment

LEAD_MS: Mapping[Word, int] = {
    "daily": 0,
    "weekly": DAY,
    "monthly": 7 * DAY,
    "quarterly": 14 * DAY,
    "yearly": 30 * DAY,
}
"""How long before its date a task counts as due, and how long after its date a window may still be the right one."""
WINDOW_LEAD_MS = 14 * DAY
"""A task that needs a window counts as due at least this long before: people have to be told."""


def by_date(
    task: Task, done_ms: int, word: Word, now_ms: int, windows: Sequence[PlanWindow], zone: str
) -> tuple[int, str, str]:
    """(next date, state, reason). A task is overdue once the day of its date, or of its window's end, is over."""
    date_ms = due_after(done_ms, word, zone)
    tied = needs_window(task)
    window = fitting(done_ms, date_ms, word, windows) if tied else None
    next_ms, last_ms = (window.opens_ms, window.closes_ms) if window is not None else (date_ms, date_ms)
    day = moment(last_ms, zone).date()
    if now_ms >= day_start(day + timedelta(days=1), zone):
        days = (moment(now_ms, zone).date() - day).days
        return next_ms, "overdue", f"was due {days} day{'s' if days > 1 else ''} ago"
    reason = ""
    if window is not None:
        reason = f"in the window of {moment(window.opens_ms, window.zone).strftime('%a %-d %b %H:%M')}"
    elif tied and windows:
        reason = "no agreed window is near its date"
    lead = max(LEAD_MS[word], WINDOW_LEAD_MS) if tied else LEAD_MS[word]
    return next_ms, "due" if now_ms >= next_ms - lead else "ok", reason


def fitting(done_ms: int, date_ms: int, word: Word, windows: Sequence[PlanWindow]) -> PlanWindow | None:
    """The last window that opens in the second half of the period, or not much after its end."""
    middle, latest = (done_ms + date_ms) // 2, date_ms + LEAD_MS[word]
    fitting = [window for window in windows if middle <= window.opens_ms <= latest]
    return fitting[-1] if fitting else None


def needs_window(task: Task) -> bool:
    """Whether a task is tied to a window, by what its row says."""
    return is_tied(task.needs_window)
