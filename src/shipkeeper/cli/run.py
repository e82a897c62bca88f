"""``shipkeeper run``: carry out a plan, durably and behind gates."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import click

from shipkeeper.app.carry_out import Order, carry_out_live, new_run, plan_of, unfinished
from shipkeeper.app.clock import now_ms
from shipkeeper.app.notices.herald import Herald, wanted
from shipkeeper.app.platform_file import base_folder, load_platform
from shipkeeper.app.propose import load_plan
from shipkeeper.app.runs import look
from shipkeeper.app.state import State, read_forecast
from shipkeeper.cli.options import given, output_option, platform_option, state_option
from shipkeeper.cli.output import console, hint
from shipkeeper.cli.runs import here, show_run
from shipkeeper.cli.screen import Night
from shipkeeper.execution.world import RunResult
from shipkeeper.model.errors import BadInput, UsageProblem
from shipkeeper.model.plan import Plan
from shipkeeper.model.platform import Platform
from shipkeeper.model.run import RunStatus
from shipkeeper.model.time import parse_duration
from shipkeeper.ports.journal import Entry

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text


@click.command("run")
@click.argument("plan_path", metavar="[PLAN]", required=False)
@click.option("--context", metavar="NAME", help="The kubeconfig context of the plan's cluster.")
@click.option("--kubeconfig", metavar="PATH", help="kubeconfig file, instead of $KUBECONFIG or ~/.kube/config.")
@click.option("--resume", metavar="RUN", help="Go on with this run; its plan is in the journal.")
@click.option("--forecast", "forecast_path", metavar="FILE", help="The rehearsal to go by; else the one kept in state.")
@click.option(
    "--without-rehearsal", metavar="REASON", help="Run a windowed plan without a fitting rehearsal; kept on record."
)
@click.option(
    "--hold-for",
    metavar="DURATION",
    help="How long a held run waits here for its cause to go or for a person, before it ends, resumable. "
    "[default: as long as the window; at once without one]",
)
@click.option("--pause-for", metavar="DURATION", help="The same for a paused run.  [default: until a person says so]")
@click.option(
    "--notify/--no-notify",
    default=None,
    help="Tell those who were told beforehand that it begins, lasts longer, is over.  [default: by the platform file]",
)
@platform_option
@state_option
@output_option()
@click.pass_context
def command(
    ctx: click.Context,
    /,
    plan_path: str | None,
    context: str | None,
    kubeconfig: str | None,
    resume: str | None,
    forecast_path: str | None,
    without_rehearsal: str | None,
    hold_for: str | None,
    pause_for: str | None,
    notify: bool | None,
    platform: str | None,
    state: str | None,
    output: str,
) -> None:
    """Carry out a plan on its cluster. Waits for the window; every effect is on record before it happens.

    Ctrl-C stops at the next safe point, a second one at once. A plan that was interrupted goes on where it stood.
    With -o json, stdout gets the run's state once it has ended; what happens meanwhile goes to stderr.
    """
    kept = State.open(state)
    declared, _ = load_platform(platform, Path.cwd())
    plan, run_id = _what(kept, plan_path, resume)
    if plan.window is None:
        hint("this plan has no window: it begins now")
    forecast = read_forecast(Path(forecast_path)) if forecast_path else kept.find_forecast(plan.digest)
    order = Order(
        plan=plan,
        run_id=run_id,
        context=context or "",
        kubeconfig=kubeconfig or "",
        forecast=forecast,
        without_rehearsal=without_rehearsal or "",
        hold_for_ms=_hold(hold_for, plan),
        pause_for_ms=None if pause_for is None else parse_duration(pause_for),
    )
    herald = _herald(notify, order, declared, platform, kept)
    with _Screen(Night(forecast)) as screen, herald or nullcontext():
        heard = herald.around(screen.take) if herald is not None else screen.take
        result = carry_out_live(order, kept, declared, heard, _warn)
    found = _found(kept, result, plan)
    _last_words(result, found)
    if output != "table":
        show_run(found, output)
    ctx.exit(result.exit_code)


def _what(state: State, plan_path: str | None, resume: str | None) -> tuple[Plan, str]:
    """The plan, and the run that carries it out: a new one, or one that is not over."""
    if resume:
        plan = plan_of(state, resume)
        if plan_path and load_plan(plan_path).digest != plan.digest:
            raise UsageProblem(
                f"{resume} does not carry out {plan_path}", hint=f"shipkeeper run --resume {resume}, without a plan"
            )
        return plan, resume
    if not plan_path:
        raise UsageProblem("name a plan file, or a run with --resume", hint="shipkeeper run night.plan --context NAME")
    plan = load_plan(plan_path)
    known = unfinished(state, plan)
    if known:
        hint(f"{known} carries out this plan and is not over: going on with it")
    return plan, known or new_run()


def _herald(said: bool | None, order: Order, platform: Platform, path: str | None, state: State) -> Herald | None:
    """Who tells people while it runs; None: nobody does."""
    if not wanted(said, platform):
        if said:
            hint("nobody is told: the platform file declares no channels")
        return None
    return Herald(order.plan, platform, base_folder(path, Path.cwd()), state, order.run_id, _warn)


def _warn(text: str) -> None:
    hint(f"warning: {text}")


def _hold(said: str | None, plan: Plan) -> int | None:
    if said is not None:
        return parse_duration(said)
    return None if plan.window is not None else 0


def _found(state: State, result: RunResult, plan: Plan) -> RunStatus:
    """The run as the journal has it; one that was interrupted before its first record is not there."""
    try:
        return look(state, result.run_id)
    except BadInput:
        return RunStatus(id=result.run_id, plan_digest=plan.digest, state=result.state, reason=result.reason)


def _last_words(result: RunResult, found: RunStatus) -> None:
    run = result.run_id
    if result.state == "done":
        hint(here(f"{run} done: {result.reason}. Next: shipkeeper evidence write {run} --out report/"))
    elif result.state in ("held", "paused", "interrupted"):
        hint(f"{run} {result.state}: {result.reason}")
        hint(here(f"  see it: shipkeeper runs status {run}"))
        hint(f"  go on:  shipkeeper run --resume {run}{given('context', 'kubeconfig', 'platform', 'state')}")
    else:
        for left in found.left:
            if left.next:
                hint(f"{left.node}: {left.state}")
                hint(here(f"  give it back once it is well: {left.next}"))
        words = f"{run} {result.state}: {result.reason}"
        hint(here(f"{words}. Its record: shipkeeper evidence write {run} --out report/"))
        hint("  who was told that it began waits for a word of yours: nothing is told by itself after such an end")


class _Screen:
    """Redraws in place on a terminal; elsewhere one timestamped line an event."""

    def __init__(self, night: Night) -> None:
        self._night = night
        self._console = console(stderr=True)
        self._live: Live | None = None

    def __enter__(self) -> _Screen:
        if self._console.is_terminal:
            from rich.live import Live

            self._live = Live(get_renderable=self._draw, console=self._console, refresh_per_second=2, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
            self._console.print(self._draw())

    def take(self, entry: Entry) -> None:
        """Fold an entry in. A terminal that has gone away does not stop the run: the journal has everything."""
        line = self._night.take(entry)
        if line is not None and self._live is None:
            with suppress(OSError, ValueError):
                click.echo(here(line), err=True)

    def _draw(self) -> Text:
        from rich.text import Text

        lines = [here(line) for line in self._night.lines(now_ms())]
        height = max(8, self._console.size.height - 1)
        return Text("\n".join(lines[:height]), overflow="ellipsis", no_wrap=True)
