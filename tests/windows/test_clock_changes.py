"""Windows on the nights on which the clock is turned, where the user's regions have them, and where they have none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.model.calendar import exists, freeze_span, local_instant
from shipkeeper.model.declared_windows import Freeze, WindowRule
from shipkeeper.model.errors import BadInput
from shipkeeper.model.time import DAY, HOUR, MINUTE, instant, load_zone, moment, parse_instant
from shipkeeper.planning.window import parse_window, rule_faults, upcoming, window_at

TURNING = {
    "Europe/Stockholm": ("2026-03-29", "02:30", "2026-10-25", "02:30"),
    "Australia/Lord_Howe": ("2026-10-04", "02:15", "2026-04-05", "01:45"),
}
"""Zone → a local time that does not exist, and one that comes twice. Lord Howe turns its clock by half an hour."""
ZONES = st.sampled_from([*TURNING, "Africa/Nairobi", "America/New_York", "UTC"])
YEARS = st.integers(parse_instant("2026-01-01T00:00:00Z"), parse_instant("2028-01-01T00:00:00Z"))
TIMES = st.times().map(lambda found: found.replace(second=0, microsecond=0))


def daily(start: str, zone: str, duration: str = "7h") -> WindowRule:
    return WindowRule(name="w", rrule="FREQ=DAILY", start=start, duration=duration, zone=zone)


@pytest.mark.requirement("R-C1")
@pytest.mark.parametrize("zone", TURNING)
def test_a_start_that_does_not_exist_opens_when_the_clock_has_jumped(zone: str) -> None:
    day, time, _, _ = TURNING[zone]
    assert not exists(datetime.fromisoformat(f"{day}T{time}"), load_zone(zone))
    midnight = instant(datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=ZoneInfo(zone)))
    window = next(w for w in upcoming(daily(time, zone), midnight, midnight + DAY) if w.opens_ms >= midnight)
    local = moment(window.opens_ms, zone)
    assert local.date().isoformat() == day
    assert moment(window.opens_ms - 1, zone).utcoffset() != local.utcoffset(), "right after the jump"
    assert window.closes_ms - window.opens_ms == 7 * HOUR, "it lasts what was agreed"
    with pytest.raises(BadInput, match="does not exist"):
        parse_window(f"{day}T{time}/7h {zone}")


@pytest.mark.requirement("R-C1")
@pytest.mark.parametrize("zone", TURNING)
def test_a_start_that_comes_twice_opens_the_second_time_and_an_end_is_the_first(zone: str) -> None:
    _, _, day, time = TURNING[zone]
    local = datetime.fromisoformat(f"{day}T{time}")
    first, second = (instant(local.replace(tzinfo=ZoneInfo(zone), fold=fold)) for fold in (0, 1))
    assert first != second
    noon = first - 12 * HOUR
    window = next(w for w in upcoming(daily(time, zone), noon, noon + DAY) if w.opens_ms > noon)
    assert window.opens_ms == second
    begins = (local - timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M")
    assert parse_window(f"{begins}/{day}T{time} {zone}").closes_ms == first, "never wider than either reading"


@given(YEARS, st.integers(0, 365 * 24 * 60))
def test_nairobi_turns_no_clock(at_ms: int, minutes: int) -> None:
    zone = load_zone("Africa/Nairobi")
    local = moment(at_ms + minutes * MINUTE, "Africa/Nairobi").replace(tzinfo=None, second=0, microsecond=0)
    assert exists(local, zone)
    assert local_instant(local, zone, later=True) == local_instant(local, zone, later=False)


@given(YEARS, ZONES, TIMES)
def test_a_window_every_day_of_the_year_whatever_the_clock_does(at_ms: int, zone: str, start: object) -> None:
    rule = daily(f"{start:%H:%M}", zone)
    found = list(upcoming(rule, at_ms, at_ms + 400 * DAY))
    days = [moment(window.opens_ms, zone).date() for window in found]
    assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(days))
    assert {window.closes_ms - window.opens_ms for window in found} == {7 * HOUR}
    assert found[0].closes_ms > at_ms
    assert len(found) in range(398, 403)


@given(YEARS, ZONES, TIMES, st.integers(0, 7 * 60), st.integers(0, 7 * 60))
def test_a_plan_lies_in_a_window_exactly_where_its_both_ends_do(
    at_ms: int, zone: str, start: object, begins: int, length: int
) -> None:
    rule = daily(f"{start:%H:%M}", zone)
    night = next(upcoming(rule, at_ms, at_ms + 3 * DAY))
    opens, closes = night.opens_ms + begins * MINUTE, night.opens_ms + (begins + length) * MINUTE
    if opens == closes:
        return
    assert (window_at(rule, opens, closes) == night) == (closes <= night.closes_ms)
    assert window_at(rule, night.opens_ms - 1, night.closes_ms) is None


@given(YEARS, ZONES, st.integers(0, 40), st.integers(0, 1440), st.integers(0, 1440))
def test_a_freeze_ends_after_it_begins_and_covers_its_days(
    at_ms: int, zone: str, days: int, begins: int, ends: int
) -> None:
    first = moment(at_ms, zone).replace(tzinfo=None).date()
    last = first + timedelta(days=days)
    begins_ms, ends_ms = freeze_span(Freeze(name="f", begins=first.isoformat(), ends=last.isoformat()), zone)
    assert ends_ms > begins_ms
    assert abs((ends_ms - begins_ms) - (days + 1) * DAY) <= HOUR
    for minutes in (begins, ends):
        inside = datetime.combine(first, datetime.min.time()) + timedelta(minutes=minutes)
        if inside.date() == first:
            at = local_instant(inside, load_zone(zone), later=False)
            assert begins_ms <= at < ends_ms


def test_an_excepted_date_has_no_window_and_the_others_do() -> None:
    rule = WindowRule(
        name="w",
        rrule="FREQ=MONTHLY;BYDAY=1TU",
        start="22:00",
        duration="7h",
        zone="Europe/Stockholm",
        except_on=("2027-01-05",),
    )
    begin = parse_instant("2026-12-15T00:00:00Z")
    days = [window.opens_at[:10] for window in upcoming(rule, begin, begin + 90 * DAY)]
    assert days == ["2027-02-02", "2027-03-02"]


@pytest.mark.parametrize(
    "rrule",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31",
        "FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=4",
        "FREQ=MONTHLY;BYDAY=6MO",
        "FREQ=MONTHLY;BYDAY=1TU;UNTIL=20250101T000000",
    ],
    ids=["31 February", "31 April", "a sixth Monday", "over before its first"],
)
def test_a_window_that_never_occurs_is_refused(rrule: str) -> None:
    rule = WindowRule(name="w", rrule=rrule, start="22:00", duration="7h", zone="UTC", first="2026-01-01")
    [(field, error)] = rule_faults(rule)
    assert field == "rrule"
    assert "never occurs after 2026-01-01" in error.message


def test_29_february_does_occur() -> None:
    rule = WindowRule(name="w", rrule="FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", start="22:00", duration="7h", zone="UTC")
    assert not list(rule_faults(rule))
    begin = instant(datetime(2026, 1, 1, tzinfo=UTC))
    assert [w.opens_at[:10] for w in upcoming(rule, begin, begin + 1_000 * DAY)] == ["2028-02-29"]
