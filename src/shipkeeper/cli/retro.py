"""``shipkeeper retro``: look back at a run, and put on record what people said and decided."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shipkeeper.app.clock import now_ms
from shipkeeper.app.logbook import Logbook
from shipkeeper.app.platform_file import load_platform
from shipkeeper.app.retro import Looked, Said, hold, looked_back, retrospective
from shipkeeper.app.state import State
from shipkeeper.cli.columns import say, show_columns
from shipkeeper.cli.options import given, output_option, platform_option, state_option
from shipkeeper.cli.output import emit, hint, markdown_table
from shipkeeper.evidence.html import retro_html, sign
from shipkeeper.evidence.retro import Proposal, Retro
from shipkeeper.evidence.retro_markdown import retro_markdown
from shipkeeper.evidence.words import day_and_clock
from shipkeeper.model.errors import UsageProblem
from shipkeeper.model.time import parse_instant
from shipkeeper.model.words import count

if TYPE_CHECKING:
    from rich.console import Console

_HEADERS = ["RUN", "OUTCOME", "ENDED", "LOOKED BACK", "BY", "OPEN ACTIONS"]


@click.command("retro")
@click.argument("run", required=False, default="")
@click.option("--record", "recording", is_flag=True, help="Put a retrospective on record.")
@click.option("--by", default="", metavar="NAME", help="Who records it.")
@click.option("--present", multiple=True, metavar="NAME", help="Who took part; repeat.")
@click.option("--went-well", multiple=True, metavar="TEXT", help="What went well; repeat.")
@click.option("--improve", multiple=True, metavar="TEXT", help="What is to improve; repeat.")
@click.option("--action", multiple=True, metavar="'TEXT; OWNER; DATE'", help="What is done about it; repeat.")
@click.option("--zone", default="", metavar="ZONE", help="The reader's time zone (IANA name); else the window's.")
@click.option("--forecast", default="", metavar="FILE", help="The forecast it ran with; else the one kept in state.")
@platform_option
@state_option
@output_option("html")
def command(
    run: str,
    recording: bool,
    by: str,
    present: tuple[str, ...],
    went_well: tuple[str, ...],
    improve: tuple[str, ...],
    action: tuple[str, ...],
    zone: str,
    forecast: str,
    platform: str | None,
    state: str | None,
    output: str,
) -> None:
    """Look back at a run: predicted against actual, what held it, what workloads felt, and three questions.

    With --record what people said goes on record; its actions return in due until they are closed. Without a run:
    which runs the team looked back at.
    """
    known, _ = load_platform(platform, Path.cwd())
    kept = State.open(state)
    logbook = Logbook.of(kept, known)
    if not recording and (by or present or went_well or improve or action):
        raise UsageProblem("these words belong to a record", hint="add --record")
    if not run:
        if recording:
            raise UsageProblem("say which run was looked back at", hint="list them: shipkeeper retro")
        _list(looked_back(kept, logbook, known.zone), known.zone, output)
        return
    if recording:
        said = Said(by=by, present=present, went_well=went_well, to_improve=improve, actions=action)
        held, actions = hold(kept, known, logbook, run, said, now_ms())
        told = f"; see them: shipkeeper actions{given('platform', 'state')}" if actions else ""
        hint(f"On record for {held.run}, with {count(len(actions), 'action')}{told}")
    found = retrospective(kept, known, run, now_ms(), zone=zone, forecast_path=forecast)
    if output == "html":
        click.echo(retro_html(found))
        return
    emit("Retrospective", found, output, lambda console: _draw(console, found), lambda: retro_markdown(found))


def _list(found: tuple[Looked, ...], zone: str, output: str) -> None:
    rows = [_cells(row, zone) for row in found]

    def table(console: Console) -> None:
        if not rows:
            console.print("no run is over yet")
            return
        show_columns(console, _HEADERS, rows, whole=(0, 1), right=(5,))
        open_ones = [row.run for row in found if not row.held_by]
        if open_ones:
            say(console, "", f"Next: shipkeeper retro {open_ones[0]}{given('platform', 'state')}")

    heads = [head.capitalize() for head in _HEADERS]
    emit("Retrospectives", {"items": found}, output, table, lambda: markdown_table(heads, rows))


def _cells(row: Looked, zone: str) -> list[str]:
    ended = day_and_clock(parse_instant(row.ended_at), zone) if row.ended_at else "–"
    return [row.run, row.outcome, ended, row.held_at or "not yet", row.held_by or "–", str(row.actions_open)]


def _draw(console: Console, found: Retro) -> None:
    say(console, f"{sign(found.outcome)} ", f"{found.title}. {found.sentence}")
    console.print()
    rows = [[row.what, row.predicted, row.actual, row.within] for row in found.compared]
    show_columns(console, ["", "PREDICTED", "ACTUAL", "AS PREDICTED"], rows, whole=(0, 2))
    console.print()
    if found.recorded is not None:
        _recorded(console, found)
        return
    for title, lines in zip(found.questions, (found.went_well, found.to_improve), strict=False):
        say(console, "", title, style="bold")
        for line in lines or ("nothing that the record knows of",):
            say(console, "  - ", line)
    say(console, "", found.questions[2], style="bold")
    for one in found.proposals:
        say(console, "  - ", one.text + (f" ({one.owner})" if one.owner else ""))
    console.print()
    console.print(_next(found), markup=False, soft_wrap=True)


def _recorded(console: Console, found: Retro) -> None:
    record = found.recorded
    if record is None:
        return
    present = f", with {', '.join(record.present)}" if record.present else ""
    say(console, "", f"On record, by {record.by}{present}", style="bold")
    for title, lines in (("went well", record.went_well), ("to improve", record.to_improve)):
        for line in lines:
            say(console, f"  {title:<11} ", line)
    for row in record.actions:
        say(console, f"  {row.id:<11} ", f"{row.text} ({row.owner}, by {row.due_on})")


def _next(found: Retro) -> str:
    """The command that puts it on record, with the first proposal in it."""
    first = found.proposals[0] if found.proposals else Proposal(text="TEXT")
    action = f"{first.text}; {first.owner or 'OWNER'}; {first.due_on or 'DATE'}"
    return (
        f"Next: shipkeeper retro {found.run} --record --by NAME --present NAME --went-well TEXT --improve TEXT"
        f" --action {shlex.quote(action)}{given('platform', 'state')}"
    )
