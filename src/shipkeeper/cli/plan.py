"""``shipkeeper plan``: order nodes into batches and steps; explain and compare plans."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shipkeeper.app.clock import now_ms
from shipkeeper.app.platform_file import load_platform
from shipkeeper.app.propose import Wishes, load_plan, propose, save_plan
from shipkeeper.app.sources import source_of
from shipkeeper.app.survey import read_inventory
from shipkeeper.cli.columns import say, show_columns
from shipkeeper.cli.listed import NodesCommand, listed
from shipkeeper.cli.options import given, output_option, platform_option, source_options
from shipkeeper.cli.output import emit, hint, markdown_table
from shipkeeper.cli.plan_propose import command as propose_command
from shipkeeper.model.declared_windows import CHANGES
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import Plan
from shipkeeper.model.time import SECOND, format_duration, format_seconds, moment, parse_instant
from shipkeeper.model.words import count
from shipkeeper.planning.bounds import Bounds, all_bounds
from shipkeeper.planning.diff import PlanDiff, diff_plans
from shipkeeper.planning.estimates import plan_seconds
from shipkeeper.planning.explain import BatchRow, Explained, batch_rows, explain_step
from shipkeeper.planning.request import ACTIONS, CONFIRM, ON_BLOCKED, ORDERS

if TYPE_CHECKING:
    from rich.console import Console

_COLUMNS = ("#", "ABOUT", "TAKES", "NODES", "ZONE", "DRAIN")
_LABEL = 10


@click.group("plan")
def command() -> None:
    """Order nodes into batches and windows; explain and compare plans."""


command.add_command(propose_command)


@command.command("nodes", cls=NodesCommand)
@click.argument("names", metavar="[NODE]...", nargs=-1)
@click.option("-l", "--selector", metavar="SELECTOR", help="Nodes with these labels, as for kubectl -l.")
@source_options
@platform_option
@click.option("--cluster", default="", metavar="NAME", help="The cluster's entry in the platform file.")
@click.option(
    "--window", metavar="WINDOW", help='"2026-12-02T22:00/05:00 Europe/Stockholm", a window\'s name, or a date.'
)
@click.option("--order", type=click.Choice(ORDERS), help="Order of nodes.  [default: serial]")
@click.option(
    "--max-parallel", type=click.IntRange(min=1), metavar="K", help="Nodes away at once, at most.  [default: 1]"
)
@click.option(
    "--action",
    type=click.Choice(ACTIONS),
    default="reboot",
    show_default=True,
    help="What a drained node goes through.",
)
@click.option(
    "--change",
    type=click.Choice(CHANGES),
    help="Class of change: what freezes and notices go by.  [default: nobody said]",
)
@click.option(
    "--upgrade",
    nargs=3,
    default=None,
    metavar="COMPONENT FROM TO",
    help="The hop that these nodes go through; its notes have to be read before.",
)
@click.option("--reboot-with", metavar="DRIVER", help="A reboot driver of the platform file, or manual.")
@click.option(
    "--reserve",
    metavar="DURATION",
    help="Nothing starts that cannot end this long before the window's end.  [default: 30m]",
)
@click.option(
    "--confirm", type=click.Choice(CONFIRM), default="none", show_default=True, help="Ask a person before each node."
)
@click.option(
    "--on-blocked",
    type=click.Choice(ON_BLOCKED),
    help="What to do about a node that cannot be emptied.  [default: hold]",
)
@click.option(
    "--blocked-after",
    metavar="DURATION",
    help="When waiting for a budget counts as blocked.  [default: by rehearsal, at least 10m]",
)
@click.option("--grace-period", metavar="DURATION", help="Shorten pods' termination grace period to this.")
@click.option(
    "--delete-emptydir-data",
    "delete_empty_dir_data",
    multiple=True,
    metavar="[=NS,…]",
    help="Let pods go that lose emptyDir data: all, or those of these namespaces.",
)
@click.option(
    "--allow-unmanaged",
    multiple=True,
    metavar="[=NS/POD,…]",
    help="Let pods go that nobody makes again: all, or these.",
)
@click.option(
    "--include-cordoned", is_flag=True, help="Maintain nodes that somebody cordoned, and leave them cordoned."
)
@click.option(
    "--allow-control-plane", is_flag=True, help="Take control-plane nodes in: alone, last, the leader last of all."
)
@click.option("--accept-api-outage", is_flag=True, help="Acknowledge that the only control-plane node goes down.")
@click.option("--at", metavar="TIME", help="Plan as of this time (RFC 3339) instead of now.")
@click.option("--save", "save_path", metavar="FILE", help="Write the plan file that rehearse and run take.")
@output_option()
def nodes(
    from_path: str | None,
    context: str | None,
    kubeconfig: str | None,
    platform: str | None,
    at: str | None,
    save_path: str | None,
    output: str,
    **flags: Any,
) -> None:
    """Plan the maintenance of nodes: those named, those a selector picks, or all workers."""
    said, assumed = load_platform(platform, Path.cwd())
    for line in assumed:
        hint(line)
    source = source_of(from_path, context, kubeconfig)
    inventory = read_inventory(source, platform=False)
    for name in ("delete_empty_dir_data", "allow_unmanaged"):
        flags[name] = listed(flags[name])
    plan = propose(inventory, Wishes(**flags), said, parse_instant(at) if at else now_ms(), source.context)
    if save_path:
        save_plan(plan, save_path)
        source_flags = given("from_path", "context", "kubeconfig")
        hint(f"saved to {save_path}; next: shipkeeper rehearse {shlex.quote(save_path)}{source_flags}")
    emit("Plan", plan, output, lambda console: _draw(console, plan, inventory), lambda: _markdown(plan, inventory))


@command.command("diff")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@output_option()
def diff(before: str, after: str, output: str) -> None:
    """Tell how two plan files differ."""
    found = diff_plans(load_plan(before), load_plan(after))
    emit("PlanDiff", found, output, lambda console: _draw_diff(console, found), lambda: _markdown_diff(found))


@command.command("explain")
@click.argument("plan", metavar="PLAN")
@click.argument("step", metavar="STEP")
@output_option()
def explain(plan: str, step: str, output: str) -> None:
    """Explain a step: why, how long, what it waits for, its gates, and the manual command."""
    found = explain_step(load_plan(plan), step)
    lines = _explained(found)

    def table(console: Console) -> None:
        console.print(lines[0], markup=False, soft_wrap=True)
        for line in lines[1:-1]:
            say(console, line[:_LABEL], line[_LABEL:])
        console.print(lines[-1], markup=False, soft_wrap=True)

    emit("StepExplanation", found, output, table, lambda: "\n".join(f"- {line}" for line in lines))


def _clock(plan: Plan, seconds: float) -> str:
    """Time of day in the window's zone, or time from the start."""
    if plan.window is None:
        return "+" + format_seconds(seconds)
    return moment(plan.window.opens_ms + round(seconds * SECOND), plan.window.zone).strftime("%a %H:%M")


def _head(plan: Plan, inventory: Inventory | None) -> list[str]:
    total = plan_seconds(plan)
    nodes = sum(len(batch) for batch in plan.batches)
    each = "one at a time" if plan.max_parallel == 1 else f"at most {plan.max_parallel} at once"
    lines = [
        f"{plan.cluster.name or 'cluster'} {plan.cluster.server_version}".rstrip()
        + f" · {count(nodes, 'node')} · {each} · order {plan.order} · "
        + ("drain, reboot with " + plan.reboot.driver if plan.purpose == "reboot" else "drain only"),
        f"estimate  P50 {format_seconds(total.p50)}   P95 {format_seconds(total.p95)}   ({total.source})",
    ]
    if plan.window is not None:
        opens = moment(plan.window.opens_ms, plan.window.zone).strftime("%a %-d %b %Y %H:%M")
        closes = moment(plan.window.closes_ms, plan.window.zone).strftime("%a %H:%M")
        length = format_duration(plan.window.closes_ms - plan.window.opens_ms)
        reserve = format_seconds(plan.reserve_seconds)
        lines.append(f"window    {opens} – {closes} {plan.window.zone} ({length}), reserve {reserve}")
    else:
        lines.append("window    none: runs whenever it is started")
    if inventory is not None:
        bounds = all_bounds(plan, inventory)
        lines.append(_bound_line(bounds))
        lines.extend(f"cannot    {line}" for line in bounds.infeasible)
    policy = plan.drain_policy
    if plan.change:
        lines.append(f"change    {plan.change}")
    if plan.upgrade is not None:
        lines.append(f"upgrade   {plan.upgrade}")
    rules = [f"blocked: {policy.on_blocked}", f"confirm: {policy.confirm}"]
    if policy.delete_empty_dir_data:
        rules.append(f"emptyDir data lost in {', '.join(policy.delete_empty_dir_data)}")
    if policy.allow_unmanaged:
        rules.append(f"unmanaged pods gone: {', '.join(policy.allow_unmanaged)}")
    lines.append("rules     " + " · ".join(rules))
    return lines


def _bound_line(bounds: Bounds) -> str:
    longest = bounds.bounds[0]
    text = f"at least  {format_seconds(longest.seconds)}   {longest.binding}; {bounds.moves} pods move"
    if bounds.windows is not None and bounds.windows > 1:
        text += f"; at least {bounds.windows} windows of this length"
    return text


def _draw(console: Console, plan: Plan, inventory: Inventory) -> None:
    for line in _head(plan, inventory):
        label = line[:_LABEL] if line[:_LABEL].endswith("  ") else ""
        say(console, label, line[len(label) :])
    console.print()
    rows = [_cells(plan, row) for row in batch_rows(plan)]
    show_columns(console, _COLUMNS, rows, whole=(0, 1, 2), last_below=True, right=(0,))
    if plan.notes:
        console.print()
        for note in plan.notes:
            say(console, "· ", note)
    console.print(f"\n{plan.digest}", markup=False)


def _cells(plan: Plan, row: BatchRow) -> list[str]:
    return [
        str(row.number),
        _clock(plan, row.begins[0]),
        f"{format_seconds(row.takes[0])} / {format_seconds(row.takes[1])}",
        " ".join(row.nodes),
        " ".join(row.zones) or "–",
        row.why,
    ]


def _markdown(plan: Plan, inventory: Inventory) -> str:
    rows = [_cells(plan, row) for row in batch_rows(plan)]
    parts = ["# Plan", "", *(f"- {line}" for line in _head(plan, inventory)), ""]
    parts.append(markdown_table(["#", "about", "takes P50 / P95", "nodes", "zone", "drain"], rows))
    if plan.notes:
        parts += ["", "## Notes", "", *(f"- {note}" for note in plan.notes)]
    return "\n".join([*parts, "", f"`{plan.digest}`"])


def _draw_diff(console: Console, found: PlanDiff) -> None:
    if not found.changes:
        console.print("The plans do not differ, but for the time they were made.")
        return
    rows = [[text or "–" for text in (change.what, change.before, change.after)] for change in found.changes]
    show_columns(console, ("WHAT", "BEFORE", "AFTER"), rows)


def _markdown_diff(found: PlanDiff) -> str:
    rows = [[change.what, change.before or "–", change.after or "–"] for change in found.changes]
    return markdown_table(["what", "before", "after"], rows)


def _explained(found: Explained) -> list[str]:
    step = found.step
    return [
        f"{step.id}   batch {found.batch}, about {format_seconds(found.begins_seconds[0])} after the start",
        f"why       {step.why}",
        f"takes     {found.estimate}",
        f"after     {', '.join(step.needs) or 'nothing: it is first'}",
        f"before    {', '.join(found.waited_for_by) or 'nothing: it is last'}",
        f"gates     {', '.join(found.gates)}",
        f"by hand   {step.manual}",
    ]
