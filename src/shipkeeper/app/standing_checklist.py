"""Asks for the gate checklist-before: what the checklist of a plan says as its run begins."""

from __future__ import annotations

from collections.abc import Iterable

from shipkeeper.app.checklist_places import places_of
from shipkeeper.app.checklist_stand import Desk, Subject, recorded_items, stand
from shipkeeper.app.logbook import Logbook
from shipkeeper.app.notices.boxes import NOTICE_BOXES, kept_here
from shipkeeper.app.state import State
from shipkeeper.assessment.standing import checklist
from shipkeeper.assessment.standing.past import FINISHED, PastRun
from shipkeeper.evidence.chains import before_chain
from shipkeeper.evidence.checklist_box import OURS
from shipkeeper.model.book import Waived
from shipkeeper.model.plan import Plan
from shipkeeper.model.platform import Platform
from shipkeeper.model.time import moment
from shipkeeper.ports.gates import GateReading

GATED = ("window-agreed", "rehearsed")
"""Boxes that a run asks by itself: a gate of their own, or its refusal to start without a fitting forecast. So are
those about notices, where the platform file says how people are told.
"""


def read_gate(
    plan: Plan,
    platform: Platform,
    state: State,
    logbook: Logbook,
    past: Iterable[PastRun],
    at_ms: int,
    context: str = "",
) -> GateReading:
    """Whether the list before allows the run to begin; once its first effect is on record it is asked no more.

    A reading in the middle of a run shows what the run itself has taken out.
    """
    begun = _begun(plan, past)
    if begun:
        return GateReading(checklist.NAME, "open", f"passed before {begun} began its first step")
    places = places_of(plan, platform, known_as=context)
    chain = before_chain(plan.digest)
    desk = Desk("before", Subject(plan, "", chain), state, platform, at_ms, state.find_forecast(plan.digest))
    gated = (*GATED, *NOTICE_BOXES) if kept_here(platform) else GATED
    items = tuple(item for item in stand(desk, places) if item.id not in gated)
    environment = places[0].environment
    day = moment(at_ms, platform.zone).date().isoformat()
    return checklist.checklist_before(
        items,
        checklist.waived_boxes(logbook.of_kind(Waived), plan.digest, day),
        read={item.cluster for item in recorded_items(state, chain, "before") if item.by == OURS},
        production=environment is not None and environment.production,
        environment=environment.name if environment is not None else "",
        reference_ms=max(at_ms, plan.window.opens_ms) if plan.window is not None else at_ms,
    )


def _begun(plan: Plan, past: Iterable[PastRun]) -> str:
    """The newest run of that plan, where it is not over and has had an effect; else empty."""
    runs = [run for run in past if run.plan.digest == plan.digest]
    if not runs or runs[-1].state in FINISHED or not runs[-1].began_ms:
        return ""
    return runs[-1].run
