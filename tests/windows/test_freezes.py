"""Freezes: the days in which nothing is maintained, except what they allow."""

from __future__ import annotations

import pytest

from shipkeeper.assessment.standing.freezes import compile_freezes, not_frozen
from shipkeeper.model.calendar import freeze_span
from shipkeeper.model.declared_windows import Freeze
from shipkeeper.model.plan import PlanWindow
from shipkeeper.model.time import HOUR, parse_instant

ZONE = "Europe/Stockholm"
CHRISTMAS = Freeze(name="christmas", begins="2026-12-18", ends="2027-01-06", reason="shops", allows=("security-patch",))


def at(text: str) -> int:
    return parse_instant(text)


def state(when: str, change: str = "", window: PlanWindow | None = None, *freezes: Freeze) -> str:
    return not_frozen(compile_freezes(freezes or (CHRISTMAS,), ZONE), window, change, at(when)).state


@pytest.mark.requirement("R-C1")
@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2026-12-17T23:59:59+01:00", "open"),
        ("2026-12-18T00:00:00+01:00", "closed"),
        ("2027-01-06T23:59:59+01:00", "closed"),
        ("2027-01-07T00:00:00+01:00", "open"),
    ],
    ids=["the evening before", "from midnight", "the whole last day", "the day after"],
)
def test_a_freeze_holds_from_its_first_midnight_to_its_last(when: str, expected: str) -> None:
    assert state(when) == expected


def test_only_a_class_of_change_that_is_known_and_allowed_goes_on() -> None:
    inside = "2026-12-24T12:00:00+01:00"
    assert state(inside, "security-patch") == "open"
    assert state(inside, "minor") == "closed"
    assert state(inside, "") == "closed", "work of no known class is not taken for a patch"


def test_a_freeze_that_begins_inside_the_window_closes_it_and_says_from_when() -> None:
    window = PlanWindow(opens_at="2026-12-17T22:00:00+01:00", closes_at="2026-12-18T05:00:00+01:00", zone=ZONE)
    reading = not_frozen(compile_freezes((CHRISTMAS,), ZONE), window, "minor", window.opens_ms)
    assert reading.state == "closed"
    assert "2026-12-18T00:00:00+01:00, before the window ends" in reading.reason
    assert "(shops)" in reading.reason
    assert reading.fix


def test_an_open_gate_says_when_the_next_freeze_comes() -> None:
    reading = not_frozen(compile_freezes((CHRISTMAS,), ZONE), None, "", at("2026-12-01T12:00:00Z"))
    assert reading.reading == "no freeze; the next is christmas, from 2026-12-18T00:00:00+01:00"
    assert not_frozen((), None, "", 0).reading == "no freeze"


def test_where_the_clock_is_turned_a_freeze_is_as_long_as_either_reading() -> None:
    # 25 October 2026, Stockholm: 02:00–03:00 comes twice.
    begins, ends = freeze_span(Freeze(name="f", begins="2026-10-25T02:30", ends="2026-10-25T02:30"), ZONE)
    assert ends - begins == HOUR
    # 29 March 2026: 02:30 does not exist.
    begins, ends = freeze_span(Freeze(name="f", begins="2026-03-29T02:30", ends="2026-03-29T04:00"), ZONE)
    assert begins == at("2026-03-29T03:00:00+02:00")
    assert ends - begins == HOUR
