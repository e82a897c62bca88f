"""Checklists of a plan or a run: read from the cluster, ticked by people, kept as chains of their own."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from shipkeeper.app import inventory_file
from shipkeeper.app.propose import load_plan
from shipkeeper.app.prove import find_run, open_journal
from shipkeeper.app.state import State, read_forecast
from shipkeeper.evidence.chains import after_chain, before_chain
from shipkeeper.evidence.checklists import Seen, in_order, known, read
from shipkeeper.evidence.story import latest_items
from shipkeeper.journal.sqlite import SqliteJournal
from shipkeeper.model.errors import BadInput, Refused, UsageProblem
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import Plan
from shipkeeper.model.platform import Platform
from shipkeeper.model.run import ChecklistItem, ChecklistRead, RunStarted
from shipkeeper.model.time import iso
from shipkeeper.planning.settings import find_cluster

WHEN = ("before", "after")


class Subject(Struct, frozen=True):
    """What a checklist is about. ``run`` is empty for a plan that has not been run."""

    plan: Plan
    run: str
    chain: str


class Checklist(Struct, frozen=True):
    """A checklist as it stands."""

    when: str
    plan: Plan
    run: str
    items: tuple[ChecklistItem, ...]
    zone: str


def read_checklist(
    when: str,
    target: str,
    state: State,
    inventory: Inventory | None,
    platform: Platform,
    now_ms: int,
    *,
    cluster: str = "",
    forecast_path: str = "",
) -> Checklist:
    """The list as it stands. With an inventory its boxes are computed anew, and the reading goes on record.

    The first inventory read before a plan is run is kept, so that the list after can compare with it.
    Raises UsageProblem for an unknown run, Refused when the inventory is of another cluster than the plan.
    """
    subject = find_subject(when, target, state)
    plan = subject.plan
    if inventory is not None:
        _same_cluster(plan, inventory)
    found = find_cluster(platform, cluster, plan.cluster.name, plan.cluster.uid)
    seen = Seen(
        inventory=inventory,
        plan=plan,
        cluster=(found[1].name if found else "") or plan.cluster.name,
        now_ms=now_ms,
        forecast=read_forecast(Path(forecast_path)) if forecast_path else state.find_forecast(plan.digest),
        baseline=_baseline(state, plan) if when == "after" else None,
        role=found[1].role if found else "single",
    )
    computed = read(when, seen)
    if inventory is not None:
        journal = SqliteJournal(state.journal_path)
        try:
            journal.append(subject.chain, now_ms, [ChecklistRead(when=when, items=computed)])
            unrun = not _runs_of(journal, plan)
        finally:
            journal.close()
        if when == "before" and unrun:
            path = baseline_path(state, plan)
            path.parent.mkdir(exist_ok=True, mode=0o700)
            inventory_file.save(inventory, path)
    recorded = _recorded(state, subject.chain, when)
    items = {(item.cluster, item.id): item for item in computed} | {(i.cluster, i.id): i for i in recorded}
    zone = plan.window.zone if plan.window else platform.zone
    return Checklist(when=when, plan=plan, run=subject.run, items=in_order(when, items.values()), zone=zone)


def tick(
    when: str,
    target: str,
    box: str,
    by: str,
    note: str,
    state: State,
    platform: Platform,
    now_ms: int,
    cluster: str = "",
) -> Checklist:
    """Record a person's word that a box is done. ``by`` is who says so, ``note`` what they saw.

    Raises UsageProblem for a box that there is not, or that was computed and is not open; and without a name.
    """
    if box not in known(when):
        raise UsageProblem(
            f"there is no box called {box!r} in the checklist {when}",
            object=box,
            hint=f"boxes: {', '.join(known(when))}",
        )
    if not by.strip():
        raise UsageProblem("a tick needs the name of whoever says so", hint="add --by NAME")
    standing = read_checklist(when, target, state, None, platform, now_ms, cluster=cluster)
    item = next(item for item in standing.items if item.id == box)
    if item.state not in ("open", "unknown"):
        raise UsageProblem(
            f"box {box} is {item.state}: {item.reading or 'ticked by ' + item.by}",
            object=box,
            why="what a cluster was seen to be is not changed by a tick",
            hint=f"mend what it says and read it again: shipkeeper checklist {when} {target} --context NAME",
        )
    ticked = replace(item, state="done", by=by.strip(), reading=note or item.reading, at=iso(now_ms))
    subject = find_subject(when, target, state)
    journal = SqliteJournal(state.journal_path)
    try:
        journal.append(subject.chain, now_ms, [ChecklistRead(when=when, items=(ticked,))])
    finally:
        journal.close()
    return read_checklist(when, target, state, None, platform, now_ms, cluster=cluster)


def find_subject(when: str, target: str, state: State) -> Subject:
    """What ``target`` names: a plan file, or a run (or the beginning of its id). Raises UsageProblem, BadInput."""
    if Path(target).is_file():
        plan = load_plan(target)
        runs: tuple[str, ...] = ()
        if state.journal_path.exists():
            journal = open_journal(state)
            try:
                runs = _runs_of(journal, plan)
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


def baseline_path(state: State, plan: Plan) -> Path:
    """Where the inventory read before a plan's run lies."""
    return state.folder / "baselines" / (plan.digest.removeprefix("sha256:") + ".inv")


def _baseline(state: State, plan: Plan) -> Inventory | None:
    path = baseline_path(state, plan)
    return inventory_file.load(path) if path.exists() else None


def _recorded(state: State, chain: str, when: str) -> tuple[ChecklistItem, ...]:
    if not state.journal_path.exists():
        return ()
    journal = open_journal(state)
    try:
        entries = journal.read(chain)
    finally:
        journal.close()
    return latest_items(((e.at_ms, e.event) for e in entries if isinstance(e.event, ChecklistRead)), when)


def _runs_of(journal: SqliteJournal, plan: Plan) -> tuple[str, ...]:
    """Runs of the plan, oldest first."""
    found = []
    for run in journal.runs():
        entries = journal.read(run)
        event = entries[0].event if entries else None
        if isinstance(event, RunStarted) and event.plan.digest == plan.digest:
            found.append(run)
    return tuple(found)


def _same_cluster(plan: Plan, inventory: Inventory) -> None:
    planned, found = plan.cluster.uid, inventory.identity.uid
    if planned and found and planned != found:
        raise Refused(
            f"this is another cluster ({found}) than the plan's ({planned})",
            code="other-cluster",
            object=inventory.source,
            why="boxes ticked for one cluster say nothing of another",
            hint="name the plan's cluster with --context, or the right inventory with --from",
        )
