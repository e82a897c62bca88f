"""``shipkeeper checklist``: the boxes a person would tick before and after."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shipkeeper.app.checklist import Checklist, read_checklist, tick
from shipkeeper.app.clock import now_ms
from shipkeeper.app.platform_file import load_platform
from shipkeeper.app.sources import source_of
from shipkeeper.app.state import State
from shipkeeper.app.survey import read_inventory
from shipkeeper.cli.columns import say, show_columns
from shipkeeper.cli.options import given, output_option, platform_option, source_options, state_option
from shipkeeper.cli.output import emit, hint
from shipkeeper.evidence.checklists import counts
from shipkeeper.evidence.html import checklist_html, sign
from shipkeeper.evidence.markdown import checklist as checklist_markdown
from shipkeeper.evidence.rows import Fact
from shipkeeper.evidence.words import count, date_and_clock, day_and_clock
from shipkeeper.model.errors import BadInput, UsageProblem
from shipkeeper.model.time import parse_instant

if TYPE_CHECKING:
    from rich.console import Console


@click.command("checklist")
@click.argument("when", type=click.Choice(["before", "after"]))
@click.argument("target", metavar="PLAN|RUN")
@source_options
@platform_option
@click.option("--cluster", default="", metavar="NAME", help="The cluster's entry in the platform file.")
@click.option("--forecast", default="", metavar="FILE", help="The plan's forecast; else the one kept in state.")
@click.option("--tick", "box", default="", metavar="ID", help="Record that you saw to this box.")
@click.option("--by", default="", metavar="NAME", help="Who says so.")
@click.option("--note", default="", metavar="TEXT", help="What was seen.")
@state_option
@output_option("html")
def command(
    when: str,
    target: str,
    from_path: str | None,
    context: str | None,
    kubeconfig: str | None,
    platform: str | None,
    cluster: str,
    forecast: str,
    box: str,
    by: str,
    note: str,
    state: str | None,
    output: str,
) -> None:
    """The boxes a person would tick before and after: computed where the cluster can tell, ticked where it cannot.

    With --from or --context the boxes are read and recorded; without, the list is shown as it stands.
    """
    known, _ = load_platform(platform, Path.cwd())
    kept = State.open(state)
    if box:
        if from_path or context or kubeconfig:
            raise UsageProblem("--tick records a person's word: leave --from and --context out")
        found = tick(when, target, box, by, note, kept, known, now_ms(), cluster)
    else:
        if by or note:
            raise UsageProblem("--by and --note belong to a tick", hint="add --tick ID")
        given = from_path or context or kubeconfig
        inventory = read_inventory(source_of(from_path, context, kubeconfig)) if given else None
        found = read_checklist(when, target, kept, inventory, known, now_ms(), cluster=cluster, forecast_path=forecast)
        if inventory is None:
            hint("Nothing was read from a cluster: this is the list as it stands (--context NAME reads it).")
    show(found, output, target)


def show(found: Checklist, output: str, target: str) -> None:
    """Write the list in the asked format. ``target`` is the plan file or run that the commands it names repeat."""
    if output == "html":
        click.echo(checklist_html(_title(found), _sentence(found), found.when, found.items, _facts(found), found.zone))
        return
    payload = {
        "when": found.when,
        "planDigest": found.plan.digest,
        "run": found.run,
        "counts": counts(found.items),
        "items": found.items,
    }
    emit("Checklist", payload, output, lambda console: _table(console, found, target), lambda: _markdown(found))


def _title(found: Checklist) -> str:
    return f"Checklist {found.when} the maintenance of {found.plan.cluster.name or 'the cluster'}"


def _sentence(found: Checklist) -> str:
    have = counts(found.items)
    rest = [f"{number} {state}" for state, number in have.items() if number and state not in ("done", "not-applicable")]
    asked = len(found.items) - have["not-applicable"]
    return f"{have['done']} of {count(asked, 'box', 'boxes')} done" + (f", {', '.join(rest)}." if rest else ".")


def _facts(found: Checklist) -> list[Fact]:
    window = found.plan.window
    facts = [("Plan", found.plan.digest), ("Nodes", ", ".join(node.name for node in found.plan.nodes))]
    if found.run:
        facts.append(("Run", found.run))
    if window is not None:
        opens, closes = (date_and_clock(at, found.zone) for at in (window.opens_ms, window.closes_ms))
        facts.append(("Window", f"{opens} to {closes}"))
    return [Fact(label=label, value=value) for label, value in facts]


def _markdown(found: Checklist) -> str:
    return "\n".join([f"# {_title(found)}", "", _sentence(found), "", *checklist_markdown(found.items, found.zone)])


def _table(console: Console, found: Checklist, target: str) -> None:
    rows = [
        [f"{sign(item.state)} {item.state}", item.id, item.text, item.by, _at(item.at, found.zone), item.reading]
        for item in found.items
    ]
    say(console, "", f"{_title(found)}: {_sentence(found)}")
    show_columns(console, ("BOX", "ID", "WHAT", "BY", "AT", "READING"), rows, whole=(0, 1, 4), last_below=True)
    todo = [item for item in found.items if item.state in ("open", "failed", "unknown")]
    if todo:
        console.print("By hand:", markup=False)
        for item in todo:
            console.print(f"  {item.id:<18} {_filled(item.how, found, target)}", markup=False, soft_wrap=True)
        ticks = [item.id for item in todo if item.state == "open"]
        if ticks:
            words = f"shipkeeper checklist {found.when} {shlex.quote(target)} --tick {ticks[0]} --by NAME --note TEXT"
            console.print(f"Next: {words}{given('cluster', 'platform', 'state')}", markup=False, soft_wrap=True)


def _filled(how: str, found: Checklist, target: str) -> str:
    """The command with the plan or run that is meant, and where its state is, as far as they are known."""
    if not how.startswith("shipkeeper "):
        return how
    if Path(target).is_file():
        how = how.replace(" PLAN", f" {shlex.quote(target)}")
    if found.run:
        how = how.replace(" RUN", f" {found.run}")
    return how + given("platform" if "config" in how or "notices" in how else "state")


def _at(at: str, zone: str) -> str:
    try:
        return day_and_clock(parse_instant(at), zone) if at else ""
    except BadInput:
        return at
