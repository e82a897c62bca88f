"""``windows list`` for people: a row a day, a column an environment."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from shipkeeper.assessment.utilisation import WindowUse
from shipkeeper.cli.columns import say, show_columns
from shipkeeper.cli.output import markdown_table
from shipkeeper.evidence.calendar import Calendar, FreezeView, WindowView
from shipkeeper.model.time import format_seconds, moment, parse_instant
from shipkeeper.model.words import count

if TYPE_CHECKING:
    from rich.console import Console

_Row = tuple[int, str, dict[str, str]]
"""(when, the day in words, what by environment)"""


def draw_calendar(console: Console, found: Calendar) -> None:
    """The table, then what is in the way."""
    heads, rows = _table(found)
    if rows:
        show_columns(console, heads, rows, whole=(0,))
    else:
        say(console, "", "no window opens any more")
    notes = _notes(found)
    if notes:
        console.print()
    for mark, note, command in notes:
        say(console, mark, note)
        if command:
            console.print(f"  $ {command}", markup=False, soft_wrap=True)


def markdown_calendar(found: Calendar) -> str:
    """The same as Markdown."""
    heads, rows = _table(found)
    lines = [f"# Windows of {found.platform}", "", markdown_table([head.lower() for head in heads], rows)]
    notes = _notes(found)
    if notes:
        lines += ["", *(f"- {note}" + (f": `{command}`" if command else "") for _, note, command in notes)]
    return "\n".join(lines)


def _table(found: Calendar) -> tuple[list[str], list[list[str]]]:
    rows: list[_Row] = [*map(_window_row, found.windows)]
    rows += [_freeze_row(found, freeze) for freeze in found.freezes]
    days: dict[str, dict[str, str]] = {}
    for holiday in found.holidays:
        days.setdefault(holiday.day, {})[holiday.environment] = f"holiday: {holiday.name}"
    for day, cells in days.items():
        rows.append((_midnight(day), date.fromisoformat(day).strftime("%a %-d %b %Y"), cells))
    rows.sort(key=lambda row: row[0])
    heads = ["WHEN", *(name.upper() for name in found.environments)]
    return heads, [[when, *(cells.get(name, "–") for name in found.environments)] for _, when, cells in rows]


def _midnight(day: str) -> int:
    return parse_instant(f"{day}T00:00:00Z")


def _window_row(view: WindowView) -> _Row:
    span = view.span
    opens, closes = moment(span.opens_ms, view.zone), moment(span.closes_ms, view.zone)
    ends = closes.strftime("%H:%M") if (closes - opens).days < 1 else closes.strftime("%a %-d %b %H:%M")
    parts = [f"{view.window} {opens:%H:%M}–{ends} {view.zone}"]
    if view.content:
        parts[0] += f", for {', '.join(view.content)}"
    parts.append(view.agreement.text)
    if view.frozen:
        parts.append(f"frozen: {', '.join(view.frozen)}")
    if view.skew is not None:
        parts.append(f"{count(view.skew.working_days, 'working day')} after {view.skew.after}")
    parts += [f"planned: {work.name} ({work.state}, {format_seconds(work.seconds)})" for work in view.planned]
    return span.opens_ms, opens.strftime("%a %-d %b %Y"), {view.environment: "\n".join(parts)}


def _freeze_row(found: Calendar, view: FreezeView) -> _Row:
    begins_ms, ends_ms = parse_instant(view.begins_at), parse_instant(view.ends_at)
    first, last = moment(begins_ms, view.zone), moment(ends_ms - 1, view.zone)
    until = f"{last:%a %-d %b %Y}" + ("" if view.last_day else f" {moment(ends_ms, view.zone):%H:%M}")
    text = f"freeze {view.name} until {until}"
    if view.reason:
        text += f": {view.reason}"
    text += f"; {', '.join(view.allows)} allowed" if view.allows else ""
    names = [view.environment] if view.environment else list(found.environments)
    return begins_ms, first.strftime("%a %-d %b %Y"), dict.fromkeys(names, text)


def _notes(found: Calendar) -> list[tuple[str, str, str]]:
    """(mark, text, command) of what a person should do something about; the agreement of a window once, for its first
    opening without one.
    """
    first: dict[tuple[str, str], WindowView] = {}
    for view in found.windows:
        if view.agreement.state != "agreed":
            first.setdefault((view.environment, view.window), view)
    notes = [("! ", *_not_agreed(view)) for view in first.values()]
    notes += [("! ", _too_soon(view), "") for view in found.windows if view.skew is not None and not view.skew.enough]
    return notes + [("? ", text, "") for text in found.unknown]


def _not_agreed(view: WindowView) -> tuple[str, str]:
    return (
        f"{view.environment}/{view.window} of {view.opens_at[:10]}: {view.agreement.text}; once they agreed",
        f"shipkeeper windows agree {view.window} --environment {view.environment} --by WHO",
    )


def _too_soon(view: WindowView) -> str:
    assert view.skew is not None, "asked only where there is one"
    return (
        f"{view.environment}/{view.window} of {view.opens_at[:10]} opens {view.skew.working_days} working days after "
        f"{view.skew.after} closes, and {view.skew.wanted} are wanted: what is done there cannot follow here in time"
    )


def use_cells(item: WindowUse) -> list[str]:
    """One past opening as a row."""
    opened = moment(parse_instant(item.opens_at), item.zone).strftime("%a %-d %b %Y %H:%M")
    what = [*item.runs, *(f"{work} (recorded, no times)" for work in item.recorded)]
    if item.left:
        what.append(f"left over: {', '.join(item.left)}")
    return [
        f"{item.environment}/{item.window}",
        opened,
        _spent(item.planned_seconds),
        _spent(item.used_seconds),
        f"{item.share:.0%}" if item.runs else "–",
        _spent(item.overrun_seconds),
        str(item.nodes) if item.runs else "–",
        "; ".join(what) or "nothing on record",
    ]


def _spent(seconds: float) -> str:
    return format_seconds(seconds) if seconds else "–"
