"""What the record of notices says of a checklist's boxes: a person need not tick what is proven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shipkeeper.app.logbook import Logbook
from shipkeeper.app.notices.occasions import of_plan
from shipkeeper.app.state import State
from shipkeeper.assessment.notices.duties import Duty, duties
from shipkeeper.assessment.notices.ledger import Ledger
from shipkeeper.assessment.notices.obligations import obligations
from shipkeeper.evidence.boxes import Answer
from shipkeeper.model.notices import AUDIENCES, DONE
from shipkeeper.model.plan import Plan
from shipkeeper.model.platform import Platform
from shipkeeper.model.time import iso

NOTICE_BOXES = tuple(f"{audience}-told" for audience in AUDIENCES)
"""Boxes that the record answers, where the platform file says how people are told."""


def kept_here(platform: Platform) -> bool:
    """Whether the platform file says how people are told; else a person ticks that they were."""
    return bool(platform.channels or platform.notices.channels)


def notice_boxes(when: str, plan: Plan, platform: Platform, state: State, now_ms: int) -> Mapping[str, Answer]:
    """Box → what the record says. ``when``: before, or after, where only the end of it is asked. Nothing declared:
    nothing.
    """
    if not kept_here(platform):
        return {}
    occasion = of_plan(plan, platform, state.find_forecast(plan.digest))
    ledger = Ledger.of((item.at_ms, item.event) for item in Logbook.of(state, platform).read())
    found = duties(occasion, obligations(occasion, platform), platform.channels, ledger)
    boxes = {}
    for audience in AUDIENCES if when == "before" else AUDIENCES[:1]:
        theirs = [duty for duty in found if duty.obligation.audience == audience]
        wanted = [d for d in theirs if (d.obligation.required if when == "before" else d.obligation.kind == DONE)]
        boxes[f"{audience}-told"] = _answer(theirs, wanted, now_ms, occasion.zone)
    return boxes


def _answer(theirs: Sequence[Duty], wanted: Sequence[Duty], now_ms: int, zone: str) -> Answer:
    if not theirs:
        return "not-applicable", "the platform file says that there are none"
    if not wanted:
        return "open", "no time is set for it"
    states = [duty.state(now_ms) for duty in wanted]
    told = [duty for duty in wanted if duty.told]
    reading = f"{len(told)} of {len(wanted)} notices sent"
    if told:
        reading += f", the last {iso(max(duty.told_ms for duty in told) // 1000 * 1000, zone)}"
    if all(state in ("told", "covered") for state in states):
        return "done", reading
    for worst, state in (("impossible", "failed"), ("unknown", "unknown"), ("late", "failed"), ("failed", "failed")):
        if worst in states:
            one = wanted[states.index(worst)].obligation
            return state, f"{reading}; {one.kind} is {worst}" + (f": {one.problem}" if one.problem else "")
    return "open", reading
