"""``shipkeeper evidence``: write and verify the record of a run."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shipkeeper.app.clock import now_ms
from shipkeeper.app.prove import Evidence, export_key, prove, show, verify_path
from shipkeeper.app.state import State
from shipkeeper.cli.options import given, output_option, state_option
from shipkeeper.cli.output import emit, hint, markdown_table
from shipkeeper.evidence.html import sign
from shipkeeper.evidence.markdown import markdown
from shipkeeper.evidence.report import Report
from shipkeeper.evidence.verify import Verification
from shipkeeper.model.words import count

if TYPE_CHECKING:
    from rich.console import Console


@click.group("evidence")
def command() -> None:
    """Write and verify the record of a run."""


@command.command("write")
@click.argument("run")
@click.option("--out", metavar="DIR", required=True, help="Folder for index.html, report.md and record.json.")
@click.option("--zone", default="", metavar="ZONE", help="The reader's time zone (IANA name); else the window's.")
@click.option("--forecast", default="", metavar="FILE", help="The forecast it ran with; else the one kept in state.")
@state_option
@output_option()
def write(run: str, out: str, zone: str, forecast: str, state: str | None, output: str) -> None:
    """Write a run's report and its record, signed, into a folder that anybody can verify offline."""
    made = prove(State.open(state), run, Path(out), now_ms(), zone=zone, forecast_path=forecast)
    _say_what_is_missing(made.report, made.other_forecast)

    def table(console: Console) -> None:
        _print_written(console, made)

    emit("Evidence", _evidence(made), output, table, lambda: _written_markdown(made))


@command.command("show")
@click.argument("run")
@click.option("--zone", default="", metavar="ZONE", help="The reader's time zone (IANA name); else the window's.")
@click.option("--forecast", default="", metavar="FILE", help="The forecast it ran with; else the one kept in state.")
@state_option
@output_option()
def show_report(run: str, zone: str, forecast: str, state: str | None, output: str) -> None:
    """Show a run's report without writing anything: as Markdown, or every value of it as JSON."""
    report = show(State.open(state), run, zone=zone, forecast_path=forecast)
    at_ms = now_ms()

    def table(console: Console) -> None:
        from rich.markdown import Markdown

        console.print(Markdown(markdown(report, at_ms)))

    emit("Report", report, output, table, lambda: markdown(report, at_ms))


@command.command("verify")
@click.argument("path", metavar="DIR|record.json")
@click.option("--key", default="", metavar="FILE", help="Public key (PEM) of whoever must have written it.")
@click.option(
    "--expect-head", default="", metavar="HASH", help="The head kept outside: the annotation on the cluster's Lease."
)
@output_option()
@click.pass_context
def verify(ctx: click.Context, path: str, key: str, expect_head: str, output: str) -> None:
    """Find any edit of a record, offline, and say what stays unproven. Exit code 1 when it is broken."""
    found = verify_path(Path(path), key, expect_head)

    def table(console: Console) -> None:
        _print_verification(console, found)

    emit("Verification", found, output, table, lambda: _verification_markdown(found))
    if found.verdict != "holds":
        ctx.exit(1)


@command.command("key")
@click.option("--out", default="", metavar="FILE", help="Where to write it; without, it goes to stdout.")
@state_option
@output_option()
def key(out: str, state: str | None, output: str) -> None:
    """Write the public key that verifies this state folder's records (PEM). The key pair is made on first use."""
    signer = export_key(State.open(state), out)
    pem = signer.public_pem().decode()
    if out:
        hint(f"key {signer.key_id} written to {out}")
    if output in ("json", "yaml") or not out:
        payload = {"keyId": signer.key_id, "pem": pem, "file": out}
        emit("PublicKey", payload, output, lambda _: click.echo(pem, nl=False), lambda: f"```\n{pem}```")


def _say_what_is_missing(report: Report, other_forecast: bool) -> None:
    if other_forecast:
        hint("The forecast in state is not the one this run was started with: nothing is compared. See --forecast.")
    for when, items in (("before", report.before), ("after", report.after)):
        if not items:
            subject = report.plan_digest if when == "before" else report.run
            hint(f"No checklist {when} is on record: shipkeeper checklist {when} {subject} …")


def _evidence(made: Evidence) -> dict[str, object]:
    return {
        "run": made.run,
        "outcome": made.report.outcome,
        "files": [str(path) for path in made.files],
        "head": made.head,
        "keyId": made.key_id,
        "deviations": len(made.report.deviations),
        "left": [row.what for row in made.report.left],
    }


def _print_written(console: Console, made: Evidence) -> None:
    report = made.report
    console.print(f"{sign(report.outcome)} {report.title}. {report.sentence}", markup=False)
    for path in made.files:
        console.print(f"  {path}", markup=False)
    console.print(f"head  {made.head}", markup=False, soft_wrap=True)
    get_key = f"shipkeeper evidence key --out pub.pem{given('state')}"
    console.print(f"key   {made.key_id}   (public key: {get_key})", markup=False, soft_wrap=True)
    if report.left:
        console.print(f"{len(report.left)} left to do:", markup=False)
        for row in report.left:
            console.print(f"  ! {row.what}", markup=False)
            if row.command:
                console.print(f"      {row.command}", markup=False)
    folder = made.files[0].parent
    words = f"Next: shipkeeper evidence verify {shlex.quote(str(folder))} --key pub.pem"
    console.print(words, markup=False, soft_wrap=True)


def _written_markdown(made: Evidence) -> str:
    rows = [[path.name, str(path)] for path in made.files]
    return markdown_table(["file", "where"], rows) + f"\n\nHead `{made.head}`, key `{made.key_id}`."


def _print_verification(console: Console, found: Verification) -> None:
    for check in found.checks:
        mark = "✓" if check.state == "holds" else "✗"
        detail = f" — {check.detail}" if check.detail else ""
        console.print(f"{mark} {check.state:<7} {check.what}{detail}", markup=False, soft_wrap=True)
    for text in found.unproven:
        console.print(f"? unproven {text}", markup=False, soft_wrap=True)
    if found.verdict == "holds":
        rest = f"; {_unproven(len(found.unproven))}" if found.unproven else "; nothing stays unproven"
        console.print(f"HOLDS: {found.records} records of {found.run}{rest}", markup=False)
    else:
        broken = sum(1 for check in found.checks if check.state == "broken")
        console.print(
            f"BROKEN: {broken} of {len(found.checks)} checks failed. Do not rely on this record.", markup=False
        )


def _unproven(number: int) -> str:
    return count(number, "thing stays", "things stay") + " unproven"


def _verification_markdown(found: Verification) -> str:
    lines = [f"**{found.verdict.upper()}** {found.run}", ""]
    lines.append(markdown_table(["check", "state", "detail"], [[c.what, c.state, c.detail] for c in found.checks]))
    if found.unproven:
        lines += ["", "Unproven:", "", *(f"- {text}" for text in found.unproven)]
    return "\n".join(lines)
