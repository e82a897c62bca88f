"""``windows agree``, ``waive`` and ``emergency``: words that open gates, kept in the logbook."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from shipkeeper.app.clock import now_ms
from shipkeeper.app.logbook import Logbook
from shipkeeper.app.platform_file import load_platform
from shipkeeper.app.propose import load_plan
from shipkeeper.app.speaker import Speaker, local_identity
from shipkeeper.app.state import State
from shipkeeper.app.windows import Voice, agree, declare_emergency, waive
from shipkeeper.cli.options import output_option, platform_option, state_option
from shipkeeper.cli.output import emit, hint, markdown_table
from shipkeeper.model.platform import Platform


@click.command("agree")
@click.argument("window")
@click.option("--environment", default="", metavar="NAME", help="Whose window it is, where several have it.")
@click.option("--by", multiple=True, required=True, metavar="WHO", help="Who agreed; once for each.")
@click.option("--on", default="", metavar="DATE", help="The day on which they agreed.  [default: today]")
@click.option("--until", default="", metavar="DATE", help="The last day for which it holds.  [default: no last day]")
@click.option("--note", default="", metavar="TEXT", help="Where it was said: a ticket, minutes of a meeting.")
@platform_option
@state_option
@output_option()
def agree_command(
    window: str,
    environment: str,
    by: tuple[str, ...],
    on: str,
    until: str,
    note: str,
    platform: str | None,
    state: str | None,
    output: str,
) -> None:
    """Record that those who depend on the platform agreed to a window, as the platform file has it now.

    WINDOW is a window's name, or one written out as for plan --window. It is agreed once: only a change of its rule,
    hours, zone or content asks for a new agreement.
    """
    said, book = _book(platform, state)
    me = Speaker(name="", identity=local_identity())
    made = agree(
        said,
        book,
        window,
        environment=environment,
        by=by,
        on=on,
        until=until,
        note=note,
        recorded_by=me,
        now_ms=now_ms(),
    )
    until_words = f"until {made.until}" if made.until else "until it is changed"
    line = f"{made.environment}/{window}: agreed by {made.by} on {made.agreed_on}, {until_words}"
    _emit("WindowAgreed", made, output, line)


@click.command("waive")
@click.argument("rule")
@click.argument("plan")
@click.option("--reason", required=True, metavar="TEXT", help="Why, for the record.")
@click.option("--by", required=True, metavar="NAME", help="Who says so, as in people: of the platform file.")
@click.option("--until", default="", metavar="DATE", help="The last day on which it counts.")
@platform_option
@state_option
@output_option()
def waive_command(
    rule: str, plan: str, reason: str, by: str, until: str, platform: str | None, state: str | None, output: str
) -> None:
    """Set a rule aside for one plan, on record. RULE is a gate such as staging-first; PLAN a plan file."""
    said, book = _book(platform, state)
    made = waive(said, book, rule, load_plan(plan), reason=reason, by=by, until=until, now_ms=now_ms())
    _emit("Waived", made, output, f"{made.rule} is waived for {plan} by {made.by}: {made.reason}")


@click.command("emergency")
@click.argument("plan")
@click.option("--reason", required=True, metavar="TEXT", help="Why waiting is the greater danger.")
@click.option("--by", required=True, metavar="NAME", help="Who declares it.")
@click.option("--second", required=True, metavar="NAME", help="Who else says so: another person.")
@click.option("--context", default="", metavar="NAME", help="The first person's kubeconfig context.")
@click.option("--kubeconfig", default="", metavar="PATH", help="The first person's kubeconfig file.")
@click.option("--second-context", default="", metavar="NAME", help="The second person's kubeconfig context.")
@click.option("--second-kubeconfig", default="", metavar="PATH", help="The second person's kubeconfig file.")
@platform_option
@state_option
@output_option()
def emergency_command(
    plan: str,
    reason: str,
    by: str,
    second: str,
    context: str,
    kubeconfig: str,
    second_context: str,
    second_kubeconfig: str,
    platform: str | None,
    state: str | None,
    output: str,
) -> None:
    """Declare an emergency for one plan: two people set windows, notices, freezes and staging aside, on record.

    It opens no gate of safety: leases, budgets, capacity and quorum hold as ever. Who the two are, the API server says
    where their credentials are given, else the platform file.
    """
    said, book = _book(platform, state)
    made = declare_emergency(
        said,
        book,
        load_plan(plan),
        reason=reason,
        first=Voice(by, context, kubeconfig),
        second=Voice(second, second_context, second_kubeconfig),
        now_ms=now_ms(),
    )
    line = (
        f"{made.id}: declared by {made.by} ({made.identity}) and {made.second} ({made.second_identity}) "
        f"for {plan}: {made.reason}"
    )
    _emit("EmergencyDeclared", made, output, line)
    hint("it sets windows, notices, freezes and staging aside for this plan only; every gate of safety holds")


def _book(platform: str | None, state: str | None) -> tuple[Platform, Logbook]:
    said, _ = load_platform(platform, Path.cwd())
    return said, Logbook.of(State.open(state), said)


def _emit(kind: str, made: msgspec.Struct, output: str, line: str) -> None:
    plain = {key: value for key, value in msgspec.to_builtins(made).items() if key != "event"}
    rows = [[key, str(value)] for key, value in plain.items() if value]
    emit(kind, plain, output, lambda _: click.echo(line), lambda: markdown_table(["what", "is"], rows))
