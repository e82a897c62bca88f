"""Windows: written in local time, kept as instants, and right when the clock is turned."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shipkeeper.model.errors import BadInput
from shipkeeper.model.platform import WindowRule
from shipkeeper.model.time import HOUR, MINUTE, moment, parse_instant
from shipkeeper.planning.window import next_window, open_or_next, parse_window, rule_faults, window_on

ZONES = st.sampled_from(
    ["Europe/Stockholm", "America/New_York", "Australia/Lord_Howe", "Africa/Nairobi", "Asia/Kathmandu", "UTC"]
)


def utc(text: str) -> int:
    return parse_instant(text + "Z")


def rule(text: str = "FREQ=MONTHLY;BYDAY=1TU", start: str = "22:00", **more) -> WindowRule:
    return WindowRule(name="monthly", rrule=text, start=start, **{"duration": "7h", "zone": "Europe/Stockholm"} | more)


@pytest.mark.requirement("R-C1")
def test_an_end_before_its_start_is_the_next_day():
    window = parse_window("2026-12-02T22:00/05:00 Europe/Stockholm")
    assert window.opens_ms == utc("2026-12-02T21:00:00")
    assert window.closes_ms == utc("2026-12-03T04:00:00")
    assert window.zone == "Europe/Stockholm"


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("2026-12-02T22:00/2026-12-03T05:00 Europe/Stockholm", 7),
        ("2026-12-02T22:00/7h Europe/Stockholm", 7),
        ("2027-03-27T22:00/05:00 Europe/Stockholm", 6),
        ("2026-10-24T22:00/05:00 Europe/Stockholm", 8),
    ],
)
def test_how_long_a_window_is(text, hours):
    window = parse_window(text)
    assert window.closes_ms - window.opens_ms == hours * HOUR


def test_a_time_that_the_clock_jumps_over_is_refused():
    with pytest.raises(BadInput, match="does not exist") as caught:
        parse_window("2027-03-28T02:30/05:00 Europe/Stockholm")
    assert "03:30" in caught.value.hint


def test_a_time_that_comes_twice_never_widens_the_window():
    opens = parse_window("2026-10-25T02:30/05:00 Europe/Stockholm")
    assert opens.opens_ms == utc("2026-10-25T01:30:00"), "opened at the first 02:30, an hour before what may be meant"
    closes = parse_window("2026-10-24T22:00/02:30 Europe/Stockholm")
    assert closes.closes_ms == utc("2026-10-25T00:30:00"), "closed at the second 02:30, an hour after what may be meant"


@pytest.mark.parametrize(
    "text",
    [
        "", "tonight", "2026-12-02/2026-12-03", "2026-13-02T22:00/05:00", "2026-12-02T22:00/25:00",
        "2026-12-02T22:00/05:00 Mars/Olympus", "2026-12-02T22:00/2026-12-01T05:00", "2026-12-02T22:00/22d",
        "2026-12-02T22:00+01:00/05:00",
    ],
)  # fmt: skip
def test_what_is_not_a_window_is_refused_with_a_hint(text):
    with pytest.raises(BadInput) as caught:
        parse_window(text)
    assert caught.value.hint


@pytest.mark.requirement("R-C1")
def test_the_next_monthly_window():
    assert next_window(rule(), utc("2026-11-21T00:00:00")).opens_at == "2026-12-01T22:00:00+01:00"
    opened = utc("2026-12-01T21:00:00")
    assert next_window(rule(), opened).opens_ms == opened, "a window that opens right now was missed"
    assert next_window(rule(), opened + 1).opens_at == "2027-01-05T22:00:00+01:00"


def test_a_window_that_is_open_is_not_passed_over():
    during = utc("2026-12-02T01:00:00")
    assert open_or_next(rule(), during).opens_at == "2026-12-01T22:00:00+01:00"
    closed = utc("2026-12-02T04:00:00")
    assert open_or_next(rule(), closed).opens_at == "2027-01-05T22:00:00+01:00", "a closed window was offered"


def test_a_recurring_start_that_does_not_exist_opens_after_the_jump():
    window = next_window(rule("FREQ=WEEKLY;BYDAY=SU", "02:30", duration="2h"), utc("2027-03-27T00:00:00"))
    assert window.opens_at == "2027-03-28T03:00:00+02:00"
    assert window.closes_ms - window.opens_ms == 2 * HOUR


def test_the_window_of_a_date():
    assert window_on(rule(), date(2026, 12, 1)).opens_at == "2026-12-01T22:00:00+01:00"
    assert window_on(rule(), date(2026, 12, 2)) is None


def test_a_rule_that_counts_needs_its_first_date():
    every_second = rule("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU")
    assert [(field, "from which date" in error.message) for field, error in rule_faults(every_second)] == [
        ("rrule", True)
    ]
    first = rule("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU", first="2026-12-01")
    assert next_window(first, utc("2026-12-02T00:00:00")).opens_at.startswith("2026-12-15")


def test_a_rule_that_has_ended_says_so():
    with pytest.raises(BadInput, match="does not open any more"):
        next_window(rule("FREQ=MONTHLY;BYDAY=1TU;UNTIL=20261201T230000Z"), utc("2026-12-02T00:00:00"))


@pytest.mark.parametrize(
    "wrong",
    [
        rule("EVERY FULL MOON"), rule("FREQ=MONTHLY;BYDAY=9XX"), rule("FREQ=MINUTELY"),
        rule(start="9 pm"), rule(zone="Europe/Nowhere"),
        rule(duration="long"), rule(duration="0s"), rule("DTSTART:20260101T220000\nRRULE:FREQ=DAILY"),
    ],
)  # fmt: skip
def test_a_rule_that_gives_no_windows_is_refused(wrong):
    assert list(rule_faults(wrong))


@given(
    zone=ZONES,
    day=st.dates(date(2025, 1, 1), date(2029, 12, 31)),
    start=st.times(),
    minutes=st.integers(1, 23 * 60),
)
def test_a_written_window_reads_back_as_it_was_written(zone, day, start, minutes):
    local = datetime.combine(day, start.replace(second=0, microsecond=0))
    end = local + timedelta(minutes=minutes)
    text = f"{local:%Y-%m-%dT%H:%M}/{end:%H:%M} {zone}"
    if _in_gap(local, zone) or _in_gap(end, zone):
        with pytest.raises(BadInput, match="does not exist"):
            parse_window(text)
        return
    assume(minutes > 2 * 60)
    window = parse_window(text)
    opens, closes = (moment(ms, zone).replace(tzinfo=None) for ms in (window.opens_ms, window.closes_ms))
    assert opens == local, "the window opens at another wall clock time than was written"
    assert closes == end, "the window closes at another wall clock time than was written"
    assert abs((window.closes_ms - window.opens_ms) - minutes * MINUTE) <= HOUR


@given(zone=ZONES, start=st.times(), after=st.integers(0, 3 * 365 * 24 * 60))
def test_recurring_windows_are_found_in_order_and_none_is_skipped(zone, start, after):
    daily = rule("FREQ=DAILY", f"{start:%H:%M}", zone=zone, duration="1h")
    at = utc("2025-01-01T00:00:00") + after * MINUTE
    first = next_window(daily, at)
    second = next_window(daily, first.opens_ms + 1)
    assert first.opens_ms >= at
    assert 22 * HOUR < second.opens_ms - first.opens_ms < 26 * HOUR, "a day's window was skipped or doubled"
    assert first.opens_ms - at <= 26 * HOUR, "a window that was nearer was skipped"


def _in_gap(local: datetime, zone: str) -> bool:
    aware = local.replace(tzinfo=ZoneInfo(zone))
    return aware.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) != local
