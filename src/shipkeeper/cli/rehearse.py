"""``shipkeeper rehearse``: the night before it happens."""

from __future__ import annotations

import sys

import click

from shipkeeper.app.propose import load_plan
from shipkeeper.app.rehearse import keep, rehearse_plan, stopwatch
from shipkeeper.app.sources import source_of
from shipkeeper.app.state import State
from shipkeeper.app.survey import read_inventory
from shipkeeper.cli.options import output_option, source_options, state_option
from shipkeeper.cli.output import emit, hint
from shipkeeper.cli.rehearse_screen import markdown, show

DOES_NOT_FIT = 5
"""Exit code: does not fit, is blocked, or cannot be known."""


@click.command("rehearse")
@click.argument("plan_path", metavar="PLAN")
@source_options
@click.option("--seeds", type=click.IntRange(min=1), default=200, show_default=True, help="How many nights to play.")
@click.option("--first-seed", type=click.IntRange(min=0), default=1, show_default=True, help="The first night's seed.")
@click.option("--no-compare", is_flag=True, help="Don't play other batch sizes beside the plan.")
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Processes to use.  [default: all processors]")
@click.option("--save", "save_path", metavar="FILE", help="Also write the forecast to a file, for run --forecast.")
@click.option("--svg", "svg_path", metavar="FILE", help="Draw the night as a chart.")
@state_option
@output_option()
@click.pass_context
def command(
    ctx: click.Context,
    plan_path: str,
    from_path: str | None,
    context: str | None,
    kubeconfig: str | None,
    seeds: int,
    first_seed: int,
    no_compare: bool,
    workers: int | None,
    save_path: str | None,
    svg_path: str | None,
    state: str | None,
    output: str,
) -> None:
    """Play a plan on a twin of the cluster, many times, in virtual time, and say what to expect.

    The forecast is kept under the plan's digest, where run finds it. Exit code 5 unless the plan fits, and unless all
    that may stop a drain could be read.
    """
    plan = load_plan(plan_path)
    inventory = read_inventory(source_of(from_path, context, kubeconfig), platform=False)
    kept = State.open(state)
    began = stopwatch()
    with _Progress() as progress:
        forecast = rehearse_plan(
            plan,
            inventory,
            seeds,
            first_seed=first_seed,
            compare=not no_compare,
            workers=workers,
            progress=progress,
        )
    spent = stopwatch() - began
    keep(forecast, plan, kept, save_path or "", svg_path or "")
    emit(
        "Forecast",
        forecast,
        output,
        lambda console: show(console, forecast, plan, spent),
        lambda: markdown(forecast, plan),
    )
    for path, what in ((save_path, "forecast"), (svg_path, "chart")):
        if path:
            hint(f"{what} written to {path}")
    if not forecast.known_to_fit:
        ctx.exit(DOES_NOT_FIT)


class _Progress:
    """A counter on stderr, in place, where that is a terminal."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._last = 0.0

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown and self._last:
            click.echo("\r\033[K", nl=False, err=True)

    def __call__(self, done: int, total: int) -> None:
        now = stopwatch()
        if self._shown and (now - self._last > 0.2 or done == total):
            self._last = now
            click.echo(f"\rplayed {done} of {total} nights", nl=False, err=True)
