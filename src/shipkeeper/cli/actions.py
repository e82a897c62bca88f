"""``shipkeeper actions``: what people decided to improve: list, open, close."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from shipkeeper.app.actions import Action, all_actions, close_action, open_action
from shipkeeper.app.clock import now_ms
from shipkeeper.app.logbook import Logbook
from shipkeeper.app.platform_file import load_platform
from shipkeeper.app.state import State
from shipkeeper.cli.columns import say, show_columns
from shipkeeper.cli.options import given, output_option, platform_option, state_option
from shipkeeper.cli.output import emit, markdown_table

if TYPE_CHECKING:
    from rich.console import Console

_HEADERS = ["ID", "STATE", "DUE", "OWNER", "FROM", "WHAT"]
_STYLES = {"overdue": "bold red", "open": "yellow"}


@click.group("actions", invoke_without_command=True)
@click.option("--all", "everything", is_flag=True, help="Closed ones too.")
@platform_option
@state_option
@output_option()
@click.pass_context
def command(ctx: click.Context, everything: bool, platform: str | None, state: str | None, output: str) -> None:
    """What people decided to improve: list, open, close. Open actions return in due."""
    if ctx.invoked_subcommand is not None:
        return
    known, _ = load_platform(platform, Path.cwd())
    found = all_actions(Logbook.of(State.open(state), known), known.zone, now_ms())
    shown = [action for action in found if everything or action.state in ("open", "overdue")]
    rows = [_cells(action) for action in shown]
    heads = [head.capitalize() for head in _HEADERS]
    emit(
        "Actions", {"items": shown}, output, lambda console: _table(console, shown), lambda: markdown_table(heads, rows)
    )


@command.command("open")
@click.argument("text")
@click.option("--owner", required=True, metavar="NAME", help="Who does it.")
@click.option("--due", required=True, metavar="DATE", help="By when (YYYY-MM-DD).")
@click.option("--by", required=True, metavar="NAME", help="Who decided it.")
@click.option("--run", default="", metavar="RUN", help="The run that it came from.")
@platform_option
@state_option
@output_option()
def opens(
    text: str, owner: str, due: str, by: str, run: str, platform: str | None, state: str | None, output: str
) -> None:
    """Put an action on record: what, who does it, by when."""
    known, _ = load_platform(platform, Path.cwd())
    logbook = Logbook.of(State.open(state), known)
    made = open_action(known, logbook, text, owner=owner, due_on=due, by=by, now_ms=now_ms(), run=run)
    _show(f"{made.id}: {made.text} ({made.owner}, by {made.due_on})", made.id, known.zone, logbook, output)


@command.command("close")
@click.argument("action")
@click.option("--by", required=True, metavar="NAME", help="Who says so.")
@click.option("--dropped", is_flag=True, help="It will not be done; needs --note.")
@click.option("--note", default="", metavar="TEXT", help="What was done, or why it is dropped.")
@platform_option
@state_option
@output_option()
def close(action: str, by: str, dropped: bool, note: str, platform: str | None, state: str | None, output: str) -> None:
    """Put on record that an action is done, or dropped for a reason."""
    known, _ = load_platform(platform, Path.cwd())
    logbook = Logbook.of(State.open(state), known)
    made = close_action(known, logbook, action, by=by, now_ms=now_ms(), dropped=dropped, note=note)
    _show(f"{made.id} is {made.state}", made.id, known.zone, logbook, output)


def _show(words: str, id: str, zone: str, logbook: Logbook, output: str) -> None:
    found = next(action for action in all_actions(logbook, zone, now_ms()) if action.id == id)
    heads = [head.capitalize() for head in _HEADERS]
    emit(
        "Action",
        found,
        output,
        lambda console: say(console, "✓ ", words),
        lambda: markdown_table(heads, [_cells(found)]),
    )


def _table(console: Console, shown: list[Action]) -> None:
    if not shown:
        console.print("no action is open")
        return
    styles = {(i, 1): _STYLES.get(action.state, "") for i, action in enumerate(shown)}
    show_columns(console, _HEADERS, [_cells(one) for one in shown], whole=(0, 1, 2), last_below=True, styles=styles)
    if shown[0].state in ("open", "overdue"):
        words = f"Next: shipkeeper actions close {shown[0].id} --by NAME --note TEXT{given('platform', 'state')}"
        console.print(words, markup=False, soft_wrap=True)


def _cells(action: Action) -> list[str]:
    state = action.state.upper() if action.state == "overdue" else action.state
    ended = f" ({action.state} by {action.closed_by}{': ' + action.note if action.note else ''})"
    text = action.text + (ended if action.closed_by else "")
    return [action.id, state, action.due_on, action.owner, action.run or action.opened_by, text]
