"""``shipkeeper notices settle``: a person's word on a notice of which nobody knows whether it arrived."""

from __future__ import annotations

from pathlib import Path

import click

from shipkeeper.app.clock import now_ms
from shipkeeper.app.notices.settle import Settled, settle
from shipkeeper.app.platform_file import load_platform
from shipkeeper.app.speaker import speaker
from shipkeeper.app.state import State
from shipkeeper.cli.options import output_option, platform_option, state_option
from shipkeeper.cli.output import emit
from shipkeeper.evidence.markdown import text
from shipkeeper.model.errors import UsageProblem


@click.command("settle")
@click.argument("key", metavar="KEY")
@click.option("--arrived", "fate", flag_value="arrived", help="It did arrive.")
@click.option("--lost", "fate", flag_value="lost", help="It did not arrive: the next send takes it.")
@click.option("--note", default="", metavar="TEXT", help="How that is known.")
@click.option("--by", default="", metavar="NAME", help="Who says so.")
@platform_option
@state_option
@output_option()
def settle_notice(
    key: str, fate: str | None, note: str, by: str, platform: str | None, state: str | None, output: str
) -> None:
    """Record a person's word on a notice of which nobody knows whether it arrived."""
    if fate is None:
        raise UsageProblem("say what became of it", hint="--arrived or --lost")
    known, _ = load_platform(platform, Path.cwd())
    found = settle(key, fate == "arrived", note, speaker(known, by), known, State.open(state), now_ms())
    words = _words(found)
    emit("NoticeSettled", found, output, lambda console: console.print(words, markup=False), lambda: text(words))


def _words(found: Settled) -> str:
    return f"{found.key}, {found.kind} to {found.to}: {found.state}, {found.proof or found.reason}"
