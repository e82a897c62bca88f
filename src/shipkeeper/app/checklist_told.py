"""Boxes that people's records answer: agreements, retrospectives, waivers."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from shipkeeper.app.checklist_places import Place
from shipkeeper.app.logbook import Logbook
from shipkeeper.app.notices.boxes import notice_boxes
from shipkeeper.app.readiness import look_at_readiness
from shipkeeper.app.standing import RULES, matter_of, read_rule
from shipkeeper.app.state import State
from shipkeeper.assessment.standing import agreement
from shipkeeper.assessment.standing.checklist import waived_boxes
from shipkeeper.evidence.boxes import Answer, names
from shipkeeper.evidence.readiness import Readiness, of_section, tally
from shipkeeper.evidence.words import clean
from shipkeeper.model.book import ActionOpened, RetrospectiveHeld, Waived
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import Plan
from shipkeeper.model.platform import Platform
from shipkeeper.model.time import iso
from shipkeeper.model.words import count

MOST_PODS = 20_000
"""Of more, placing each pod anew takes minutes: the report does it, a checklist does not."""


def told_of(
    when: str,
    run: str,
    plan: Plan,
    platform: Platform,
    state: State,
    place: Place,
    inventory: Inventory | None,
    now_ms: int,
) -> Mapping[str, Answer]:
    """Box → what the records say of it; boxes of which they say nothing are left out."""
    logbook = Logbook.of(state, platform)
    found: dict[str, Answer] = {}
    if place.own:
        found |= notice_boxes(when, plan, platform, state, now_ms)
    if when == "after":
        return {**found, "retrospective": _retrospective(run, logbook)} if place.own else {}
    if inventory is not None and len(inventory.pods) > MOST_PODS:
        found |= dict.fromkeys(("sized", "go-live"), ("open", "too big to reckon here: shipkeeper report readiness"))
    elif inventory is not None:
        cluster = place.name if place.config is not None else ""
        found |= _ready(look_at_readiness(inventory, platform, logbook, cluster=cluster))
    if place.own and place.environment is not None:
        found["window-agreed"] = _agreed(plan, platform, state, now_ms)
    return found


def waivers_of(logbook: Logbook, plan: Plan, boxes: Collection[tuple[str, str]]) -> dict[tuple[str, str], Waived]:
    """(cluster, box) → the record that sets it aside for that plan."""
    known = waived_boxes(logbook.of_kind(Waived), plan.digest, "")
    return {key: waiver for key, waiver in known.items() if key in boxes}


def _agreed(plan: Plan, platform: Platform, state: State, now_ms: int) -> Answer:
    """What the gate says of the plan's window."""
    opens = plan.window.opens_ms if plan.window is not None else now_ms
    reading = read_rule(agreement.AGREED, RULES[agreement.AGREED], matter_of(plan, platform, state), max(opens, now_ms))
    states = {"open": "done", "closed": "failed", "unknown": "unknown"}
    return states[reading.state], clean(reading.reading)


def _ready(report: Readiness) -> dict[str, Answer]:
    """What the readiness report says of the two things that maintenance pages take for granted.

    A group that does not bear the loss of a node fails; what of the go-live list is unmet is for a person to accept.
    """
    groups = [size for size in report.sizes if size.kind == "group"]
    short = [f"{size.name}: {size.reading}" for size in groups if size.state == "unmet"]
    silent = [f"{size.name}: {size.reading}" for size in groups if size.state == "unknown"]
    well = f"{count(len(groups), 'node group')}; the loss of any one node is borne"
    live = of_section(report.items, "go-live")
    unmet = [item.id for item in live if item.state in ("unmet", "unknown")]
    return {
        "sized": ("failed", names(short)) if short else ("unknown", names(silent)) if silent else ("done", well),
        "go-live": ("open", f"{tally(live)}; look at {names(unmet)}") if unmet else ("done", tally(live)),
    }


def _retrospective(run: str, logbook: Logbook) -> Answer:
    records = logbook.read()
    held = [item for item in records if isinstance(item.event, RetrospectiveHeld) and item.event.run == run and run]
    if not held:
        return "open", "nobody has put one on record"
    actions = {i.event.id for i in records if isinstance(i.event, ActionOpened) and i.event.run == run}
    return "done", f"held, recorded {iso(held[-1].at_ms)[:10]}; {count(len(actions), 'action')}, each with an owner"
