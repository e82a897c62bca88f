"""``shipkeeper runs``: list runs, look at one, and leave words for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from shipkeeper.app.runs import leave_word, list_runs, look
from shipkeeper.app.state import State
from shipkeeper.cli.columns import say, show_columns
from shipkeeper.cli.options import given, output_option, state_option
from shipkeeper.cli.output import emit, hint, markdown_table
from shipkeeper.model.run import RunStatus

if TYPE_CHECKING:
    from rich.console import Console

_PAUSED = 6
_HELD = 4


@click.group("runs", invoke_without_command=True)
@state_option
@output_option()
@click.pass_context
def command(ctx: click.Context, state: str | None, output: str) -> None:
    """List runs; status, pause, resume, approve, abort.

    'shipkeeper status RUN' is short for 'shipkeeper runs status RUN', and so on.
    """
    if ctx.invoked_subcommand is not None:
        return
    rows = list_runs(State.open(state))

    def cells() -> list[list[str]]:
        return [[row.id, row.state, row.started_at, row.ended_at or "–", _progress(row), row.reason] for row in rows]

    heads = ["run", "state", "started", "ended", "steps", "why"]
    emit(
        "RunList",
        {"items": rows},
        output,
        lambda console: _table(console, heads, cells(), "no runs yet"),
        lambda: markdown_table(heads, cells()),
    )


@command.command("status")
@click.argument("run")
@click.option("--exit-code", is_flag=True, help="Exit 4 when it is held, 6 when it is paused.")
@state_option
@output_option()
@click.pass_context
def status(ctx: click.Context, run: str, exit_code: bool, state: str | None, output: str) -> None:
    """Show one run: its state, why, what to do, and each step."""
    found = look(State.open(state), run)
    show_run(found, output)
    if exit_code:
        ctx.exit({"held": _HELD, "paused": _PAUSED}.get(found.state, 0))


def show_run(found: RunStatus, output: str) -> None:
    """Write one run's state in the asked format."""
    heads = ["step", "state", "attempts", "why"]
    cells = [[step.id, step.state, str(step.attempts), step.reason] for step in found.steps]

    def table(console: Console) -> None:
        console.print(f"{found.id}  {found.state.upper()}  {_progress(found)} steps  plan {found.plan_digest[:19]}…")
        if found.reason:
            say(console, "why   ", found.reason)
        for line in found.commands:
            console.print(f"      $ {line}", markup=False, soft_wrap=True)
        console.print()
        _table(console, heads, cells, "no steps")
        console.print(f"\njournal head {found.journal_head}")

    emit("Run", found, output, table, lambda: f"# {found.id}: {found.state}\n\n" + markdown_table(heads, cells))


def _word(word: str, text: str) -> click.Command:
    @command.command(word, help=text)
    @click.argument("run")
    @click.option("--reason", default="", help="Why, for the record.")
    @click.option("--step", default="", metavar="STEP", help="Only for this step or node.")
    @click.option("--context", metavar="NAME", help="The cluster that is asked who you are.")
    @click.option("--kubeconfig", metavar="PATH", help="kubeconfig file, instead of $KUBECONFIG or ~/.kube/config.")
    @state_option
    @output_option()
    def leave(
        run: str,
        reason: str,
        step: str,
        context: str | None,
        kubeconfig: str | None,
        state: str | None,
        output: str,
    ) -> None:
        by = leave_word(State.open(state), run, word, reason, step, context or "", kubeconfig or "")
        hint(f"{word} left for {run} by {by}; see it: shipkeeper runs status {run}{given('state')}")
        if output != "table":
            left = {"run": run, "word": word, "step": step, "by": by, "reason": reason}
            emit("Word", left, output, lambda _: None, lambda: markdown_table([*left], [[*left.values()]]))

    made: click.Command = leave
    return made


_word("pause", "Ask the run to stop at the next safe point and wait.")
_word("resume", "Let a paused or held run go on.")
_word("approve", "Approve what the run waits for. The API server says who you are.")
_word("abort", "End the run: it undoes what is its own, and says what is not.")
_word("reboot-done", "Say that you rebooted the node that the run waits for.")


def _progress(row: RunStatus) -> str:
    done = sum(step.state in ("done", "skipped") for step in row.steps)
    return f"{done}/{len(row.steps)}"


def _table(console: Console, heads: list[str], rows: list[list[str]], nothing: str) -> None:
    if not rows:
        console.print(nothing)
        return
    show_columns(console, [head.upper() for head in heads], rows, whole=(0, 1), last_below=True)
