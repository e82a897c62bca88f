"""``shipkeeper notices send``: tell people, each at most once, with proof."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from shipkeeper.app.clock import now_ms
from shipkeeper.app.notices.couriers import Couriers
from shipkeeper.app.notices.desk import ledger_of
from shipkeeper.app.notices.post import Sent, Wish, chosen, look, refuse_late, send
from shipkeeper.app.notices.status import gate
from shipkeeper.app.speaker import speaker
from shipkeeper.assessment.notices.duties import Duty
from shipkeeper.cli.columns import show_columns
from shipkeeper.cli.notices_options import gather, matter_options
from shipkeeper.cli.options import output_option
from shipkeeper.cli.output import emit, hint, markdown_table
from shipkeeper.model.errors import UsageProblem
from shipkeeper.model.notices import AGREEMENT, AUDIENCES, KINDS

if TYPE_CHECKING:
    from rich.console import Console

_HEADS = ("STATE", "KIND", "TO", "CHANNEL", "RECIPIENT", "KEY", "PROOF")
_GOOD = ("sent", "kept", "to-send")


@click.command("send")
@matter_options
@click.option("--kind", type=click.Choice(KINDS), multiple=True, help="Which; else all that is to be told before.")
@click.option("--audience", type=click.Choice(AUDIENCES), multiple=True, help="To whom; both when not given.")
@click.option("--dry-run", is_flag=True, help="Show what would be sent to whom; nothing is sent or recorded.")
@click.option("--resend", multiple=True, metavar="KEY", help="Send this one again, although it may have arrived.")
@click.option("--late", is_flag=True, help="Announce it although it is too late for its window.")
@click.option("--by", default="", metavar="NAME", help="Who sends it.")
@output_option()
@click.pass_context
def send_notices(
    ctx: click.Context,
    /,
    kind: tuple[str, ...],
    audience: tuple[str, ...],
    dry_run: bool,
    resend: tuple[str, ...],
    late: bool,
    by: str,
    output: str,
    **said: Any,
) -> None:
    """Send the notices of a plan or a window that are to be told now, each at most once.

    Every text is written before the first one leaves; each attempt is on record before, its result after. One whose
    fate is not known is not sent again, unless its service can be asked, or --resend names it. Refuses to announce
    what is too late for its window.
    """
    if said["at"]:
        raise UsageProblem("what is sent is sent now", hint="leave --at out; notices preview takes it")
    desk, state, at_ms = gather(kind, writes=True, **said)
    every = desk.duties(ledger_of(state, desk.platform))
    wish = Wish(by=by, kinds=kind, audiences=audience, resend=resend, late=late)
    duties = chosen(every, wish, at_ms)
    if not late and not gate(desk, every, state, at_ms).is_open:
        refuse_late(desk, duties, every, at_ms)
    if dry_run:
        rows = look(desk, duties, wish)
    else:
        who = speaker(desk.platform, by)
        wish = Wish(by=who.name, kinds=kind, audiences=audience, resend=resend, late=late)
        with Couriers(desk.platform, os.environ) as couriers:
            rows = send(desk, duties, wish, state, couriers, now_ms, _tell)
    impossible = _impossible(duties)
    for words in impossible:
        hint(f"not sent: {words}")
    counts = Counter(row.state for row in rows)
    payload = {"items": rows, "counts": dict(counts), "dryRun": dry_run}
    emit("NoticesSent", payload, output, lambda console: _print(console, rows), lambda: _markdown(rows))
    _last_words(rows, kind)
    ctx.exit(4 if impossible else 0 if all(row.state in _GOOD for row in rows) else 1)


def _tell(row: Sent) -> None:
    if row.state not in ("sent", "kept"):
        hint(f"{row.state}: {row.kind} to {row.to} ({row.key}): {row.reason}")


def _impossible(duties: Sequence[Duty]) -> list[str]:
    return [
        f"{duty.obligation.kind} to {duty.obligation.audience}: {duty.obligation.problem}; {duty.obligation.mend}"
        for duty in duties
        if duty.obligation.problem
    ]


def _last_words(rows: Sequence[Sent], kind: Sequence[str]) -> None:
    if not rows:
        hint("nothing is to be sent now" if not kind else "this calls for no such notice on any channel")
    if not kind and any(row.kind == AGREEMENT for row in rows):
        hint("nobody has agreed to this window yet: once they have (windows agree), send again to announce it")
    if any(row.state in ("unknown", "doubtful") for row in rows):
        hint("whether it arrived is not known: find out, then notices settle KEY, or send it again with --resend KEY")
    if any(row.state == "failed" for row in rows):
        hint("what failed did not arrive, and is sent by the next notices send")


def _cells(rows: Sequence[Sent]) -> list[list[str]]:
    return [
        [
            row.state,
            row.kind,
            row.audience + (f" ({row.team})" if row.team else ""),
            row.channel,
            row.to,
            row.key,
            row.proof or row.reason,
        ]
        for row in rows
    ]


def _print(console: Console, rows: Sequence[Sent]) -> None:
    if rows:
        show_columns(console, _HEADS, _cells(rows), whole=(0, 4, 5), last_below=True)


def _markdown(rows: Sequence[Sent]) -> str:
    return markdown_table([head.title() for head in _HEADS], _cells(rows))
