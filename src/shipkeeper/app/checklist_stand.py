"""A checklist as the record has it: what was read of each cluster, what people ticked, and what holds by now."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from shipkeeper.app import inventory_file
from shipkeeper.app.checklist_places import Place
from shipkeeper.app.propose import load_plan
from shipkeeper.app.prove import find_run, open_journal
from shipkeeper.app.state import State
from shipkeeper.assessment.backups import objectives_of
from shipkeeper.evidence.boxes import Answer
from shipkeeper.evidence.chains import after_chain, before_chain
from shipkeeper.evidence.checklist_box import OURS, Seen
from shipkeeper.evidence.checklists import in_order, read
from shipkeeper.evidence.story import latest_items
from shipkeeper.journal.sqlite import SqliteJournal
from shipkeeper.model.errors import BadInput, UsageProblem
from shipkeeper.model.forecast import Forecast
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import Plan
from shipkeeper.model.platform import Platform
from shipkeeper.model.run import ChecklistItem, ChecklistRead, RunStarted, StepIntent
from shipkeeper.planning.window import next_window

Told = Callable[[Place, Inventory | None], Mapping[str, Answer]]
"""What people's records say of a cluster's boxes."""


def silent(place: Place, inventory: Inventory | None) -> Mapping[str, Answer]:
    """Nobody's records are asked."""
    return {}


class Subject(Struct, frozen=True):
    """What a checklist is about. ``run`` is empty for a plan that has not been run."""

    plan: Plan
    run: str
    chain: str


class Desk(Struct, frozen=True):
    """Everything that a checklist is made from, besides inventories."""

    when: str
    subject: Subject
    state: State
    platform: Platform
    now_ms: int
    forecast: Forecast | None = None
    told: Told = silent


def stand(desk: Desk, places: Sequence[Place]) -> tuple[ChecklistItem, ...]:
    """What is on record, and for boxes that ask no cluster what holds now; a person's tick stays."""
    recorded = {(item.cluster, item.id): item for item in recorded_items(desk.state, desk.subject.chain, desk.when)}
    items = []
    for place in places:
        for item in read(desk.when, look(desk, place, None)):
            known = recorded.get((item.cluster, item.id))
            ticked = known is not None and known.by not in ("", OURS)
            fresh = item.state != "open" and not ticked
            items.append(item if known is None or fresh else known)
    return in_order(desk.when, items)


def look(desk: Desk, place: Place, inventory: Inventory | None) -> Seen:
    """What one cluster's boxes look at."""
    plan = desk.subject.plan
    baseline = baseline_path(desk.state, plan, place)
    compare = desk.when == "after" and inventory is not None and baseline.exists()
    return Seen(
        inventory=inventory,
        plan=plan,
        cluster=place.name,
        now_ms=desk.now_ms,
        forecast=desk.forecast,
        baseline=inventory_file.load(baseline) if compare else None,
        role=place.role,
        own=place.own,
        kubectl=place.kubectl,
        rpo=objectives_of(desk.platform, place.environment).rpo,
        until_ms=_next_chance(plan, place),
        updates_read=bool(desk.platform.sources.updates),
        told=desk.told(place, inventory),
    )


def _next_chance(plan: Plan, place: Place) -> int:
    """When the environment's next window after the plan's is over: what expires before that expires in between."""
    closes_ms = plan.window.closes_ms if plan.window is not None else 0
    following = []
    for rule in place.environment.windows if place.environment is not None and closes_ms else ():
        try:
            following.append(next_window(rule, closes_ms + 1).closes_ms)
        except BadInput:  # the rule has ended
            continue
    return min(following, default=closes_ms)


def find_subject(when: str, target: str, state: State) -> Subject:
    """What ``target`` names: a plan file, or a run (or the beginning of its id). Raises UsageProblem, BadInput."""
    if Path(target).is_file():
        plan = load_plan(target)
        runs: tuple[str, ...] = ()
        if state.journal_path.exists():
            journal = open_journal(state)
            try:
                runs = runs_of(journal, plan)
            finally:
                journal.close()
        run = runs[-1] if runs and when == "after" else ""
        return Subject(plan=plan, run=run, chain=after_chain(run) if run else before_chain(plan.digest))
    if not state.journal_path.exists():
        raise UsageProblem(
            f"{target!r} is neither a plan file nor a run that this state folder knows",
            object=target,
            hint="name a plan file, or the state folder of the run with --state DIR",
        )
    journal = open_journal(state)
    try:
        run = find_run(journal, target)
        entries = journal.read(run)
    finally:
        journal.close()
    event = entries[0].event
    if not isinstance(event, RunStarted):
        raise BadInput(f"the record of {run} does not begin with the start of a run", object=run)
    chain = after_chain(run) if when == "after" else before_chain(event.plan.digest)
    return Subject(plan=event.plan, run=run, chain=chain)


def baseline_path(state: State, plan: Plan, place: Place | None = None) -> Path:
    """Where the inventory of a cluster lies that was read before a plan's run; None: of the plan's own."""
    other = "" if place is None or place.own else "-" + re.sub(r"[^0-9A-Za-z]+", "-", place.name)
    return state.folder / "baselines" / f"{plan.digest.removeprefix('sha256:')}{other}.inv"


def recorded_items(state: State, chain: str, when: str) -> tuple[ChecklistItem, ...]:
    """The newest word on each box in a chain of checklists."""
    if not state.journal_path.exists():
        return ()
    journal = open_journal(state)
    try:
        entries = journal.read(chain)
    finally:
        journal.close()
    return latest_items(((e.at_ms, e.event) for e in entries if isinstance(e.event, ChecklistRead)), when)


def runs_of(journal: SqliteJournal, plan: Plan) -> tuple[str, ...]:
    """Runs of the plan, oldest first."""
    found = []
    for run in journal.runs():
        entries = journal.read(run)
        event = entries[0].event if entries else None
        if isinstance(event, RunStarted) and event.plan.digest == plan.digest:
            found.append(run)
    return tuple(found)


def had_effect(journal: SqliteJournal, plan: Plan) -> bool:
    """Whether any run of the plan has begun a step; one that was held at its gates has changed nothing."""
    return any(isinstance(entry.event, StepIntent) for run in runs_of(journal, plan) for entry in journal.read(run))
