"""``shipkeeper notices status``: what came of each notice, the proof, and whether the window may open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from shipkeeper.app.notices.status import NoticeStatus, Standing, stand
from shipkeeper.cli.columns import say, show_columns
from shipkeeper.cli.notices_options import gather, matter_options
from shipkeeper.cli.options import output_option
from shipkeeper.cli.output import emit, hint, markdown_table
from shipkeeper.model.notices import AGREEMENT, KINDS

if TYPE_CHECKING:
    from rich.console import Console

_HEADS = ("STATE", "KIND", "TO", "DUE BY", "CHANNEL", "RECIPIENT", "SENT", "KEY", "PROOF")
_STYLES = {"told": "green", "late": "red", "failed": "red", "unknown": "magenta", "impossible": "red", "due": "yellow"}


@click.command("status")
@matter_options
@click.option("--kind", type=click.Choice(KINDS), multiple=True, help="Only these; all when not given.")
@output_option()
@click.pass_context
def status_of_notices(ctx: click.Context, /, kind: tuple[str, ...], output: str, **said: Any) -> None:
    """Show every notice of a plan or a window: when it is due, what became of it, and the proof.

    Exit code 4 when the window may not open for lack of one that should have been sent by now.
    """
    desk, state, at_ms = gather(kind, **said)
    found = stand(desk, state, at_ms)
    items = tuple(item for item in found.items if not kind or item.kind in kind)
    shown = items if kind else tuple(item for item in items if item.state != "open" or item.delivery != "none")
    emit("NoticeStatus", _only(found, items), output, lambda console: _print(console, found, shown), lambda: _md(shown))
    if len(shown) < len(items):
        later = ", ".join(dict.fromkeys(item.kind for item in items if item not in shown))
        hint(f"not shown: what is told when it happens ({later})")
    if not found.in_order and kind != (AGREEMENT,):
        hint(f"notices-sent is {found.gate}: {found.reason}")
        hint(f"  next: {found.fix}")
        ctx.exit(4)


def _only(found: NoticeStatus, items: Sequence[Standing]) -> dict[str, Any]:
    return {
        "planDigest": found.plan_digest,
        "items": items,
        "gate": {"state": found.gate, "reading": found.reading, "reason": found.reason, "fix": found.fix},
        "inOrder": found.in_order,
        "earliest": found.earliest,
    }


def _cells(items: Sequence[Standing]) -> list[list[str]]:
    return [
        [
            item.state,
            item.kind,
            item.audience + (f" ({item.team})" if item.team else ""),
            item.due_by[:16].replace("T", " "),
            item.channel,
            item.to,
            item.sent_at[:16].replace("T", " "),
            item.key,
            _proof(item),
        ]
        for item in items
    ]


def _proof(item: Standing) -> str:
    words = item.proof or item.reason
    return f"{words}; its text has changed since" if item.changed else words


def _print(console: Console, found: NoticeStatus, items: Sequence[Standing]) -> None:
    styles = {(row, 0): _STYLES.get(item.state, "") for row, item in enumerate(items)}
    if items:
        show_columns(console, _HEADS, _cells(items), whole=(5, 7), last_below=True, styles=styles)
        console.print()
    waits = found.in_order and found.gate != "open"
    words = f"{found.gate}, and in order so far: {found.reason}" if waits else f"{found.gate}: {found.reading}"
    say(console, "gate notices-sent  ", words)


def _md(items: Sequence[Standing]) -> str:
    return markdown_table([head.title() for head in _HEADS], _cells(items))
