"""Dates and states of the schedule's tasks. Calendar arithmetic is in the platform's zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from msgspec import Struct

from shipkeeper.assessment.due.evidence import look
from shipkeeper.assessment.due.facts import NodeDone
from shipkeeper.knowledge.cadence import PERIODIC, Word, day_start, due_after, recurs
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import PlanWindow
from shipkeeper.model.platform import Platform
from shipkeeper.model.schedule import DueItem, Task
from shipkeeper.model.time import DAY, iso, moment, parse_instant
from shipkeeper.semantics.control_plane import is_control_plane

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


class _Done(Struct, frozen=True):
    """When a task was last done, and how that is known. None: it is not known."""

    at_ms: int | None
    text: str = ""


def due(
    platform: Platform,
    schedule: Sequence[Task],
    journal_facts: Sequence[NodeDone],
    inventory: Inventory | None,
    now_ms: int,
    windows: Sequence[PlanWindow] = (),
) -> tuple[DueItem, ...]:
    """Every task of the schedule with its dates, in the schedule's order.

    ``windows`` are the agreed windows of about the next year, earliest first: a task that needs one is due in the one
    that fits its date. Raises BadInput for a cadence that is not understood.
    """
    return tuple(_item(platform, task, journal_facts, inventory, now_ms, windows) for task in schedule)


def _item(
    platform: Platform,
    task: Task,
    facts: Sequence[NodeDone],
    inventory: Inventory | None,
    now_ms: int,
    windows: Sequence[PlanWindow],
) -> DueItem:
    words = recurs(task)
    done = _last_done(platform, task, facts, inventory)
    seen = look(task.id, task.action, inventory, now_ms)
    periodic = [word for word in words if word in PERIODIC]
    applies = seen.applies or done.at_ms is not None
    next_ms = None
    if periodic and done.at_ms is not None:
        word = min(periodic, key=lambda word: (due_after(done.at_ms or 0, word, platform.zone), word))
        next_ms, state, reason = _by_date(task, done.at_ms, word, now_ms, windows, platform.zone)
    elif applies:
        state, reason = _without_date(words, done, bool(periodic))
    else:
        state, reason = "ok", ""
    if seen.wants and state in ("ok", "unknown"):
        state = "due"
    return DueItem(
        id=task.id,
        task=task.task,
        level=task.level,
        cadence=task.cadence,
        needs_window=task.needs_window,
        impact=task.impact,
        last_done="" if done.at_ms is None else iso(done.at_ms, platform.zone),
        next_due="" if next_ms is None else iso(next_ms, platform.zone),
        state=state,
        reason="; ".join(part for part in (reason, done.text, seen.text, _unread(words)) if part),
        owner=task.owner or _owner(platform, task),
    )


def _by_date(
    task: Task, done_ms: int, word: Word, now_ms: int, windows: Sequence[PlanWindow], zone: str
) -> tuple[int, str, str]:
    """(next date, state, reason). A task is overdue once the day of its date, or of its window's end, is over."""
    date_ms = due_after(done_ms, word, zone)
    tied = needs_window(task)
    window = _fitting(done_ms, date_ms, word, windows) if tied else None
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


def _fitting(done_ms: int, date_ms: int, word: Word, windows: Sequence[PlanWindow]) -> PlanWindow | None:
    """The last window that opens in the second half of the period, or not much after its end."""
    middle, latest = (done_ms + date_ms) // 2, date_ms + LEAD_MS[word]
    fitting = [window for window in windows if middle <= window.opens_ms <= latest]
    return fitting[-1] if fitting else None


def _without_date(words: Sequence[Word], done: _Done, periodic: bool) -> tuple[str, str]:
    """State and reason where no next date can be told."""
    if periodic:
        known = "runs by itself, and whether it did is not recorded" if "automatic" in words else ""
        return "unknown", known or ("" if done.text else "nobody has recorded when it was last done")
    if "as released" in words:
        return "unknown", "whether a newer release waits is not known"
    if "on advisory" in words:
        return "unknown", "whether an advisory asks for it is not known"
    return "ok", "done when somebody needs it" if "as needed" in words else "runs by itself"


def _unread(words: Sequence[Word]) -> str:
    return "advisories are not read" if "on advisory" in words and any(w in PERIODIC for w in words) else ""


def needs_window(task: Task) -> bool:
    """Whether a task is tied to a window, by what its row says."""
    said = task.needs_window.strip().lower()
    return not (said in ("", "no", "false", "-", "–") or said.startswith("none"))


def _last_done(platform: Platform, task: Task, facts: Sequence[NodeDone], inventory: Inventory | None) -> _Done:
    """The later of what the platform file declares and what the journal proves."""
    said = platform.done.get(task.id)
    declared = None if said is None else _declared(said, platform.zone)
    if task.action != "nodes" or not facts:
        return _Done(declared)
    proven, text = _nodes_done(facts, inventory)
    if proven is None or (declared is not None and declared >= proven):
        return _Done(declared, text)
    return _Done(proven, text)


def _declared(text: str, zone: str) -> int:
    """A date counts from the beginning of its day in the platform's zone."""
    if len(text) == len("2026-01-01"):
        return day_start(date.fromisoformat(text), zone)
    return parse_instant(text)


def _nodes_done(facts: Sequence[NodeDone], inventory: Inventory | None) -> tuple[int | None, str]:
    """When every worker had been gone through, and how many were since. Without an inventory: the last run's end."""
    newest: dict[tuple[str, str], NodeDone] = {}
    for fact in sorted(facts, key=lambda f: (f.at_ms, f.run, f.node)):
        newest[fact.node, fact.uid] = fact
    last = max(newest.values(), key=lambda f: (f.at_ms, f.node))
    if inventory is None or not inventory.nodes:
        of_run = sum(1 for fact in newest.values() if fact.run == last.run)
        return last.at_ms, f"{last.run} maintained {of_run} nodes"
    known = inventory.identity.uid
    workers = [node for node in inventory.nodes if not is_control_plane(node, inventory.pods.on_node(node.name))]
    found = (newest.get((node.name, node.uid)) for node in workers)
    here = [done for done in found if done is not None and done.cluster in ("", known)]
    if not here:
        return None, ""
    last = max(here, key=lambda f: (f.at_ms, f.node))
    if len(here) < len(workers):
        return None, f"{len(here)} of {len(workers)} workers maintained, last by {last.run}"
    return min(done.at_ms for done in here), f"all {len(workers)} workers maintained, last by {last.run}"


def _owner(platform: Platform, task: Task) -> str:
    """Who owns the component that the task's name begins with, by the platform file's scope."""
    name = task.task.lower()
    for scope in platform.scope:
        if scope.owner and name.startswith(scope.component.lower()):
            return scope.owner
    return ""
