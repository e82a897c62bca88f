"""How ``due`` is shown to people: by level, the gravest reason first."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING

from shipkeeper.app.due import DueList
from shipkeeper.cli.columns import say, show_columns
from shipkeeper.cli.output import markdown_table
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.schedule import LEVELS, DueItem
from shipkeeper.model.time import DAY, format_duration, moment, parse_instant

if TYPE_CHECKING:
    from rich.console import Console

_HEADERS = ["TASK", "CADENCE", "WINDOW", "LAST", "NEXT DUE", "NEEDED BY", "STATE", "WHY"]
_STATE = 6
_ROOMY = 124
"""From this width on a task's name stays on one line."""
_STYLES = {"overdue": "bold red", "due": "yellow", "unknown": "magenta", "ok": ""}


def headline(found: DueList, inventory: Inventory | None, zone: str, at_ms: int) -> str:
    """Which cluster, as of when, and the next window with its agreement."""
    parts = []
    if inventory is not None:
        name = found.cluster or inventory.identity.name or inventory.source.partition(" (")[0].rpartition("/")[2]
        age = max(0, at_ms - inventory.taken_ms)
        parts += [f"{name} ({zone})", f"surveyed {_age(age)} ago"]
    else:
        parts.append(f"no cluster looked at ({zone})")
    if found.windows:
        first = found.windows[0]
        opens = moment(first.opens_ms, first.zone).strftime("%a %-d %b %H:%M")
        closes = moment(first.closes_ms, first.zone).strftime("%H:%M")
        text = f"next window {opens}–{closes} {first.zone}"
        if found.agreed_by:
            text += f" (agreed by {', '.join(found.agreed_by)}"
            text += f" until {found.agreed_until})" if found.agreed_until else ")"
        parts.append(text)
    else:
        parts.append("no agreed window")
    return " · ".join(parts)


def _age(age_ms: int) -> str:
    """Days are enough for what is older than two."""
    return f"{age_ms // DAY} days" if age_ms >= 2 * DAY else format_duration(age_ms)


def draw(console: Console, found: DueList, head: str, zone: str, at_ms: int) -> None:
    """The table, level by level, with what is late said once more at the end."""
    say(console, "", head)
    for level in LEVELS:
        items = [item for item in found.items if item.level == level]
        if not items:
            continue
        console.print()
        say(console, "", level.upper(), style="bold")
        rows = [_cells(item, zone, at_ms) for item in items]
        styles = {(i, _STATE): _STYLES[item.state] for i, item in enumerate(items)}
        whole = (0, 3, 4, 5, _STATE) if console.width >= _ROOMY else (3, 4, 5, _STATE)
        show_columns(console, _HEADERS, rows, whole=whole, last_below=True, styles=styles)
    console.print()
    for item in found.items:
        if item.late:
            say(console, "late  ", f"{item.task}: {_late(item)}", style="bold red")
    say(console, "", _summary(found))


def _late(item: DueItem) -> str:
    return next((part for part in item.reason.split("; ") if " before " in part and "hop" in part), item.reason)


def _cells(item: DueItem, zone: str, at_ms: int) -> list[str]:
    return [
        _name(item),
        item.cadence,
        item.needs_window,
        _day(item.last_done, zone, at_ms) or ("–" if item.cadence == "As released" else "unknown"),
        _day(item.next_due, zone, at_ms) or "–",
        _day(item.needed_by, zone, at_ms) or "–",
        item.state.upper() if item.state in ("overdue", "unknown") else item.state,
        item.reason,
    ]


def _name(item: DueItem) -> str:
    """``Keycloak upgrades 26.1.0 → 26.4.5``."""
    if item.target:
        return f"{item.task} {item.current} → {item.target}"
    return f"{item.task} {item.current}".rstrip()


def _day(text: str, zone: str, at_ms: int) -> str:
    """A date as a person says it: today, tomorrow, 4 Nov, 4 Nov 2025."""
    if not text:
        return ""
    today = moment(at_ms, zone).date()
    day = date.fromisoformat(text) if len(text) == len("2026-01-01") else moment(parse_instant(text), zone).date()
    near = {0: "today", 1: "tomorrow", -1: "yesterday"}.get((day - today) // timedelta(days=1))
    if near:
        return near
    return day.strftime("%-d %b" if day.year == today.year else "%-d %b %Y")


def _summary(found: DueList) -> str:
    counts = Counter(item.state for item in found.items)
    parts = [f"{counts[state]} {state}" for state in ("due", "overdue", "unknown") if counts[state]]
    told = ", ".join(parts) if parts else "nothing is due"
    if any(item.state == "unknown" and "nobody has recorded" in item.reason for item in found.items):
        told += "; a date that nobody recorded goes under `done:` in the platform file"
    if any(item.state in ("due", "overdue") for item in found.items):
        return f"{told}.  Next: shipkeeper plan propose; for the nodes: shipkeeper check, then shipkeeper plan nodes"
    return f"{told}."


def markdown(found: DueList, head: str, zone: str, at_ms: int) -> str:
    """The same as Markdown, a table a level."""
    lines = ["# Due", "", head]
    for level in LEVELS:
        rows = [_cells(item, zone, at_ms) for item in found.items if item.level == level]
        if rows:
            titles = [title.capitalize() for title in _HEADERS]
            lines += ["", f"## {level[0].upper()}{level[1:]}", "", markdown_table(titles, rows)]
    return "\n".join([*lines, "", _summary(found)])
