"""Setting a gate aside: only on record, only for one plan, and an emergency only by two people."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from shipkeeper.assessment.standing.overrides import Overrides, with_overrides
from shipkeeper.model.book import EmergencyDeclared, Waived
from shipkeeper.ports.gates import GateReading

CLOSED = GateReading("staging-first", "closed", "nothing", reason="nothing on staging", fix="go there")
UNKNOWN = replace(CLOSED, state="unknown")
PLAN = "sha256:1"
DAY = date(2026, 12, 1)
WAIVER = Waived(rule="staging-first", subject=PLAN, reason="staging is being rebuilt", by="lead", until="2026-12-01")
EMERGENCY = EmergencyDeclared(
    id="e-1",
    subject=PLAN,
    reason="exploited in the wild",
    by="on-call",
    second="lead",
    identity="platform-oncall",
    second_identity="platform-lead",
)


def after(*records: Waived | EmergencyDeclared, reading: GateReading = CLOSED, **how: Any) -> GateReading:
    overrides = Overrides(
        [item for item in records if isinstance(item, Waived)],
        [item for item in records if isinstance(item, EmergencyDeclared)],
    )
    return with_overrides(reading, overrides, PLAN, DAY, **({"waivable": True, "emergency": True} | how))


@pytest.mark.requirement("R-C3")
def test_a_waiver_opens_its_rule_for_its_plan_and_says_who_and_why() -> None:
    reading = after(WAIVER)
    assert reading.is_open
    assert reading.reading == "waived by lead: staging is being rebuilt; without it: nothing on staging"
    assert after(WAIVER, reading=UNKNOWN).is_open


@pytest.mark.parametrize(
    "change",
    [{"rule": "not-frozen"}, {"subject": "sha256:2"}, {"reason": " "}, {"by": ""}, {"until": "2026-11-30"}],
    ids=["another rule", "another plan", "no reason", "nobody", "over"],
)
def test_a_waiver_opens_nothing_else(change: dict[str, Any]) -> None:
    assert after(replace(WAIVER, **change)) == CLOSED


def test_a_rule_that_cannot_be_waived_is_not() -> None:
    assert after(WAIVER, waivable=False) == CLOSED


@pytest.mark.requirement("R-B3")
def test_an_emergency_by_two_people_opens_it_with_its_reason() -> None:
    reading = after(EMERGENCY)
    assert reading.is_open
    for word in ("exploited in the wild", "on-call (platform-oncall)", "lead (platform-lead)", "nothing on staging"):
        assert word in reading.reading


@pytest.mark.requirement("R-B3")
@pytest.mark.parametrize(
    "change",
    [
        {"second": "on-call"},
        {"second_identity": "platform-oncall"},
        {"second_identity": ""},
        {"identity": ""},
        {"second": " "},
        {"reason": ""},
        {"subject": "sha256:2"},
    ],
    ids=["one name twice", "one person twice", "unknown second", "unknown first", "nobody", "no reason", "other plan"],
)
def test_one_person_alone_declares_no_emergency(change: dict[str, Any]) -> None:
    assert after(replace(EMERGENCY, **change)) == CLOSED


def test_an_emergency_opens_no_gate_that_is_not_about_hours() -> None:
    assert after(EMERGENCY, emergency=False) == CLOSED


def test_an_open_gate_stays_as_it_reads() -> None:
    reading = GateReading("staging-first", "open", "5 working days")
    assert after(WAIVER, EMERGENCY, reading=reading) == reading
