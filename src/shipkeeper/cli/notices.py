"""``shipkeeper notices``: who is told what, and when."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from shipkeeper.app.notices import Preview, preview
from shipkeeper.app.platform_file import load_platform
from shipkeeper.app.state import State
from shipkeeper.cli.options import output_option, platform_option, state_option
from shipkeeper.cli.output import emit, hint
from shipkeeper.evidence.markdown import text
from shipkeeper.evidence.notices import AUDIENCES, KINDS

if TYPE_CHECKING:
    from rich.console import Console


@click.group("notices")
def command() -> None:
    """Who is told what, and when."""


@command.command("preview")
@click.argument("plan", metavar="PLAN")
@click.option("--forecast", default="", metavar="FILE", help="The plan's forecast; else the one kept in state.")
@click.option("--audience", type=click.Choice(AUDIENCES), multiple=True, help="For whom; both when not given.")
@click.option("--kind", type=click.Choice(KINDS), multiple=True, help="Which notices; all when not given.")
@click.option("--zone", default="", metavar="ZONE", help="The readers' time zone (IANA name); else the window's.")
@platform_option
@state_option
@output_option()
def preview_notices(
    plan: str,
    forecast: str,
    audience: tuple[str, ...],
    kind: tuple[str, ...],
    zone: str,
    platform: str | None,
    state: str | None,
    output: str,
) -> None:
    """Write the notices of a plan, to be read and sent: its times, and what readers will notice, as rehearsed."""
    known, _ = load_platform(platform, Path.cwd())
    made = preview(
        plan, known, State.open(state), audience or AUDIENCES, kind or KINDS, forecast_path=forecast, zone=zone
    )
    for doubt in made.doubts:
        hint(f"note: {doubt}")
    payload = {"planDigest": made.plan.digest, "items": made.notices, "doubts": made.doubts}
    emit("Notices", payload, output, lambda console: _print(console, made), lambda: _markdown(made))


def _print(console: Console, made: Preview) -> None:
    for notice in made.notices:
        when = f" ({notice.send_at})" if notice.send_at else ""
        console.rule(f"{notice.kind} · to {notice.audience} · {notice.send}{when}", align="left", characters="-")
        console.print(f"Subject: {notice.subject}\n\n{notice.body}", markup=False, soft_wrap=True)


def _markdown(made: Preview) -> str:
    parts = []
    for notice in made.notices:
        when = f" ({notice.send_at})" if notice.send_at else ""
        parts.append(f"## {notice.kind}, to {notice.audience}\n\nSend {notice.send}{when}.\n")
        parts.append(f"**Subject: {text(notice.subject)}**\n\n{notice.body}")
    return "\n".join(parts)
