"""``shipkeeper people``: who has carried out what, and what only one person knows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from shipkeeper.app.logbook import Logbook
from shipkeeper.app.platform_file import load_platform
from shipkeeper.app.state import State
from shipkeeper.app.work import who_did_what
from shipkeeper.assessment.hands import ENOUGH, Hand, Skill
from shipkeeper.cli.columns import say, show_columns
from shipkeeper.cli.options import given, output_option, platform_option, state_option
from shipkeeper.cli.output import emit, markdown_table

if TYPE_CHECKING:
    from rich.console import Console

_HEADERS = ["RUNBOOK", "COMPONENT", "STATE", "LAST", "BY"]
_STYLES = {"one person": "bold red", "nobody": "yellow", "enough": ""}
_THIN = 3


@click.command("people")
@click.option("--exit-code", is_flag=True, help=f"Exit with {_THIN} when only one person knows something.")
@platform_option
@state_option
@output_option()
@click.pass_context
def command(ctx: click.Context, exit_code: bool, platform: str | None, state: str | None, output: str) -> None:
    """Who has carried out what, and when last; what only one person knows is named, and what nobody has done yet.

    From the runs of the journal, and from work put on record. Approving a run is not doing it.
    """
    known, _ = load_platform(platform, Path.cwd())
    kept = State.open(state)
    found = who_did_what(known, kept, Logbook.of(kept, known))
    emit("People", {"items": found}, output, lambda console: _draw(console, found), lambda: _markdown(found))
    if exit_code and any(skill.state == "one person" for skill in found):
        ctx.exit(_THIN)


def _draw(console: Console, found: tuple[Skill, ...]) -> None:
    done = [skill for skill in found if skill.hands]
    if done:
        rows = [_cells(skill) for skill in done]
        styles = {(i, 2): _STYLES[skill.state] for i, skill in enumerate(done)}
        show_columns(console, _HEADERS, rows, whole=(0, 1, 2, 3), last_below=True, styles=styles)
        console.print()
    thin = [skill for skill in found if skill.state == "one person"]
    for skill in thin:
        only = next(hand.name for hand in skill.hands if hand.counts)
        say(
            console, "! ", f"only {only} has done {skill.title} on {skill.component}: let somebody else do the next one"
        )
    never = [skill.runbook for skill in found if skill.state == "nobody"]
    if never:
        say(console, "? ", f"nobody is on record for {', '.join(never)}")
        words = f"Next: shipkeeper record {never[0]} --by NAME --on DATE{given('platform', 'state')}"
        console.print(words, markup=False, soft_wrap=True)
    if not thin and not never:
        say(console, "", f"Everything was done by at least {ENOUGH} people.")


def _cells(skill: Skill) -> list[str]:
    return [skill.runbook, skill.component, skill.state, skill.last, "; ".join(_words(hand) for hand in skill.hands)]


def _words(hand: Hand) -> str:
    parts = []
    if hand.times:
        parts.append(f"{hand.times}×, last {hand.last}")
    if hand.approved:
        parts.append(f"approved {hand.approved}×")
    if hand.remark and hand.remark != "approved only":
        parts.append(hand.remark)
    return f"{hand.name} ({', '.join(parts)})"


def _markdown(found: tuple[Skill, ...]) -> str:
    rows = [_cells(skill) for skill in found]
    return markdown_table([head.capitalize() for head in _HEADERS], rows)
