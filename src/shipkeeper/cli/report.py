"""``shipkeeper report``: reports on an environment, beside those on a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from shipkeeper.app.logbook import Logbook
from shipkeeper.app.platform_file import load_platform
from shipkeeper.app.readiness import look_at_readiness
from shipkeeper.app.sources import source_of
from shipkeeper.app.state import State
from shipkeeper.app.survey import read_inventory
from shipkeeper.cli.columns import say
from shipkeeper.cli.options import given, output_option, platform_option, source_options, state_option
from shipkeeper.cli.output import emit
from shipkeeper.evidence.html import readiness_html, sign
from shipkeeper.evidence.readiness import SECTIONS, TITLES, Item, Readiness, of_section, tally
from shipkeeper.evidence.readiness_markdown import readiness_markdown

if TYPE_CHECKING:
    from rich.console import Console

_NOT_READY = 5
_SHOWN = 5


@click.group("report")
def command() -> None:
    """Reports on an environment."""


@command.command("readiness")
@source_options
@platform_option
@click.option("--cluster", default="", metavar="NAME", help="The cluster's entry in the platform file.")
@click.option("--exit-code", is_flag=True, help=f"Exit with {_NOT_READY} when it is not ready, or that is not known.")
@state_option
@output_option("html")
@click.pass_context
def readiness(
    ctx: click.Context,
    from_path: str | None,
    context: str | None,
    kubeconfig: str | None,
    platform: str | None,
    cluster: str,
    exit_code: bool,
    state: str | None,
    output: str,
) -> None:
    """Whether an environment is ready for a maintenance, or to go live.

    Whether it runs normally (if not: stop, and where to begin), is sized, and has what goes with being live: computed
    where the cluster tells, attested where people must have tried it. What is unmet is named with its consequence.
    """
    known, _ = load_platform(platform, Path.cwd())
    inventory = read_inventory(source_of(from_path, context, kubeconfig))
    logbook = Logbook.of(State.open(state), known)
    found = look_at_readiness(inventory, known, logbook, cluster=cluster, context=context or "")
    if output == "html":
        click.echo(readiness_html(found, known.zone))
    else:
        emit("Readiness", found, output, lambda console: _draw(console, found), lambda: readiness_markdown(found))
    if exit_code and found.verdict != "ready":
        ctx.exit(_NOT_READY)


def _draw(console: Console, found: Readiness) -> None:
    say(console, "", f"{found.cluster or 'this cluster'}: {found.verdict.upper().replace('-', ' ')}", style="bold")
    say(console, "", f"{found.sentence} As of {found.taken_at}.")
    for section in SECTIONS:
        items = of_section(found.items, section)
        console.print()
        say(console, "", f"{TITLES[section]}: {tally(items)}", style="bold")
        for item in items:
            _item(console, item)
    if found.verdict == "not-normal":
        console.print()
        say(console, "", "Next: docs/guides/troubleshooting.md, from the bottom up; then read it again.")


def _item(console: Console, item: Item) -> None:
    say(console, f"{sign(item.state)} {item.state:<15} ", f"{item.text}: {item.reading}")
    if item.state in ("ok", "not-applicable"):
        return
    for object in item.objects[:_SHOWN]:
        say(console, " " * 18 + "- ", object)
    more = len(item.objects) - _SHOWN + item.more
    if more > 0:
        say(console, " " * 18 + "- ", f"and {more} more (-o json names them)")
    if item.consequence:
        say(console, " " * 18 + ("so     " if item.state == "unmet" else "if not "), item.consequence)
    how = item.how + (given("platform", "state") if item.how.startswith("shipkeeper ") else "")
    if how:
        say(console, " " * 18 + "how    ", how)
