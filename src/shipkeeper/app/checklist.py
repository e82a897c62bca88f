"""Checklists of a plan or a run: read from its clusters, ticked by people, set aside on record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from shipkeeper.app import inventory_file
from shipkeeper.app.checklist_places import Place, place_of, places_of
from shipkeeper.app.checklist_stand import Desk, Subject, baseline_path, find_subject, had_effect, look, stand
from shipkeeper.app.checklist_told import told_of, waivers_of
from shipkeeper.app.logbook import Logbook
from shipkeeper.app.speaker import speaker
from shipkeeper.app.state import State, read_forecast
from shipkeeper.assessment.standing.checklist import NAME, waived_box
from shipkeeper.evidence.boxes import Answer
from shipkeeper.evidence.checklist_box import OURS
from shipkeeper.evidence.checklists import known, read
from shipkeeper.journal.sqlite import SqliteJournal
from shipkeeper.model.book import Waived
from shipkeeper.model.errors import UsageProblem
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import Plan
from shipkeeper.model.platform import Platform
from shipkeeper.model.run import ChecklistItem, ChecklistRead
from shipkeeper.model.time import iso


class Asked(Struct, frozen=True, kw_only=True):
    """Which checklist is meant: of a plan file or a run, before or after. ``clusters`` empty: all that it is about."""

    when: str
    target: str
    state: State
    platform: Platform
    now_ms: int
    clusters: tuple[str, ...] = ()
    forecast_path: str = ""
    context: str = ""
    """A context that was named: another name that the platform file may know the plan's cluster by."""


class Checklist(Struct, frozen=True):
    """A checklist as it stands, cluster by cluster. ``waived``: (cluster, box) → the record that sets it aside."""

    when: str
    plan: Plan
    run: str
    items: tuple[ChecklistItem, ...]
    zone: str
    places: tuple[Place, ...] = ()
    waived: Mapping[tuple[str, str], Waived] = {}


def read_checklist(asked: Asked, inventories: Sequence[Inventory] = ()) -> Checklist:
    """The list as it stands. With inventories their clusters' boxes are computed anew, and the reading is recorded.

    The newest inventory of a cluster that is read before a run of the plan had an effect is kept, so that the list
    after can compare with it. Raises UsageProblem and BadInput for a target that is neither plan nor run, Refused
    (other-cluster) when an inventory is of another cluster than the plan's and those that belong to it.
    """
    subject = find_subject(asked.when, asked.target, asked.state)
    places = places_of(subject.plan, asked.platform, asked.clusters, asked.context)
    desk = _desk(asked, subject)
    seen: dict[str, Inventory] = {}
    for inventory in inventories:
        place = place_of(inventory, subject.plan, asked.platform, places)
        if place.name in seen:
            raise UsageProblem(
                f"two inventories are of {place.name or 'the same cluster'}", hint="give each cluster once"
            )
        seen[place.name] = inventory
    for place in places:
        if place.name in seen:
            _record(desk, place, seen[place.name])
    return _standing(desk, places)


def tick(asked: Asked, box: str, by: str, note: str) -> Checklist:
    """Record a person's word that a box is done. ``by`` is who says so, ``note`` what they saw.

    Raises UsageProblem for a box that there is not, that several clusters have, or that was computed and is not open
    (a newer tick replaces an older one); BadInput for somebody whom the platform file does not know.
    """
    item = _one(read_checklist(asked), asked, box)
    if not by.strip():
        raise UsageProblem("a tick needs the name of whoever says so", hint="add --by NAME")
    who = speaker(asked.platform, by)
    if item.state not in ("open", "unknown") and item.by in ("", OURS):
        waive = f"; or set it aside: --waive {box} --by NAME --note WHY" if asked.when == "before" else ""
        raise UsageProblem(
            f"box {box} is {item.state}: {item.reading}",
            object=box,
            why="what a cluster was seen to be is not changed by a tick",
            hint="mend what it says and read it again:"
            f" shipkeeper checklist {asked.when} {asked.target} --context NAME{waive}",
        )
    ticked = replace(item, state="done", by=who.name, reading=note or item.reading, at=iso(asked.now_ms))
    subject = find_subject(asked.when, asked.target, asked.state)
    journal = SqliteJournal(asked.state.journal_path)
    try:
        journal.append(subject.chain, asked.now_ms, [ChecklistRead(when=asked.when, items=(ticked,))])
    finally:
        journal.close()
    return read_checklist(asked)


def waive(asked: Asked, box: str, by: str, reason: str) -> Checklist:
    """Set one box of the list before aside for this plan, on record, so that it does not hold the run.

    Raises UsageProblem for a list after, a box that there is not or that holds nothing, and without a reason.
    """
    if asked.when != "before":
        raise UsageProblem(
            "only a box of the list before can be set aside",
            why="what is not well after a maintenance is left to do, and the report says so",
        )
    standing = read_checklist(asked)
    item = _one(standing, asked, box)
    who = speaker(asked.platform, by)
    if item.state in ("done", "not-applicable"):
        raise UsageProblem(f"box {box} is {item.state}: there is nothing to set aside", object=box)
    if not reason.strip():
        raise UsageProblem(
            "a waiver needs a reason", why="somebody will ask why it was set aside", hint="add --note WHY"
        )
    record = Waived(
        rule=NAME,
        subject=waived_box(standing.plan.digest, item.cluster, item.id),
        reason=reason.strip(),
        by=who.name,
        identity=who.identity,
    )
    Logbook.of(asked.state, asked.platform).write(asked.now_ms, [record])
    return read_checklist(asked)


def _desk(asked: Asked, subject: Subject) -> Desk:
    plan = subject.plan

    def told(place: Place, inventory: Inventory | None) -> Mapping[str, Answer]:
        return told_of(asked.when, subject.run, plan, asked.platform, asked.state, place, inventory, asked.now_ms)

    return Desk(
        when=asked.when,
        subject=subject,
        state=asked.state,
        platform=asked.platform,
        now_ms=asked.now_ms,
        forecast=read_forecast(Path(asked.forecast_path))
        if asked.forecast_path
        else asked.state.find_forecast(plan.digest),
        told=told,
    )


def _standing(desk: Desk, places: Sequence[Place]) -> Checklist:
    plan = desk.subject.plan
    items = stand(desk, places)
    keys = {(item.cluster, item.id) for item in items}
    before = desk.when == "before"
    return Checklist(
        when=desk.when,
        plan=plan,
        run=desk.subject.run,
        items=items,
        zone=plan.window.zone if plan.window else desk.platform.zone,
        places=tuple(places),
        waived=waivers_of(Logbook.of(desk.state, desk.platform), plan, keys) if before else {},
    )


def _record(desk: Desk, place: Place, inventory: Inventory) -> None:
    """Compute a cluster's boxes and record them."""
    plan = desk.subject.plan
    computed = read(desk.when, look(desk, place, inventory))
    journal = SqliteJournal(desk.state.journal_path)
    try:
        journal.append(desk.subject.chain, desk.now_ms, [ChecklistRead(when=desk.when, items=computed)])
        begun = had_effect(journal, plan)
    finally:
        journal.close()
    if desk.when == "before" and not begun:
        path = baseline_path(desk.state, plan, place)
        path.parent.mkdir(exist_ok=True, mode=0o700)
        inventory_file.save(inventory, path)


def _one(standing: Checklist, asked: Asked, box: str) -> ChecklistItem:
    """The one box that is meant. Raises UsageProblem."""
    if box not in known(asked.when):
        raise UsageProblem(
            f"there is no box called {box!r} in the checklist {asked.when}",
            object=box,
            hint=f"boxes: {', '.join(known(asked.when))}",
        )
    found = [item for item in standing.items if item.id == box]
    waiting = [item for item in found if item.state not in ("done", "not-applicable")]
    if len(waiting or found) > 1:
        raise UsageProblem(
            f"box {box} is there for {' and for '.join(item.cluster for item in waiting or found)}",
            object=box,
            hint="say which with --cluster NAME",
        )
    if not found:
        raise UsageProblem(f"box {box} is not asked of {', '.join(asked.clusters)}", object=box)
    return (waiting or found)[0]
