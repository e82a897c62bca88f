"""``shipkeeper checklist``: the boxes a person would tick before and after."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from shipkeeper.app.checklist import Asked, Checklist, read_checklist, tick, waive
from shipkeeper.app.checklist_places import Place, places_of
from shipkeeper.app.checklist_stand import find_subject
from shipkeeper.app.clock import now_ms
from shipkeeper.app.platform_file import load_platform
from shipkeeper.app.sources import Source
from shipkeeper.app.state import State
from shipkeeper.app.survey import read_inventory
from shipkeeper.cli.columns import say, show_columns
from shipkeeper.cli.options import given, output_option, platform_option, state_option
from shipkeeper.cli.output import emit, hint
from shipkeeper.evidence.checklists import by_cluster, counts
from shipkeeper.evidence.html import checklist_html, sign
from shipkeeper.evidence.markdown import checklist as checklist_markdown
from shipkeeper.evidence.rows import Fact
from shipkeeper.evidence.words import date_and_clock, day_and_clock
from shipkeeper.model.errors import BadInput, UsageProblem
from shipkeeper.model.run import ChecklistItem
from shipkeeper.model.time import parse_instant
from shipkeeper.model.words import count

if TYPE_CHECKING:
    from rich.console import Console

_ROLES = {"sc": "service cluster", "wc": "workload cluster"}


@click.command("checklist")
@click.argument("when", type=click.Choice(["before", "after"]))
@click.argument("target", metavar="PLAN|RUN")
@click.option("--from", "from_paths", multiple=True, metavar="PATH", help="Read a saved inventory or a dump; repeat.")
@click.option("--context", "contexts", multiple=True, metavar="NAME", help="Read this context's live cluster; repeat.")
@click.option("--kubeconfig", metavar="PATH", help="kubeconfig file, instead of $KUBECONFIG or ~/.kube/config.")
@click.option("--live", is_flag=True, help="Read every cluster of the list through its context in the platform file.")
@platform_option
@click.option(
    "--cluster", "clusters", multiple=True, metavar="NAME", help="Only this cluster of the environment; repeat."
)
@click.option("--forecast", default="", metavar="FILE", help="The plan's forecast; else the one kept in state.")
@click.option("--tick", "box", default="", metavar="ID", help="Record that you saw to this box.")
@click.option("--waive", "aside", default="", metavar="ID", help="Set this box aside for this plan; needs --note.")
@click.option("--by", default="", metavar="NAME", help="Who says so.")
@click.option("--note", default="", metavar="TEXT", help="What was seen, or why it is set aside.")
@state_option
@output_option("html")
def command(
    when: str,
    target: str,
    from_paths: tuple[str, ...],
    contexts: tuple[str, ...],
    kubeconfig: str | None,
    live: bool,
    platform: str | None,
    clusters: tuple[str, ...],
    forecast: str,
    box: str,
    aside: str,
    by: str,
    note: str,
    state: str | None,
    output: str,
) -> None:
    """The boxes a person would tick before and after: computed where the cluster can tell, ticked where it cannot.

    With --from, --context or --live the boxes are read and recorded; without, the list is shown as it stands. A
    service and a workload cluster of one environment are one list, a section for each.
    """
    known, _ = load_platform(platform, Path.cwd())
    asked = Asked(
        when=when,
        target=target,
        state=State.open(state),
        platform=known,
        now_ms=now_ms(),
        clusters=clusters,
        forecast_path=forecast,
        context=contexts[0] if len(contexts) == 1 else "",
    )
    sources = [Source(path=path) for path in from_paths]
    sources += [Source(context=name, kubeconfig=kubeconfig or "") for name in contexts]
    if kubeconfig and not contexts and not live:
        sources.append(Source(kubeconfig=kubeconfig))
    if box or aside:
        if sources or live:
            raise UsageProblem("a tick records a person's word: leave --from, --context and --live out")
        if box and aside:
            raise UsageProblem("--tick says that a box is done, --waive that it is not: give one of the two")
        found = tick(asked, box, by, note) if box else waive(asked, aside, by, note)
    else:
        if by or note:
            raise UsageProblem("--by and --note belong to a tick", hint="add --tick ID, or --waive ID")
        if live:
            sources += _live(asked, kubeconfig or "")
        found = read_checklist(asked, [read_inventory(source) for source in sources])
        if not sources:
            hint("Nothing was read from a cluster: this is the list as it stands (--context NAME reads it).")
    show(found, output, target)


def _live(asked: Asked, kubeconfig: str) -> list[Source]:
    """The contexts of the list's clusters. Raises UsageProblem where the platform file has none."""
    plan = find_subject(asked.when, asked.target, asked.state).plan
    places = places_of(plan, asked.platform, asked.clusters)
    without = [place.name or "the plan's cluster" for place in places if not _context(place)]
    if without:
        raise UsageProblem(
            f"the platform file has no context for {', '.join(without)}",
            hint="add context: to its entry under clusters:, or name each with --context NAME",
        )
    return [Source(context=_context(place), kubeconfig=kubeconfig) for place in places]


def _context(place: Place) -> str:
    return place.config.context if place.config is not None else ""


def show(found: Checklist, output: str, target: str) -> None:
    """Write the list in the asked format. ``target`` is the plan file or run that the commands it names repeat."""
    if output == "html":
        click.echo(checklist_html(_title(found), _sentence(found), found.when, found.items, _facts(found), found.zone))
        return
    payload = {
        "when": found.when,
        "planDigest": found.plan.digest,
        "run": found.run,
        "counts": counts(found.items),
        "clusters": [
            {"name": place.name, "role": place.role, "planned": place.own, "counts": counts(rows)}
            for place in found.places
            if (rows := by_cluster(found.items).get(place.name, []))
        ],
        "items": found.items,
        "waived": [
            {"cluster": cluster, "id": id, "by": waiver.by, "reason": waiver.reason}
            for (cluster, id), waiver in found.waived.items()
        ],
    }
    emit("Checklist", payload, output, lambda console: _table(console, found, target), lambda: _markdown(found))


def _title(found: Checklist) -> str:
    return f"Checklist {found.when} the maintenance of {found.plan.cluster.name or 'the cluster'}"


def _sentence(found: Checklist) -> str:
    told = _told(found.items)
    aside = f" {count(len(found.waived), 'box', 'boxes')} set aside." if found.waived else ""
    return told + aside


def _told(items: tuple[ChecklistItem, ...] | list[ChecklistItem]) -> str:
    have = counts(items)
    rest = [f"{number} {state}" for state, number in have.items() if number and state not in ("done", "not-applicable")]
    asked = len(items) - have["not-applicable"]
    return f"{have['done']} of {count(asked, 'box', 'boxes')} done" + (f", {', '.join(rest)}." if rest else ".")


def _facts(found: Checklist) -> list[Fact]:
    window = found.plan.window
    facts = [("Plan", found.plan.digest), ("Nodes", ", ".join(node.name for node in found.plan.nodes))]
    if found.run:
        facts.append(("Run", found.run))
    if window is not None:
        opens, closes = (date_and_clock(at, found.zone) for at in (window.opens_ms, window.closes_ms))
        facts.append(("Window", f"{opens} to {closes}"))
    facts += [(f"Set aside: {id}", f"{waiver.reason} ({waiver.by})") for (_, id), waiver in found.waived.items()]
    return [Fact(label=label, value=value) for label, value in facts]


def _markdown(found: Checklist) -> str:
    return "\n".join([f"# {_title(found)}", "", _sentence(found), "", *checklist_markdown(found.items, found.zone)])


def _table(console: Console, found: Checklist, target: str) -> None:
    say(console, "", f"{_title(found)}: {_sentence(found)}")
    sections = by_cluster(found.items)
    roles = {place.name: _ROLES.get(place.role, "") for place in found.places}
    for cluster, items in sections.items():
        if len(sections) > 1:
            console.print()
            role = f" ({roles[cluster]})" if roles.get(cluster) else ""
            say(console, "", f"{cluster}{role}: {_told(items)}", style="bold")
        rows = [
            [
                f"{sign(item.state)} {item.state}",
                item.id,
                item.text,
                item.by,
                _at(item.at, found.zone),
                _reading(found, item),
            ]
            for item in items
        ]
        show_columns(console, ("BOX", "ID", "WHAT", "BY", "AT", "READING"), rows, whole=(0, 1, 4), last_below=True)
    _by_hand(console, found, target, len(sections) > 1)


def _reading(found: Checklist, item: ChecklistItem) -> str:
    waiver = found.waived.get((item.cluster, item.id))
    aside = f"set aside by {waiver.by}: {waiver.reason}" if waiver is not None else ""
    return "; ".join(part for part in (item.reading, aside) if part)


def _by_hand(console: Console, found: Checklist, target: str, several: bool) -> None:
    todo = [item for item in found.items if item.state in ("open", "failed", "unknown")]
    if not todo:
        return
    console.print("By hand:", markup=False)
    told: set[tuple[str, str]] = set()
    for item in todo:
        if (item.id, item.how) not in told:
            told.add((item.id, item.how))
            console.print(f"  {item.id:<18} {_filled(item.how, found, target)}", markup=False, soft_wrap=True)
    ticks = [item for item in todo if item.state == "open"]
    if ticks:
        which = f" --cluster {shlex.quote(ticks[0].cluster)}" if several else ""
        words = (
            f"shipkeeper checklist {found.when} {shlex.quote(target)} --tick {ticks[0].id}{which} --by NAME --note TEXT"
        )
        console.print(f"Next: {words}{given('platform', 'state')}", markup=False, soft_wrap=True)


def _filled(how: str, found: Checklist, target: str) -> str:
    """The command with the plan or run that is meant, and where its state is, as far as they are known."""
    if not how.startswith("shipkeeper "):
        return how
    if Path(target).is_file():
        how = how.replace(" PLAN", f" {shlex.quote(target)}")
    if found.run:
        how = how.replace(" RUN", f" {found.run}")
    return how + given("platform" if "config" in how or "notices" in how else "state")


def _at(at: str, zone: str) -> str:
    try:
        return day_and_clock(parse_instant(at), zone) if at else ""
    except BadInput:
        return at
