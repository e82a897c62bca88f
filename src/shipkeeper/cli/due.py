"""``shipkeeper due``: what must be done by when, and why."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shipkeeper.app.due import DueList, journal_facts, list_due
from shipkeeper.app.platform_file import load_platform
from shipkeeper.app.propose import now_ms
from shipkeeper.app.sources import source_of
from shipkeeper.app.state import State
from shipkeeper.app.survey import read_inventory
from shipkeeper.cli.columns import say, show_columns
from shipkeeper.cli.options import output_option, platform_option, source_options, state_option
from shipkeeper.cli.output import emit, hint, markdown_table
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.schedule import DueItem
from shipkeeper.model.time import DAY, format_duration, moment, parse_instant

if TYPE_CHECKING:
    from rich.console import Console

WORK_DUE = 3
_HEADERS = ["TASK", "LEVEL", "CADENCE", "WINDOW", "LAST", "NEXT DUE", "STATE", "WHY"]
_STATE = 6
_ROOMY = 100
"""From this width on a task's name stays on one line."""
_STYLES = {"overdue": "bold red", "due": "yellow", "unknown": "magenta", "ok": ""}


@click.command("due")
@source_options
@platform_option
@click.option("--cluster", default="", metavar="NAME", help="The cluster's entry in the platform file.")
@click.option("--at", metavar="TIME", help="Answer as of this time (RFC 3339) instead of now.")
@click.option("--exit-code", is_flag=True, help="Exit with 3 when something is due or overdue.")
@state_option
@output_option()
def command(
    from_path: str | None,
    context: str | None,
    kubeconfig: str | None,
    platform: str | None,
    cluster: str,
    at: str | None,
    exit_code: bool,
    state: str | None,
    output: str,
) -> None:
    """Tell what must be done by when and why: the schedule, with what was done, is due, and is overdue.

    A source is not needed; with one, the answer says what the cluster itself shows.
    """
    said, assumed = load_platform(platform, Path.cwd())
    for line in assumed:
        hint(line)
    inventory: Inventory | None = None
    if from_path or context or kubeconfig:
        inventory = read_inventory(source_of(from_path, context, kubeconfig))
    moment_ms = parse_instant(at) if at else now_ms()
    found = list_due(
        said, inventory, journal_facts(State.open(state)), moment_ms, cluster=cluster, context=context or ""
    )
    head = _head(found, inventory, said.zone, moment_ms)
    emit(
        "DueList",
        found,
        output,
        lambda console: _draw(console, found, head, said.zone, moment_ms),
        lambda: _markdown(found, head, said.zone, moment_ms),
    )
    if exit_code and any(item.state in ("due", "overdue") for item in found.items):
        click.get_current_context().exit(WORK_DUE)


def _head(found: DueList, inventory: Inventory | None, zone: str, at_ms: int) -> str:
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


def _draw(console: Console, found: DueList, head: str, zone: str, at_ms: int) -> None:
    say(console, "", head)
    console.print()
    rows = [_cells(item, zone, at_ms) for item in found.items]
    styles = {(i, _STATE): _STYLES[item.state] for i, item in enumerate(found.items)}
    whole = (0, 4, 5, _STATE) if console.width >= _ROOMY else (4, 5, _STATE)
    show_columns(console, _HEADERS, rows, whole=whole, last_below=True, styles=styles)
    console.print()
    say(console, "", _summary(found))


def _cells(item: DueItem, zone: str, at_ms: int) -> list[str]:
    return [
        item.task,
        item.level,
        item.cadence,
        item.needs_window,
        _day(item.last_done, zone, at_ms) or "unknown",
        _day(item.next_due, zone, at_ms) or "–",
        item.state.upper() if item.state in ("overdue", "unknown") else item.state,
        item.reason,
    ]


def _day(text: str, zone: str, at_ms: int) -> str:
    """A date as a person says it: today, tomorrow, 4 Nov, 4 Nov 2025."""
    if not text:
        return ""
    day, today = moment(parse_instant(text), zone).date(), moment(at_ms, zone).date()
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
    nodes = next((item for item in found.items if item.id == "node-os"), None)
    if nodes is not None and nodes.state in ("due", "overdue"):
        return f"{told}.  Next: shipkeeper check, then shipkeeper plan nodes"
    return f"{told}."


def _markdown(found: DueList, head: str, zone: str, at_ms: int) -> str:
    rows = [_cells(item, zone, at_ms) for item in found.items]
    titles = [title.capitalize() for title in _HEADERS]
    return "\n".join(["# Due", "", head, "", markdown_table(titles, rows), "", _summary(found)])
