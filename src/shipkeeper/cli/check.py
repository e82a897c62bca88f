"""``shipkeeper check``: what would block or hurt a drain, and the fix."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from shipkeeper.app.check import THRESHOLDS, Question, check_inventory, explain, fails
from shipkeeper.app.platform_file import load_platform
from shipkeeper.app.propose import load_plan
from shipkeeper.app.sources import source_of
from shipkeeper.app.survey import read_inventory
from shipkeeper.assessment.check import RULES, Findings
from shipkeeper.cli import check_screen
from shipkeeper.cli.check_junit import junit
from shipkeeper.cli.check_sarif import sarif
from shipkeeper.cli.listed import NodesCommand, listed
from shipkeeper.cli.options import output_option, platform_option, source_options
from shipkeeper.cli.output import emit, hint
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.time import iso

if TYPE_CHECKING:
    from rich.console import Console

FAILED = 5
"""Exit code: blocked, or cannot be known."""


@click.command("check", cls=NodesCommand)
@click.argument("names", metavar="[NODE]...", nargs=-1)
@click.option("-l", "--selector", metavar="SELECTOR", help="Nodes with these labels, as for kubectl -l.")
@source_options
@platform_option
@click.option("--cluster", default="", metavar="NAME", help="The cluster's entry in the platform file.")
@click.option("--plan", "plan_path", metavar="FILE", help="Check for this plan: its nodes, drain policy and window.")
@click.option("--window", metavar="DURATION", help="How long the window is, such as 5h.")
@click.option(
    "--delete-emptydir-data",
    "delete_empty_dir_data",
    multiple=True,
    metavar="[=NS,…]",
    help="The plan will let emptyDir data go: all, or of these namespaces.",
)
@click.option(
    "--allow-unmanaged",
    multiple=True,
    metavar="[=NS/POD,…]",
    help="The plan will let pods go that nobody makes again: all, or these.",
)
@click.option(
    "--explain", "rule", metavar="RULE", help="Tell what a rule is about, and where the fact is from; all lists them."
)
@click.option(
    "--fail-on",
    type=click.Choice(list(THRESHOLDS)),
    default="unknown",
    show_default=True,
    help="The mildest finding that makes the check fail (exit 5).",
)
@click.option("--all", "whole", is_flag=True, help="In the table: notes too, and nothing folded.")
@output_option("sarif", "junit")
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    selector: str | None,
    from_path: str | None,
    context: str | None,
    kubeconfig: str | None,
    platform: str | None,
    cluster: str,
    plan_path: str | None,
    window: str | None,
    delete_empty_dir_data: tuple[str, ...],
    allow_unmanaged: tuple[str, ...],
    rule: str | None,
    fail_on: str,
    whole: bool,
    output: str,
) -> None:
    """Find what would block or hurt draining nodes (those named, those a selector picks, or all), and the fix.

    A question that could not be answered, because something could not be read, is a finding of its own: unknown.
    """
    if rule is not None:
        _explain(rule, output)
        return
    said, assumed = load_platform(platform, Path.cwd())
    source = source_of(from_path, context, kubeconfig)
    inventory = read_inventory(source, platform=False)
    question = Question(
        names=names,
        selector=selector,
        plan=load_plan(plan_path) if plan_path else None,
        window=window,
        delete_empty_dir_data=listed(delete_empty_dir_data),
        allow_unmanaged=listed(allow_unmanaged),
        cluster=cluster,
    )
    findings, more = check_inventory(inventory, question, said, source.context)
    for line in (*assumed, *more):
        hint(line)
    code = FAILED if fails(findings, fail_on) else 0
    _write(findings, inventory, output, from_file=not source.live, fail_on=fail_on, whole=whole, code=code)
    ctx.exit(code)


def _write(
    findings: Findings,
    inventory: Inventory,
    output: str,
    *,
    from_file: bool,
    fail_on: str,
    whole: bool,
    code: int,
) -> None:
    if output == "sarif":
        document = sarif(findings, inventory.source, from_file=from_file)
        click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
    elif output == "junit":
        click.echo(junit(findings, THRESHOLDS[fail_on], iso(inventory.taken_ms)), nl=False)
    else:
        emit(
            "Findings",
            findings,
            output,
            lambda console: check_screen.draw(console, findings, whole=whole, exit_code=code),
            lambda: check_screen.markdown(findings),
        )


def _explain(name: str, output: str) -> None:
    if output in ("sarif", "junit"):
        raise click.UsageError(f"--explain has no format {output}")
    if name == "all":
        rules = [RULES[one] for one in sorted(RULES)]
        emit("RuleList", {"items": rules}, output, _list_rules, lambda: check_screen.rules_document(rules))
        return
    rule = explain(name)
    lines = check_screen.explained(rule)

    def table(console: Console) -> None:
        for line in lines:
            console.print(line, markup=False, soft_wrap=False)

    emit("Rule", rule, output, table, lambda: "\n".join(lines))


def _list_rules(console: Console) -> None:
    for name in sorted(RULES):
        console.print(f"{name:33}{RULES[name].title}", markup=False)
