"""``shipkeeper doctor``: reach, rights, clock, keys, state: what is missing and how to mend it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from shipkeeper.app.diagnosis import Diagnosis
from shipkeeper.app.doctor import Question, diagnose
from shipkeeper.app.platform_file import load_platform
from shipkeeper.app.propose import load_plan
from shipkeeper.app.rights import OUR_GROUP, manifest, parse_subject
from shipkeeper.cli.options import output_option, platform_option, state_option
from shipkeeper.cli.output import emit, markdown_table
from shipkeeper.model.plan import Plan
from shipkeeper.planning.settings import find_cluster

if TYPE_CHECKING:
    from rich.console import Console

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failed": ("✗", "bold red"), "unknown": ("?", "magenta")}


@click.command("doctor")
@click.option("--context", metavar="NAME", help="The kubeconfig context to look at.  [default: the current one]")
@click.option("--kubeconfig", metavar="PATH", help="kubeconfig file, instead of $KUBECONFIG or ~/.kube/config.")
@click.option("--plan", "plan_path", metavar="PLAN", help="Look at what this plan needs: its rights, nodes and driver.")
@click.option(
    "--show-rights",
    metavar="WHO",
    is_flag=False,
    flag_value="",
    help="Only print the RBAC manifest that lets WHO run plans (user:NAME, group:NAME, serviceaccount:NS/NAME), "
    "with --plan this one only.",
)
@platform_option
@state_option
@output_option()
@click.pass_context
def command(
    ctx: click.Context,
    context: str | None,
    kubeconfig: str | None,
    plan_path: str | None,
    show_rights: str | None,
    platform: str | None,
    state: str | None,
    output: str,
) -> None:
    """Tell whether everything is there that survey, plan and run need, and how to mend what is not.

    Changes nothing on the cluster; makes the journal and the signing key where there are none. Exit 0 in order,
    1 something failed or is not known, 2 there is no such context, 7 the cluster cannot be reached.
    """
    plan = load_plan(plan_path) if plan_path else None
    if show_rights is not None:
        click.echo(_rights(plan, platform, context or "", show_rights), nl=False)
        return
    question = Question(context=context or "", kubeconfig=kubeconfig or "", state=state, platform=platform, plan=plan)
    found = diagnose(question)
    emit("Diagnosis", found, output, lambda console: _draw(console, found), lambda: _markdown(found))
    ctx.exit(found.exit_code)


def _rights(plan: Plan | None, platform: str | None, context: str, who: str) -> str:
    declared, _ = load_platform(platform, Path.cwd())
    known_as, uid = (plan.cluster.name, plan.cluster.uid) if plan is not None else (context, "")
    cluster = find_cluster(declared, "", known_as, uid)
    namespace = cluster[1].lease_namespace if cluster is not None else "kube-system"
    return manifest(plan, namespace, parse_subject(who) if who else OUR_GROUP)


def _draw(console: Console, found: Diagnosis) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in found.checks:
        mark, style = _MARKS[check.state]
        words = Text(check.reading)
        if check.mend and check.state != "ok":
            words.append(f"\n→ {check.mend}", style="dim")
        table.add_row(Text(mark, style=style), Text(check.id), words)
    console.print(table)
    console.print(Text(_sum(found)))


def _sum(found: Diagnosis) -> str:
    count = {state: sum(1 for check in found.checks if check.state == state) for state in _MARKS}
    words = [f"{count[state]} {state}" for state in ("failed", "unknown", "warning", "ok") if count[state]]
    return " · ".join(words)


def _markdown(found: Diagnosis) -> str:
    rows = [[check.state, check.id, check.reading, check.mend] for check in found.checks]
    return markdown_table(["STATE", "CHECK", "READING", "MEND"], rows)
