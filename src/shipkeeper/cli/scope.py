"""``shipkeeper scope``: what is inside the fence and outside, who owns it, whom to escalate to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from shipkeeper.app.platform_file import load_platform
from shipkeeper.app.sources import source_of
from shipkeeper.app.survey import read_inventory
from shipkeeper.assessment.scope import ScopeRow, ScopeView, look_at_scope
from shipkeeper.cli.columns import say, show_columns
from shipkeeper.cli.options import output_option, platform_option, source_options
from shipkeeper.cli.output import emit, hint, markdown_table

if TYPE_CHECKING:
    from rich.console import Console

_HEADERS = ["COMPONENT", "OWNER", "ESCALATE TO", "CONTACT", "RUNS", "NAMESPACES"]
NOBODYS = 3


@click.command("scope")
@source_options
@platform_option
@click.option("--exit-code", is_flag=True, help="Exit with 3 when something runs that nobody claims.")
@output_option()
def command(
    from_path: str | None,
    context: str | None,
    kubeconfig: str | None,
    platform: str | None,
    exit_code: bool,
    output: str,
) -> None:
    """Show what is inside the fence and outside, who owns it, and whom to escalate to.

    With a cluster or an inventory it also names what runs that nobody claims.
    """
    said, assumed = load_platform(platform, Path.cwd())
    for line in assumed:
        hint(line)
    given = from_path or context or kubeconfig
    inventory = read_inventory(source_of(from_path, context, kubeconfig)) if given else None
    found = look_at_scope(said, inventory)
    emit("Scope", found, output, lambda console: _draw(console, found), lambda: _markdown(found))
    if exit_code and found.unclaimed:
        click.get_current_context().exit(NOBODYS)


def _draw(console: Console, found: ScopeView) -> None:
    for title, inside in (("Inside: the platform team's", True), ("Outside: others'", False)):
        rows = [_cells(row) for row in found.rows if row.inside is inside]
        if rows:
            say(console, "", title, style="bold")
            show_columns(console, _HEADERS, rows, whole=(0,), last_below=True, right=(4,))
            console.print()
    if found.unclaimed:
        say(console, "", "Nobody claims", style="bold red")
        rows = [[one.namespace, str(one.workloads), str(one.pods), ", ".join(one.names)] for one in found.unclaimed]
        show_columns(console, ["NAMESPACE", "WORKLOADS", "PODS", "SUCH AS"], rows, whole=(0,), right=(1, 2))
        say(console, "", "Next: add each namespace to a part of scope: in the platform file, inside or outside.")
        console.print()
    for doubt in found.doubts:
        say(console, "? ", doubt)


def _cells(row: ScopeRow) -> list[str]:
    places = ", ".join(row.namespaces)
    if row.absent:
        places += f" (not in this cluster: {', '.join(row.absent)})"
    runs = "" if row.runs is None else str(row.runs)
    return [row.component, row.owner or "nobody", row.escalate_to or "nobody", row.contact, runs, places]


def _markdown(found: ScopeView) -> str:
    lines = ["# Scope"]
    for title, inside in (("Inside", True), ("Outside", False)):
        rows = [_cells(row) for row in found.rows if row.inside is inside]
        lines += ["", f"## {title}", "", markdown_table([head.capitalize() for head in _HEADERS], rows)]
    if found.unclaimed:
        rows = [[one.namespace, str(one.workloads), str(one.pods), ", ".join(one.names)] for one in found.unclaimed]
        lines += ["", "## Nobody claims", "", markdown_table(["Namespace", "Workloads", "Pods", "Such as"], rows)]
    if found.doubts:
        lines += ["", "## Not known", "", *(f"- {doubt}" for doubt in found.doubts)]
    return "\n".join(lines)
