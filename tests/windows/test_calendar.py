"""All environments' calendars side by side."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from shipkeeper.app.platform_file import parse_platform
from shipkeeper.app.workdays import national
from shipkeeper.assessment.standing.agreement import terms_of
from shipkeeper.evidence.calendar import Calendar, PlannedWork, WindowView, make_calendar
from shipkeeper.model.book import WindowAgreed
from shipkeeper.model.platform import Platform
from shipkeeper.model.time import parse_instant
from shipkeeper.model.workdays import ClosedDays
from shipkeeper.planning.window import parse_window

NOW = parse_instant("2026-11-21T10:00:00Z")
FILE = b"""
name: payments
zone: Europe/Stockholm
country: SE
environments:
  - name: staging
    production: false
    clusters: [{name: s}]
    windows:
      - {name: early, rrule: FREQ=MONTHLY;BYDAY=4TU, start: 18:00, duration: 5h, zone: Europe/Stockholm,
         agreedBy: [shop]}
  - name: production
    follows: staging
    clusters: [{name: p}]
    freezes: [{name: year-end, begins: 2026-12-18, ends: 2027-01-07, reason: books, allows: [security-patch]}]
    windows:
      - {name: monthly, rrule: FREQ=MONTHLY;BYDAY=1TU, start: 22:00, duration: 7h, zone: Europe/Stockholm,
         agreedBy: [shop], agreedUntil: 2027-01-31, content: [os]}
"""


def platform() -> Platform:
    return parse_platform(FILE, "shipkeeper.yaml")


def calendar(said: Platform | None = None, each: int = 3, book: Any = (), planned: Any = None) -> Calendar:
    said = said or platform()
    closed = {env.name: national("SE", 2025, 2028) for env in said.environments}
    return make_calendar(said, book, planned or {}, closed, closed, NOW, each)


def of(found: Calendar, environment: str) -> list[WindowView]:
    return [view for view in found.windows if view.environment == environment]


@pytest.mark.requirement("R-C3")
def test_windows_of_both_environments_in_the_order_of_time_with_the_days_between() -> None:
    found = calendar()
    assert [(view.environment, view.opens_at[:10]) for view in found.windows] == [
        ("staging", "2026-11-24"),
        ("production", "2026-12-01"),
        ("staging", "2026-12-22"),
        ("production", "2027-01-05"),
        ("staging", "2027-01-26"),
        ("production", "2027-02-02"),
    ]
    first = of(found, "production")[0].skew
    assert first is not None
    assert (first.after, first.closed_at, first.working_days, first.wanted, first.enough) == (
        "staging/early",
        "2026-11-24T23:00:00+01:00",
        5,
        5,
        True,
    )
    assert of(found, "staging")[0].skew is None


def test_a_calendar_in_which_staging_comes_too_late_says_so() -> None:
    said = platform()
    production = replace(said.environments[1], skew=30)
    found = calendar(replace(said, environments=(said.environments[0], production)))
    skew = of(found, "production")[0].skew
    assert skew is not None
    assert skew.enough, "the month before is early enough"
    never = calendar(replace(said, environments=(said.environments[0], replace(production, skew=400))))
    skew = of(never, "production")[0].skew
    assert skew is not None
    assert not skew.enough


def test_freezes_agreements_and_plans_stand_at_their_windows() -> None:
    said = platform()
    night = parse_window("2026-12-01T23:00/02:00 Europe/Stockholm")
    work = PlannedWork(name="night.plan", digest="sha256:1", seconds=3600)
    found = calendar(planned={"production": [(night, work)]})
    december, january, february = of(found, "production")
    assert december.planned == (work,)
    assert december.frozen == ()
    assert january.frozen == ("year-end",)
    assert january.planned == ()
    assert [view.agreement.state for view in (december, january, february)] == ["agreed", "agreed", "ended"]
    rule = said.environments[1].windows[0]
    renewed = WindowAgreed(
        environment="production", window="monthly", terms=terms_of(rule), by="shop", agreed_on="2026-11-20"
    )
    assert of(calendar(book=[renewed]), "production")[2].agreement.state == "agreed"


def test_holidays_are_days_on_which_people_would_work_and_the_unknown_is_said() -> None:
    found = calendar()
    days = {(item.environment, item.day): item.name for item in found.holidays}
    assert days["production", "2026-12-25"] == "Christmas Day"
    assert ("production", "2026-12-26") not in days, "a Saturday is free anyway"
    assert found.unknown == ()
    closed = {env.name: ClosedDays(unknown="not known") for env in platform().environments}
    told = make_calendar(platform(), (), {}, closed, closed, NOW, 1)
    assert told.unknown == ("not known",), "said once"


def test_an_open_window_is_the_first_and_an_ended_rule_gives_none() -> None:
    said = platform()
    inside = parse_instant("2026-12-01T23:30:00+01:00")
    closed = {env.name: ClosedDays() for env in said.environments}
    found = make_calendar(said, (), {}, closed, closed, inside, 1)
    assert of(found, "production")[0].opens_at == "2026-12-01T22:00:00+01:00"
    rule = replace(said.environments[1].windows[0], rrule="FREQ=MONTHLY;BYDAY=1TU;UNTIL=20260101T000000")
    ended = replace(said, environments=(replace(said.environments[1], windows=(rule,)),))
    assert make_calendar(ended, (), {}, closed, closed, NOW, 3).windows == ()
