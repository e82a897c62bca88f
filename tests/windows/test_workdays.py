"""Working days between two instants: what somebody counts on a wall calendar."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.app import workdays
from shipkeeper.app.workdays import closed_days, national
from shipkeeper.model.declared_windows import Freeze
from shipkeeper.model.errors import BadInput
from shipkeeper.model.platform import Environment, Platform
from shipkeeper.model.time import DAY, HOUR, moment, parse_instant
from shipkeeper.model.workdays import ClosedDays, after_working_days, working_days_between

ZONE = "Europe/Stockholm"
ZONES = st.sampled_from([ZONE, "UTC", "Africa/Nairobi", "Australia/Lord_Howe", "America/New_York"])
INSTANTS = st.integers(parse_instant("2024-01-01T00:00:00Z"), parse_instant("2030-01-01T00:00:00Z"))


def count(begins: str, ends: str, closed: ClosedDays | None = None) -> int:
    return working_days_between(parse_instant(begins), parse_instant(ends), ZONE, closed or ClosedDays())


@pytest.mark.requirement("R-C3")
@pytest.mark.parametrize(
    ("begins", "ends", "expected"),
    [
        ("2026-11-24T23:00:00+01:00", "2026-12-01T22:00:00+01:00", 5),
        ("2026-11-25T03:00:00+01:00", "2026-12-01T22:00:00+01:00", 5),
        ("2026-11-24T23:00:00+01:00", "2026-12-01T08:00:00+01:00", 4),
        ("2026-11-24T12:00:00+01:00", "2026-11-24T16:00:00+01:00", 0),
        ("2026-11-27T18:00:00+01:00", "2026-11-30T08:00:00+01:00", 0),
        ("2026-11-27T18:00:00+01:00", "2026-11-30T17:00:00+01:00", 1),
        ("2026-12-01T22:00:00+01:00", "2026-11-24T22:00:00+01:00", 0),
    ],
    ids=[
        "Tuesday night to Tuesday night",
        "it ended in the small hours: that day counts",
        "in the morning its own day has not been lived through",
        "within a day",
        "over a weekend",
        "Monday is over",
        "the wrong way round",
    ],
)
def test_days_count_once_their_office_hours_were_lived_through(begins: str, ends: str, expected: int) -> None:
    assert count(begins, ends) == expected


def test_national_holidays_and_the_days_between_years() -> None:
    # 24 and 31 December are no public holidays by law in every list; 25, 26 December, 1 and 6 January are.
    sweden = national("SE", 2026, 2027)
    assert sweden.unknown == ""
    assert not sweden.works(date(2026, 12, 25))
    assert not sweden.works(date(2027, 1, 1))
    assert not sweden.works(date(2027, 1, 6))
    plain = count("2026-12-21T20:00:00+01:00", "2027-01-08T20:00:00+01:00")
    assert count("2026-12-21T20:00:00+01:00", "2027-01-08T20:00:00+01:00", sweden) <= plain - 3


def test_a_weekend_is_the_country_s_own() -> None:
    assert national("SA", 2026, 2026).weekend == {4, 5}, "Friday and Saturday"
    assert not national("SA", 2026, 2026).works(date(2026, 12, 4))
    assert national("SA", 2026, 2026).works(date(2026, 12, 6))


def test_a_part_of_a_country_has_holidays_of_its_own() -> None:
    epiphany = date(2027, 1, 6)
    assert not national("DE-BY", 2027, 2027).works(epiphany)
    assert national("DE-BE", 2027, 2027).works(epiphany)


def test_a_part_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(BadInput, match="'DE-XX' is no part") as caught:
        national("DE-XX", 2026, 2026)
    assert "BY" in caught.value.hint


@pytest.mark.parametrize("language", ["sv_SE.UTF-8", "de_DE.UTF-8", "C.UTF-8", ""])
def test_a_holiday_has_one_name_whatever_the_terminal_s_language(
    language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.setenv(variable, language)
    national.cache_clear()
    assert national("SE", 2026, 2026).days[date(2026, 12, 25)] == "Christmas Day", "two people's calendars differ"
    assert national("NZ", 2026, 2026).days[date(2026, 12, 25)] == "Christmas Day", "a country without translations"


def test_without_the_library_it_is_said_that_holidays_are_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workdays, "_library", lambda: None)
    national.cache_clear()
    try:
        found = national("SE", 2026, 2026)
        assert found.works(date(2026, 12, 25)), "Mon–Fri is all that is known"
        assert "not installed" in found.unknown
        assert "shipkeeper[holidays]" in found.unknown
    finally:
        national.cache_clear()
    assert "names no country" in national("", 2026, 2026).unknown


def test_a_closed_freeze_has_no_working_days_and_an_open_one_has() -> None:
    shut = Freeze(name="shutdown", begins="2026-12-21", ends="2026-12-23", closed=True)
    sale = Freeze(name="sale", begins="2026-11-23", ends="2026-11-27")
    platform = Platform(zone=ZONE, freezes=(shut,), environments=(Environment(name="p", clusters=(), freezes=(sale,)),))
    first, last = parse_instant("2026-11-01T00:00:00Z"), parse_instant("2027-01-01T00:00:00Z")
    found = closed_days(platform, platform.environments[0], first, last)
    assert [found.works(date(2026, 12, day)) for day in (18, 21, 22, 23, 24)] == [True, False, False, False, True]
    assert found.works(date(2026, 11, 24)), "people work during a sale, they only change nothing"


@given(INSTANTS, st.integers(0, 40), ZONES)
def test_after_is_the_first_instant_with_that_many_between(begins_ms: int, days: int, zone: str) -> None:
    closed = ClosedDays({moment(begins_ms + 3 * DAY, zone).date(): "holiday"})
    found = after_working_days(begins_ms, days, zone, closed)
    assert found is not None
    assert working_days_between(begins_ms, found, zone, closed) >= days
    if days:
        assert working_days_between(begins_ms, found, zone, closed) == days
        assert working_days_between(begins_ms, found - 1, zone, closed) == days - 1, "a moment earlier is too early"


@given(INSTANTS, st.integers(0, 60 * DAY), st.integers(0, 60 * DAY), ZONES)
def test_days_add_up_wherever_the_time_is_cut_at_night(begins_ms: int, first: int, second: int, zone: str) -> None:
    closed = ClosedDays()
    local = moment(begins_ms + first, zone)
    cut = begins_ms + first - (local.hour * HOUR + local.minute * 60_000 + local.second * 1000)
    if cut < begins_ms or moment(cut, zone).hour > 8:
        return
    whole = working_days_between(begins_ms, cut + second, zone, closed)
    parts = working_days_between(begins_ms, cut, zone, closed) + working_days_between(cut, cut + second, zone, closed)
    assert whole == parts


def test_a_calendar_without_working_days_has_no_next_one() -> None:
    assert after_working_days(0, 1, ZONE, ClosedDays(weekend=frozenset(range(7)))) is None


def test_a_week_of_working_days_is_a_week() -> None:
    monday = parse_instant("2026-11-23T00:00:00+01:00")
    found = after_working_days(monday, 5, ZONE, ClosedDays())
    assert found is not None
    assert moment(found, ZONE).date() == date(2026, 11, 23) + timedelta(days=4)
