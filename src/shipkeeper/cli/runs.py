"""``shipkeeper runs``: list runs, look at one, and leave words for it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shipkeeper.app.platform_file import load_platform
from shipkeeper.app.runs import is_carried_out, leave_word, list_runs, look
from shipkeeper.app.state import State
from shipkeeper.cli.columns import say, show_columns
from shipkeeper.cli.commands import repeat_flags
from shipkeeper.cli.options import output_option, platform_option, state_option
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
    """List runs; status, pause, resume, approve, abort, release.

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
            console.print(f"      $ {here(line)}", markup=False, soft_wrap=True)
        for left in found.left:
            say(console, "left  ", f"{left.node}: {left.state}")
            if left.next:
                console.print(f"      $ {here(left.next)}", markup=False, soft_wrap=True)
        console.print()
        _table(console, heads, cells, "no steps")
        console.print(f"\njournal head {found.journal_head}")

    emit("Run", found, output, table, lambda: _markdown(found, heads, cells))


def _markdown(found: RunStatus, heads: list[str], cells: list[list[str]]) -> str:
    parts = [f"# {found.id}: {found.state}", markdown_table(heads, cells)]
    if found.left:
        rows = [[left.node, left.state, here(left.next)] for left in found.left]
        parts.append(markdown_table(["node", "left as", "next"], rows))
    return "\n\n".join(parts)


def here(command: str) -> str:
    """A command of ours with the flags of this call that it needs."""
    return repeat_flags(command, sys.argv[1:])


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
        kept = State.open(state)
        by = leave_word(kept, run, word, reason, step, context or "", kubeconfig or "")
        hint(here(f"{word} left for {run} by {by}; see it: shipkeeper runs status {run}"))
        if word == "abort":
            hint("it undoes what is its own; a node that it has to leave cordoned is named there, with its command")
        if not is_carried_out(kept, run):
            hint(here(f"no process here carries {run} out now: it is heard by shipkeeper run --resume {run}"))
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


@command.command("release")
@click.argument("run")
@click.argument("node")
@click.option("--reason", default="", help="Why, for the record.")
@click.option(
    "--without-proof",
    default="",
    metavar="REASON",
    help="Give it back although it is not proven to serve; the reason is kept on record.",
)
@click.option("--context", metavar="NAME", help="The kubeconfig context of the run's cluster.")
@click.option("--kubeconfig", metavar="PATH", help="kubeconfig file, instead of $KUBECONFIG or ~/.kube/config.")
@platform_option
@state_option
@output_option()
def release(
    run: str,
    node: str,
    reason: str,
    without_proof: str,
    context: str | None,
    kubeconfig: str | None,
    platform: str | None,
    state: str | None,
    output: str,
) -> None:
    """Uncordon a node that an aborted or failed run left cordoned, once it serves.

    The node must carry the run's marks, and prove the same as in the night: rebooted, Ready, its daemons and drivers
    back. It goes on the run's record. A node that somebody else had cordoned before the run stays cordoned.
    """
    from shipkeeper.app.release import Release, release_live

    kept = State.open(state)
    declared, _ = load_platform(platform, Path.cwd())
    wish = Release(
        run=run,
        node=node,
        reason=reason,
        without_proof=without_proof,
        context=context or "",
        kubeconfig=kubeconfig or "",
    )
    left = release_live(wish, kept, declared)
    hint(f"{left.node} {left.state}")
    if output != "table":
        show_run(look(kept, run), output)


def _progress(row: RunStatus) -> str:
    done = sum(step.state in ("done", "skipped") for step in row.steps)
    return f"{done}/{len(row.steps)}"


def _table(console: Console, heads: list[str], rows: list[list[str]], nothing: str) -> None:
    if not rows:
        console.print(nothing)
        return
    show_columns(console, [head.upper() for head in heads], rows, whole=(0, 1), last_below=True)
