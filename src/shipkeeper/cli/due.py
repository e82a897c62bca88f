"""``shipkeeper due``: what must be done by when, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from shipkeeper.app.clock import now_ms
from shipkeeper.app.due import journal_facts, list_due
from shipkeeper.app.knowledge import knowledge_of
from shipkeeper.app.logbook import Logbook
from shipkeeper.app.platform_file import load_platform
from shipkeeper.app.sources import source_of
from shipkeeper.app.state import State
from shipkeeper.app.survey import read_inventory
from shipkeeper.cli.due_days import days_markdown, draw_days, save_chart
from shipkeeper.cli.due_screen import draw, headline, markdown
from shipkeeper.cli.options import output_option, platform_option, source_options, state_option
from shipkeeper.cli.output import emit, hint
from shipkeeper.evidence.due_ics import due_ics
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.time import parse_instant

if TYPE_CHECKING:
    pass

WORK_DUE = 3


@click.command("due")
@source_options
@platform_option
@click.option("--cluster", default="", metavar="NAME", help="The cluster's entry in the platform file.")
@click.option("--at", metavar="TIME", help="Answer as of this time (RFC 3339) instead of now.")
@click.option("--calendar", "by_day", is_flag=True, help="Show the coming twelve months, day by day.")
@click.option("--svg", metavar="FILE", help="Draw until when what runs is supported.")
@click.option("--exit-code", is_flag=True, help="Exit with 3 when something is due or overdue.")
@state_option
@output_option("ics")
def command(
    from_path: str | None,
    context: str | None,
    kubeconfig: str | None,
    platform: str | None,
    cluster: str,
    at: str | None,
    by_day: bool,
    svg: str | None,
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
    kept = State.open(state)
    found = list_due(
        said,
        inventory,
        journal_facts(kept),
        moment_ms,
        book=[item.event for item in Logbook.of(kept, said).read()],
        knowledge=knowledge_of(kept, said, platform, Path.cwd()),
        cluster=cluster,
        context=context or "",
    )
    for line in found.unknown:
        hint(f"unknown: {line}")
    head = headline(found, inventory, said.zone, moment_ms)
    if svg:
        save_chart(found, svg, said.zone, moment_ms)
    if output == "ics":
        click.echo(due_ics(found.cluster or said.name, found.items, found.calendar, said.zone, moment_ms), nl=False)
        return
    emit(
        "DueList",
        found,
        output,
        lambda console: (draw_days if by_day else draw)(console, found, head, said.zone, moment_ms),
        lambda: (days_markdown if by_day else markdown)(found, head, said.zone, moment_ms),
    )
    if exit_code and any(item.state in ("due", "overdue") for item in found.items):
        click.get_current_context().exit(WORK_DUE)
