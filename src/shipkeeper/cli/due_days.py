"""``due`` as a calendar, and its end-of-life chart in a file."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from shipkeeper.app.due import DueList
from shipkeeper.app.state import write_atomically
from shipkeeper.assessment.due.calendar import by_month, often, weekday
from shipkeeper.cli.columns import say, show_columns
from shipkeeper.cli.output import hint, markdown_table
from shipkeeper.evidence.lifeline_svg import draw_lifelines
from shipkeeper.model.errors import UsageProblem
from shipkeeper.model.time import moment

if TYPE_CHECKING:
    from rich.console import Console

_HEADS = ["DAY", "", "WHAT"]


def draw_days(console: Console, found: DueList, head: str, zone: str, at_ms: int) -> None:
    """Month by month; what recurs daily or weekly is said once."""
    say(console, "", head)
    for item in often(found.items):
        say(console, f"{item.recurs}  ", f"{item.task} ({item.state})")
    for month, entries in by_month(found.calendar).items():
        console.print()
        say(console, "", month, style="bold")
        rows = [[weekday(entry, zone), entry.kind, entry.text] for entry in entries]
        show_columns(console, _HEADS, rows, whole=(0, 1))


def days_markdown(found: DueList, head: str, zone: str, at_ms: int) -> str:
    """The same as Markdown, a table a month."""
    lines = ["# Calendar", "", head]
    lines += [f"\n{item.recurs}: {item.task} ({item.state})" for item in often(found.items)]
    for month, entries in by_month(found.calendar).items():
        rows = [[weekday(entry, zone), entry.kind, entry.text] for entry in entries]
        lines += ["", f"## {month}", "", markdown_table(["Day", "Kind", "What"], rows)]
    return "\n".join(lines)


def save_chart(found: DueList, path: str, zone: str, at_ms: int) -> None:
    """Write the end-of-life chart. Raises UsageProblem when the file cannot be written."""
    today = moment(at_ms, zone).date()
    opens = [moment(window.opens_ms, zone).date() for window in found.windows]
    opens += [moment_day for entry in found.calendar if entry.kind == "window" and (moment_day := _day(entry.day))]
    try:
        write_atomically(
            Path(path),
            draw_lifelines(found.lifelines, today, sorted(set(opens)), found.cluster or "this platform").encode(),
            mode=0o644,
        )
    except OSError as error:
        raise UsageProblem(f"the chart cannot be written to {path}: {error.strerror}") from error
    hint(f"chart written: {path}")


def _day(text: str) -> date:
    return date.fromisoformat(text)
