"""``shipkeeper notices preview``: read what people will read, before they do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from shipkeeper.app.notices.desk import Desk, ledger_of
from shipkeeper.app.notices.preview import Notice, preview
from shipkeeper.assessment.notices.duties import earliest_lawful
from shipkeeper.cli.columns import show_columns
from shipkeeper.cli.notices_options import gather, matter_options
from shipkeeper.cli.options import output_option
from shipkeeper.cli.output import emit, hint, markdown_table
from shipkeeper.evidence.impact import ImpactRow
from shipkeeper.evidence.markdown import text
from shipkeeper.model.notices import AUDIENCES, KINDS
from shipkeeper.model.time import iso

if TYPE_CHECKING:
    from rich.console import Console


@click.command("preview")
@matter_options
@click.option("--audience", type=click.Choice(AUDIENCES), multiple=True, help="For whom; both when not given.")
@click.option("--kind", type=click.Choice(KINDS), multiple=True, help="Which notices; all when not given.")
@output_option()
def preview_notices(audience: tuple[str, ...], kind: tuple[str, ...], output: str, **said: Any) -> None:
    """Show the notices of a plan or a window: who is told what, on which channel, and by when.

    Its times are the plan's; what readers will notice is as declared, rehearsed and measured. Nothing is sent.
    """
    desk, state, at_ms = gather(kind, **said)
    ledger = ledger_of(state, desk.platform)
    notices = preview(desk, ledger, kind, audience, at_ms)
    if kind and not notices:
        hint(f"this calls for no notice of kind {', '.join(kind)}")
    earliest_ms = earliest_lawful(desk.duties(ledger), at_ms, desk.occasion.zone)
    window = desk.occasion.window
    earliest = iso(earliest_ms, desk.occasion.zone) if earliest_ms is not None and window is not None else ""
    if window is not None and earliest_ms is not None and earliest_ms > window.opens_ms:
        hint(f"too late for this window: told now, the earliest lawful opening is {earliest}")
    payload = {
        "planDigest": desk.plan.digest if desk.plan is not None else "",
        "items": notices,
        "impact": desk.rows,
        "earliest": earliest,
        "doubts": desk.doubts,
    }
    emit("Notices", payload, output, lambda console: _print(console, desk, notices), lambda: _markdown(desk, notices))


_IMPACT = ("WHAT", "DECLARED", "MODELLED", "MEASURED")


def _cells(rows: tuple[ImpactRow, ...]) -> list[list[str]]:
    return [
        [row.about + (f" ({row.object})" if row.object and row.object not in row.about else ""), *figures]
        for row in rows
        for figures in [[row.declared.text, row.modelled.text, row.measured.text]]
    ]


def _to(notice: Notice) -> str:
    if notice.problem:
        return notice.problem
    whom = ", ".join(notice.to) if len(notice.to) <= 3 else f"{len(notice.to)} recipients"
    return f"{', '.join(notice.channels)}: {whom}" if notice.channels else "no channel is declared"


def _head(notice: Notice) -> str:
    team = f" ({notice.team})" if notice.team else ""
    when = f" ({notice.send_at})" if notice.send_at else ""
    return f"{notice.kind} · to {notice.audience}{team} · {notice.send}{when}"


def _print(console: Console, desk: Desk, notices: tuple[Notice, ...]) -> None:
    if desk.rows:
        show_columns(console, _IMPACT, _cells(desk.rows))
        console.print()
    for notice in notices:
        console.rule(_head(notice), align="left", characters="-")
        console.print(f"To: {_to(notice)}\nSubject: {notice.subject}\n\n{notice.body}", markup=False, soft_wrap=True)


def _markdown(desk: Desk, notices: tuple[Notice, ...]) -> str:
    parts = []
    if desk.rows:
        parts += ["## Impact\n", markdown_table(["What", "Declared", "Modelled", "Measured"], _cells(desk.rows)), ""]
    for notice in notices:
        team = f" ({text(notice.team)})" if notice.team else ""
        when = f" ({notice.send_at})" if notice.send_at else ""
        parts.append(
            f"## {notice.kind}, to {notice.audience}{team}\n\nSend {notice.send}{when}. To: {text(_to(notice))}.\n"
        )
        parts.append(f"**Subject: {text(notice.subject)}**\n\n{notice.body}")
    return "\n".join(parts)
