"""``shipkeeper record``: put work on record that was carried out by other means."""

from __future__ import annotations

from pathlib import Path

import click

from shipkeeper.app.clock import now_ms
from shipkeeper.app.logbook import Logbook
from shipkeeper.app.platform_file import load_platform
from shipkeeper.app.state import State
from shipkeeper.app.work import is_scheduled, record_work
from shipkeeper.cli.columns import say
from shipkeeper.cli.options import output_option, platform_option, state_option
from shipkeeper.cli.output import emit, hint, markdown_table
from shipkeeper.model.book import WorkRecorded


@click.command("record")
@click.argument("task")
@click.option("--by", multiple=True, metavar="NAME", help="Who did it; repeat for everybody who took part.")
@click.option("--on", default="", metavar="DATE", help="The day on which it was done; today when not given.")
@click.option("--component", default="", metavar="NAME", help="What it was done to, where the task does not say it.")
@click.option("--change", default="", metavar="TEXT", help='What changed exactly, such as "1.12.5 -> 1.13.4".')
@click.option("--environment", default="", metavar="NAME", help="The environment that it was done in.")
@click.option("--recorded-by", default="", metavar="NAME", help="Who records it, where they did not do it.")
@click.option("--note", default="", metavar="TEXT", help="Where more is written about it.")
@platform_option
@state_option
@output_option()
def command(
    task: str,
    by: tuple[str, ...],
    on: str,
    component: str,
    change: str,
    environment: str,
    recorded_by: str,
    note: str,
    platform: str | None,
    state: str | None,
    output: str,
) -> None:
    """Put work on record that was carried out by other means: what, who, when, and what changed exactly.

    TASK is a task of the schedule, or a runbook of your own. 'due' counts it as done, 'people' as known to who did it,
    and with --environment and --change it is what production waits for from staging.
    """
    known, _ = load_platform(platform, Path.cwd())
    made = record_work(
        known,
        Logbook.of(State.open(state), known),
        task,
        by=by,
        now_ms=now_ms(),
        on=on,
        component=component,
        change=change,
        environment=environment,
        recorded_by=recorded_by,
        note=note,
    )
    if not is_scheduled(known, task):
        hint(f"{task} is no task of the schedule: recorded as a runbook of your own, which due does not count.")
    if made.change and not made.environment and known.environments:
        hint("No --environment: production will not find this when it asks what was tried before it.")
    emit("Work", made, output, lambda console: say(console, "✓ ", _words(made)), lambda: _markdown(made))


def _words(made: WorkRecorded) -> str:
    what = f"{made.runbook} on {made.component}" if made.component != made.runbook else made.runbook
    change = f", {made.change}" if made.change else ""
    where = f" in {made.environment}" if made.environment else ""
    return f"{what}{change}{where}: done on {made.done_on} by {' and '.join(made.by)}"


def _markdown(made: WorkRecorded) -> str:
    cells = [made.runbook, made.component, made.change, made.environment, made.done_on, ", ".join(made.by), made.note]
    return markdown_table(["Task", "Component", "Change", "Environment", "Done on", "By", "Note"], [cells])
