"""``shipkeeper windows``: when maintenance may happen, who agreed to it, what is planned, how it was used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from shipkeeper.app.clock import now_ms
from shipkeeper.app.platform_file import load_platform
from shipkeeper.app.propose import load_plan
from shipkeeper.app.standing import read_all
from shipkeeper.app.state import State, write_atomically
from shipkeeper.app.window_use import utilisation
from shipkeeper.app.windows import calendar_of
from shipkeeper.assessment.utilisation import Utilisation
from shipkeeper.cli.columns import say, show_columns
from shipkeeper.cli.options import output_option, platform_option, state_option
from shipkeeper.cli.output import emit, hint, markdown_table
from shipkeeper.cli.windows_screen import draw_calendar, markdown_calendar, use_cells
from shipkeeper.cli.windows_words import agree_command, emergency_command, waive_command
from shipkeeper.evidence.calendar_ics import calendar_ics
from shipkeeper.model.errors import UsageProblem
from shipkeeper.model.time import iso, parse_instant
from shipkeeper.ports.gates import GateReading

if TYPE_CHECKING:
    from rich.console import Console

_HELD = 4
_GATE_HEADS = ["GATE", "STATE", "READING"]
_USE_HEADS = ["WINDOW", "OPENED", "PLANNED", "USED", "OF IT", "OVERRUN", "NODES", "RUNS AND RECORDED WORK"]

_at_option = click.option("--at", metavar="TIME", help="As of this time (RFC 3339) instead of now.")
_plans_option = click.option(
    "--plan", "plans", multiple=True, metavar="FILE", help="A plan to show in its window; may be given several times."
)


@click.group("windows")
def command() -> None:
    """When maintenance may happen, who agreed to it, what is planned, and how windows were used."""


command.add_command(agree_command)
command.add_command(waive_command)
command.add_command(emergency_command)


@command.command("list")
@click.option(
    "--next", "each", type=click.IntRange(1, 60), default=3, show_default=True, help="Openings of each window."
)
@_plans_option
@_at_option
@platform_option
@state_option
@output_option()
def list_windows(
    each: int, plans: tuple[str, ...], at: str | None, platform: str | None, state: str | None, output: str
) -> None:
    """Show all environments' next windows side by side, with freezes, holidays, agreements and what is planned."""
    said, assumed = load_platform(platform, Path.cwd())
    for line in assumed:
        hint(line)
    found = calendar_of(said, State.open(state), plans, parse_instant(at) if at else now_ms(), each)
    emit("Calendar", found, output, lambda console: draw_calendar(console, found), lambda: markdown_calendar(found))


@command.command("gates")
@click.argument("plan_path", metavar="PLAN")
@_at_option
@platform_option
@state_option
@output_option()
@click.pass_context
def gates(
    ctx: click.Context, plan_path: str, at: str | None, platform: str | None, state: str | None, output: str
) -> None:
    """Ask the gates about people and calendars what they will say when the plan's window opens.

    Exits with 4 when one of them would hold the run.
    """
    said, assumed = load_platform(platform, Path.cwd())
    for line in assumed:
        hint(line)
    plan = load_plan(plan_path)
    opens_ms = plan.window.opens_ms if plan.window is not None else 0
    at_ms = parse_instant(at) if at else max(now_ms(), opens_ms)
    found = read_all(plan, said, State.open(state), at_ms)
    asked_at = iso(at_ms, plan.window.zone if plan.window is not None else said.zone)
    rows = [[one.gate, one.state, one.reading if one.is_open else one.reason] for one in found]
    payload = {"planDigest": plan.digest, "at": asked_at, "items": [_gate(one) for one in found]}

    def table(console: Console) -> None:
        say(console, "", f"as of {asked_at}, when the window opens" if opens_ms == at_ms else f"as of {asked_at}")
        show_columns(console, _GATE_HEADS, rows, whole=(0, 1), last_below=True)
        for one in found:
            if not one.is_open and one.fix:
                console.print(f"{one.gate}  {one.fix.replace('PLAN', plan_path)}", markup=False, soft_wrap=True)

    emit("Gates", payload, output, table, lambda: markdown_table([head.lower() for head in _GATE_HEADS], rows))
    if not all(one.is_open for one in found):
        ctx.exit(_HELD)


def _gate(reading: GateReading) -> dict[str, str]:
    fields = ("gate", "state", "reading", "reason", "object", "fix")
    return {name: getattr(reading, name) for name in fields}


@command.command("utilisation")
@click.option("--environment", default="", metavar="NAME", help="Only this environment.")
@click.option(
    "--last", "each", type=click.IntRange(1, 100), default=6, show_default=True, help="Openings of each window."
)
@_at_option
@platform_option
@state_option
@output_option()
def use(environment: str, each: int, at: str | None, platform: str | None, state: str | None, output: str) -> None:
    """Show how past windows were used, and what that advises: more in them, less, or longer ones."""
    said, _ = load_platform(platform, Path.cwd())
    found = utilisation(said, State.open(state), parse_instant(at) if at else now_ms(), each, environment)
    emit("Utilisation", found, output, lambda console: _draw_use(console, found), lambda: _use_markdown(found))


@command.command("export")
@click.option("-o", "--output", type=click.Choice(["ics"]), default="ics", show_default=True, help="Format.")
@click.option("--out", metavar="FILE", help="Write to this file instead of stdout.")
@click.option(
    "--next", "each", type=click.IntRange(1, 60), default=12, show_default=True, help="Openings of each window."
)
@_plans_option
@_at_option
@platform_option
@state_option
def export(
    output: str,
    out: str | None,
    each: int,
    plans: tuple[str, ...],
    at: str | None,
    platform: str | None,
    state: str | None,
) -> None:
    """Write the calendars as iCalendar, for people's own calendar programs: windows, freezes, holidays."""
    said, _ = load_platform(platform, Path.cwd())
    at_ms = parse_instant(at) if at else now_ms()
    found = calendar_of(said, State.open(state), plans, at_ms, each)
    data = calendar_ics(found, at_ms).encode()
    if not out:
        click.echo(data, nl=False)
        return
    try:
        write_atomically(Path(out), data, mode=0o644)
    except OSError as error:
        raise UsageProblem(f"the calendar cannot be written to {out}: {error.strerror}") from error
    hint(f"wrote {len(found.windows)} windows and {len(found.freezes)} freezes to {out}")


def _draw_use(console: Console, found: Utilisation) -> None:
    if not found.advice:
        say(console, "", "the platform file has no windows")
        return
    for advice in found.advice:
        say(console, f"{advice.environment}/{advice.window}  ", advice.text)
    if found.items:
        console.print()
        rows = [use_cells(item) for item in found.items]
        show_columns(console, _USE_HEADS, rows, whole=(0, 1), last_below=True, right=(2, 3, 4, 5, 6))


def _use_markdown(found: Utilisation) -> str:
    lines = ["# How windows were used", ""]
    lines += [f"- {item.environment}/{item.window}: {item.text}" for item in found.advice]
    rows = [use_cells(item) for item in found.items]
    return "\n".join([*lines, "", markdown_table([head.lower() for head in _USE_HEADS], rows)])
