"""``shipkeeper upgrade``: the way to a version, what is to read before each hop, and what people said of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from shipkeeper.app.clock import now_ms
from shipkeeper.app.logbook import Logbook
from shipkeeper.app.platform_file import load_platform
from shipkeeper.app.state import State
from shipkeeper.app.upgrade import hop_named
from shipkeeper.app.upgrade_book import DECISIONS, acknowledge, decide, gather, report_problem, standings
from shipkeeper.cli.options import given, output_option, platform_option, source_options, state_option
from shipkeeper.cli.output import emit, hint, markdown_table
from shipkeeper.cli.upgrade_options import look, path_options, speaker_options, who_speaks
from shipkeeper.cli.upgrade_screen import (
    notes_markdown,
    path_markdown,
    print_notes,
    print_path,
    print_ready,
    ready_markdown,
)
from shipkeeper.model.errors import UsageProblem

_BROKEN, _NOT_READY = 5, 4


@click.group("upgrade")
def command() -> None:
    """The way from one version to another, and what to read before each hop."""


@command.command("path")
@path_options
@click.option("--via", multiple=True, metavar="VERSION", help="Stops of your own: says whether the policy allows them.")
@source_options
@output_option()
@click.pass_context
def path_of(ctx: click.Context, /, output: str, state: str | None, **asked: Any) -> None:
    """The ordered hops to a version: why each is there, what is skipped, what else the rule allows.

    With an inventory: what each hop of Kubernetes asks of kubelets and controllers, which APIs it takes away and who
    uses them, and CRDs whose stored versions are in the way. Exit code 5: no way, or --via breaks the rule.
    """
    found = look(asked, state, (asked["from_path"], asked["context"], asked["kubeconfig"]))
    emit("UpgradePath", found.payload(), output, lambda c: print_path(c, found), lambda: path_markdown(found))
    if found.broken:
        ctx.exit(_BROKEN)


def _notes_options(function: Any) -> Any:
    for option in (
        click.option("--notes", multiple=True, metavar="FILE", help="A change log to read instead of a checkout's."),
        path_options,
    ):
        function = option(function)
    return function


@command.command("notes")
@_notes_options
@click.option("--hop", default="", metavar="VERSION", help="Only the hop that reaches this version.")
@click.option("--whole", is_flag=True, help="Every item, and the migration documents as they are.")
@output_option()
def notes_of(output: str, hop: str, whole: bool, state: str | None, notes: tuple[str, ...], **asked: Any) -> None:
    """What to read before each hop: notices, breaking changes, migration steps, and what could not be found.

    Everything is read as it was at the hop's release, never as it is on a branch.
    """
    found = look(asked, state)
    platform, _ = load_platform(asked["platform"], Path.cwd())
    gathered = gather(found, hop_named(found.path, hop), notes)
    stand = standings(gathered, Logbook.of(State.open(state), platform))
    payload = {"component": found.path.component, "policy": found.path.policy, "hops": gathered, "standing": stand}
    emit(
        "UpgradeNotes",
        payload,
        output,
        lambda console: print_notes(console, gathered, stand, whole),
        lambda: notes_markdown(gathered, stand),
    )


@command.command("ready")
@_notes_options
@output_option()
@click.pass_context
def ready(ctx: click.Context, /, output: str, state: str | None, notes: tuple[str, ...], **asked: Any) -> None:
    """Whether each hop may be taken: its notes read, and every problem found talked over. Exit code 4: not yet."""
    found = look(asked, state)
    platform, _ = load_platform(asked["platform"], Path.cwd())
    gathered = gather(found, hop_named(found.path, ""), notes)
    stand = standings(gathered, Logbook.of(State.open(state), platform))
    payload = {"component": found.path.component, "ready": all(item.ready for item in stand), "items": stand}
    emit("UpgradeReady", payload, output, lambda console: print_ready(console, stand), lambda: ready_markdown(stand))
    if not payload["ready"]:
        ctx.exit(_NOT_READY)


@command.command("acknowledge")
@_notes_options
@click.option("--hop", required=True, metavar="VERSION", help="The hop whose notes were read: the version it reaches.")
@click.option("--note", default="", metavar="TEXT", help="A remark for the record.")
@click.option("--digest", default="", metavar="SHA256", help="Of what notes showed you; refused when it changed since.")
@speaker_options
@output_option()
def acknowledged(
    output: str, hop: str, note: str, digest: str, by: str, context: str | None, kubeconfig: str | None,
    state: str | None, notes: tuple[str, ...], **asked: Any,
) -> None:  # fmt: skip
    """Say for the record that you read the notes of one hop. Should they change later, they are read again."""
    found = look(asked, state)
    platform, _ = load_platform(asked["platform"], Path.cwd())
    who = who_speaks(platform, by, context, kubeconfig)
    [gathered] = gather(found, hop_named(found.path, hop), notes)
    stand = acknowledge(gathered, who, note, Logbook.of(State.open(state), platform), now_ms(), digest)
    hint(f"{who.name} ({who.identity}) read the notes of {gathered.to_version}: {gathered.digest}")
    emit("HopReady", stand, output, lambda console: print_ready(console, [stand]), lambda: ready_markdown([stand]))


@command.command("problem")
@_notes_options
@click.option("--hop", required=True, metavar="VERSION", help="The hop whose notes tell of it: the version it reaches.")
@click.option("--text", required=True, metavar="TEXT", help="What may go wrong, and why you think so.")
@speaker_options
@output_option()
def problem_found(
    output: str, hop: str, text: str, by: str, context: str | None, kubeconfig: str | None, state: str | None,
    notes: tuple[str, ...], **asked: Any,
) -> None:  # fmt: skip
    """Report a problem found in a hop's notes. The hop waits until somebody else has decided about it."""
    found = look(asked, state)
    platform, _ = load_platform(asked["platform"], Path.cwd())
    who = who_speaks(platform, by, context, kubeconfig)
    [gathered] = gather(found, hop_named(found.path, hop), notes)
    told = report_problem(gathered, who, text, Logbook.of(State.open(state), platform), now_ms())
    hint(
        f"{told.id}: {told.component} {told.hop_from} → {told.hop_to} waits for a second person. They decide: "
        f"shipkeeper upgrade decide {told.id} --proceed|--stop --text TEXT --by NAME{given('platform', 'state')}"
    )
    cells = [["id", told.id], ["hop", f"{told.hop_from} → {told.hop_to}"], ["by", told.by], ["text", told.text]]
    emit("ProblemFound", told, output, lambda _: click.echo(told.id), lambda: markdown_table(["", ""], cells))


@command.command("decide")
@click.argument("problem", metavar="PROBLEM")
@click.option("--proceed", "decision", flag_value=DECISIONS[0], help="It was talked over, and the hop may be taken.")
@click.option("--stop", "decision", flag_value=DECISIONS[1], help="The hop is not taken as it is.")
@click.option("--text", required=True, metavar="TEXT", help="What was talked over, and why this was decided.")
@speaker_options
@platform_option
@state_option
@output_option()
def decided(
    problem: str, decision: str | None, text: str, by: str, context: str | None, kubeconfig: str | None,
    platform: str | None, state: str | None, output: str,
) -> None:  # fmt: skip
    """Decide about a problem that somebody else found. Whoever found it cannot."""
    if decision is None:
        raise UsageProblem("how it was decided is not said", object=problem, hint="add --proceed or --stop")
    known, _ = load_platform(platform, Path.cwd())
    who = who_speaks(known, by, context, kubeconfig)
    told = decide(problem, who, decision, text, Logbook.of(State.open(state), known), now_ms())
    cells = {"problem": told.id, "hop": f"{told.hop_from} → {told.hop_to}", "decision": decision, "by": who.name}
    hint(f"{told.component} {told.hop_from} → {told.hop_to}: {decision}, decided by {who.name} ({who.identity})")
    payload = {**cells, "component": told.component, "text": text, "identity": who.identity}
    emit(
        "Decision",
        payload,
        output,
        lambda _: click.echo(decision),
        lambda: markdown_table([*cells], [[*cells.values()]]),
    )
