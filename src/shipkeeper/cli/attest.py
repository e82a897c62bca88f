"""``shipkeeper attest``: put a person's word on record that a human check was done."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shipkeeper.app.attestations import Standing, attest, find_task, may_attest, read_answers, standings
from shipkeeper.app.clock import now_ms
from shipkeeper.app.logbook import Logbook
from shipkeeper.app.platform_file import load_platform
from shipkeeper.app.state import State
from shipkeeper.cli.columns import say, show_columns
from shipkeeper.cli.options import given, output_option, platform_option, state_option
from shipkeeper.cli.output import emit, hint, markdown_table
from shipkeeper.model.book import Attested
from shipkeeper.model.errors import UsageProblem
from shipkeeper.model.schedule import Task

if TYPE_CHECKING:
    from rich.console import Console

_HEADERS = ["TASK", "WHAT", "CADENCE", "LAST", "BY", "WHOSE WORD COUNTS"]


@click.command("attest")
@click.argument("task", required=False, default="")
@click.option("--list", "listing", is_flag=True, help="Show what people attest, and what is on record.")
@click.option("--by", default="", metavar="NAME", help="Who says so, as in people: of the platform file.")
@click.option("--on", default="", metavar="DATE", help="The day on which it was done; today when not given.")
@click.option(
    "--answer", "answers", multiple=True, metavar="QUESTION=TEXT", help="An answer, by the question's number or words."
)
@click.option("--note", default="", metavar="TEXT", help="Where the evidence is kept, and what else matters.")
@click.option("--environment", default="", metavar="NAME", help="The environment that it is about, where not all.")
@platform_option
@state_option
@output_option()
def command(
    task: str,
    listing: bool,
    by: str,
    on: str,
    answers: tuple[str, ...],
    note: str,
    environment: str,
    platform: str | None,
    state: str | None,
    output: str,
) -> None:
    """Put on record that a human check was done: who says so, on which day, with an answer to each of its questions.

    On a terminal it asks for what was not given.
    """
    known, _ = load_platform(platform, Path.cwd())
    logbook = Logbook.of(State.open(state), known)
    if listing or not task:
        if task or by or answers:
            raise UsageProblem("--list shows every task: leave the others out, or leave --list out")
        _list(standings(known, logbook), output)
        return
    row = find_task(known, task)
    said = read_answers(row, answers)
    if _asks(output):
        by = by or click.prompt("Who says so (--by)", err=True)
        may_attest(known, row, by)
        said = _ask(row, said)
    made = attest(known, logbook, row, by=by, answers=said, now_ms=now_ms(), on=on, note=note, environment=environment)
    if row.attested_by and not known.people:
        hint(f"The platform file names no people: nobody could tell whether {made.by} has the role for this.")
    emit("Attestation", made, output, lambda console: _drawn(console, row, made), lambda: _markdown(row, made))


def _asks(output: str) -> bool:
    """Whether a person is there to be asked."""
    return output == "table" and sys.stdin.isatty() and sys.stderr.isatty()


def _ask(task: Task, said: dict[str, str]) -> dict[str, str]:
    """Every question that has no answer yet."""
    for number, question in enumerate(task.questions, 1):
        if question not in said:
            said[question] = click.prompt(f"{number}/{len(task.questions)} {question}\n ", err=True)
    return said


def _list(found: tuple[Standing, ...], output: str) -> None:
    rows = [_cells(item) for item in found]

    def table(console: Console) -> None:
        show_columns(console, _HEADERS, rows, whole=(0, 3))
        open_ones = [item.task for item in found if item.last is None]
        if open_ones:
            say(console, "", f"Next: shipkeeper attest {open_ones[0]} --by NAME{given('platform', 'state')}")

    heads = [head.capitalize() for head in _HEADERS]
    emit("Attestations", {"items": found}, output, table, lambda: markdown_table(heads, rows))


def _cells(item: Standing) -> list[str]:
    last, by = (item.last.done_on, item.last.by) if item.last is not None else ("never", "–")
    return [item.task, item.title, item.cadence, last, by, " or ".join(item.attested_by) or "anybody's"]


def _drawn(console: Console, task: Task, made: Attested) -> None:
    where = f" ({made.environment})" if made.environment else ""
    say(console, "✓ ", f"{task.task}{where}: done on {made.done_on}, attested by {made.by}")
    for number, (question, answer) in enumerate(made.answers.items(), 1):
        say(console, f"  {number} ", question, style="dim")
        say(console, "    ", answer)
    if made.note:
        say(console, "  note ", made.note)
    say(console, "", "An answer that is not as it should be wants an action:")
    words = f"  shipkeeper actions open TEXT --owner NAME --due DATE --by {shlex.quote(made.by)}"
    console.print(words + given("platform", "state"), markup=False, soft_wrap=True)


def _markdown(task: Task, made: Attested) -> str:
    rows = [[question, answer] for question, answer in made.answers.items()]
    lines = [f"# {task.task}", "", f"Done on {made.done_on}, attested by {made.by} ({made.identity}).", ""]
    if made.note:
        lines += [made.note, ""]
    return "\n".join([*lines, markdown_table(["Question", "Answer"], rows)])
