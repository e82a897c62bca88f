"""``shipkeeper plan propose``: what is due, put into the agreed windows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from shipkeeper.app.clock import now_ms
from shipkeeper.app.knowledge import knowledge_of
from shipkeeper.app.platform_file import load_platform
from shipkeeper.app.sources import Source
from shipkeeper.app.state import State, write_atomically
from shipkeeper.app.survey import read_inventory
from shipkeeper.cli.columns import say, show_columns
from shipkeeper.cli.options import output_option, platform_option, state_option
from shipkeeper.cli.output import emit, hint
from shipkeeper.evidence.due_ics import program_ics
from shipkeeper.evidence.program_page import lasts, markdown, mermaid, svg, title_of, window_words
from shipkeeper.model.errors import UsageProblem
from shipkeeper.model.program import WINDOWS_AHEAD, Program, Slot
from shipkeeper.model.time import format_seconds, parse_instant

if TYPE_CHECKING:
    from rich.console import Console

_MOST_DOUBTS = 4
_HEADS = ["#", "WORK", "CLUSTER", "CLASS", "LASTS", "NEEDED BY"]


@click.command("propose")
@click.option("--from", "paths", multiple=True, metavar="PATH", help="A saved inventory or dump; once a cluster.")
@click.option("--context", "contexts", multiple=True, metavar="NAME", help="A live cluster; once a cluster.")
@click.option("--kubeconfig", metavar="PATH", help="kubeconfig file, instead of $KUBECONFIG or ~/.kube/config.")
@platform_option
@click.option("--only", multiple=True, metavar="TASK|PRODUCT", help="Plan this only, also where it is not due yet.")
@click.option("--windows", default=WINDOWS_AHEAD, show_default=True, metavar="N", help="How many windows ahead.")
@click.option("--at", metavar="TIME", help="Plan as of this time (RFC 3339) instead of now.")
@click.option("--save", metavar="FILE", help="Keep the programme in a file.")
@click.option("--svg", "chart", metavar="FILE", help="Draw the windows with their work.")
@state_option
@output_option("mermaid", "ics")
def command(
    paths: tuple[str, ...],
    contexts: tuple[str, ...],
    kubeconfig: str | None,
    platform: str | None,
    only: tuple[str, ...],
    windows: int,
    at: str | None,
    save: str | None,
    chart: str | None,
    state: str | None,
    output: str,
) -> None:
    """Put what is due into the agreed windows, by deadline and in the order of what needs what.

    Several clusters are planned together: the service cluster before the workload cluster, staging before production.
    Nodes are carried out with `plan nodes`; the other steps name the command that a person types.
    """
    from shipkeeper.app.programme import Looked, programme  # much, and `plan nodes` has no use for it

    if not paths and not contexts:
        raise UsageProblem("say what to look at", hint="--from FILE or --context NAME, once a cluster")
    said, assumed = load_platform(platform, Path.cwd())
    for line in assumed:
        hint(line)
    looked = [Looked(read_inventory(Source(path=path))) for path in paths]
    looked += [
        Looked(read_inventory(Source(context=name, kubeconfig=kubeconfig or "")), context=name) for name in contexts
    ]
    kept = State.open(state)
    as_of_ms = parse_instant(at) if at else now_ms()
    known = knowledge_of(kept, said, platform, Path.cwd())
    found = programme(said, looked, kept, as_of_ms, ahead=windows, only=only, knowledge=known)
    if save:
        _write(save, msgspec.json.format(msgspec.json.encode(found), indent=2))
        hint(f"programme written: {save}")
    if chart:
        _write(chart, svg(found).encode())
        hint(f"chart written: {chart}")
    if output in ("mermaid", "ics"):
        click.echo(mermaid(found) if output == "mermaid" else program_ics(found, as_of_ms), nl=False)
        return
    emit("Program", found, output, lambda console: _draw(console, found), lambda: markdown(found))


def _write(path: str, data: bytes) -> None:
    try:
        write_atomically(Path(path), data, mode=0o644)
    except OSError as error:
        raise UsageProblem(f"{path} cannot be written: {error.strerror}", object=path) from error


def _draw(console: Console, found: Program) -> None:
    for slot in found.slots:
        if slot.works:
            say(console, "", window_words(slot, found.zone) + _room(slot), style="bold")
            rows = []
            for number, id in enumerate(slot.works, start=1):
                work = found.work(id)
                rows.append(
                    [str(number), title_of(work), work.cluster, work.change, lasts(work.estimate_seconds),
                     work.needed_by[:10] or "–"]
                )  # fmt: skip
            show_columns(console, _HEADS, rows, whole=(0, 2, 3, 5))
            console.print()
    for one in found.unplaced:
        say(console, "not planned  ", f"{title_of(found.work(one.work))} ({found.work(one.work).cluster}): {one.why}")
    for line in found.late:
        say(console, "late  ", line, style="bold red")
    for doubt in found.doubts[:_MOST_DOUBTS]:
        say(console, "? ", doubt)
    if len(found.doubts) > _MOST_DOUBTS:
        say(console, "? ", f"and {len(found.doubts) - _MOST_DOUBTS} more that is not known: -o markdown lists them")
    placed = sum(len(slot.works) for slot in found.slots)
    say(
        console,
        "",
        f"{placed} of {len(found.works)} planned.  Next: the steps and the contingency page with -o markdown",
    )


def _room(slot: Slot) -> str:
    if slot.usable_seconds is None:
        return ""
    planned, usable = (format_seconds(part) for part in (slot.planned_seconds, slot.usable_seconds))
    return f" · {planned} of {usable} planned"
