"""Cadences: words, and the dates they give in a zone."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.knowledge.cadence import PERIODIC, WORDS, add_months, due_after, parse_cadence
from shipkeeper.model.errors import BadInput
from shipkeeper.model.time import DAY, HOUR, moment, parse_instant

ZONES = st.sampled_from(["Europe/Stockholm", "America/New_York", "Africa/Nairobi", "Australia/Lord_Howe", "UTC"])
TIMES = st.integers(parse_instant("2024-01-01T00:00:00Z"), parse_instant("2030-01-01T00:00:00Z"))
LONGEST = {"daily": 1, "weekly": 7, "monthly": 31, "quarterly": 92, "yearly": 366}
SHORTEST = {"daily": 1, "weekly": 7, "monthly": 28, "quarterly": 89, "yearly": 365}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("monthly", ("monthly",)),
        ("Monthly or on new threat advisory", ("monthly", "on advisory")),
        ("Daily (automatic)", ("daily", "automatic")),
        ("As released by vendor", ("as released",)),
        ("As released (Renovate Bot)", ("as released",)),
        ("weekly, as needed", ("weekly", "as needed")),
        ("quarterly or as released or on advisory", ("quarterly", "as released", "on advisory")),
        ("every year", ("yearly",)),
        ("Annually", ("yearly",)),
    ],
)
def test_cadences_are_read(text, words):
    assert parse_cadence(text) == words


@pytest.mark.parametrize("text", ["", "sometimes", "monthly or whenever", "30"])
def test_what_is_no_cadence_is_refused(text):
    with pytest.raises(BadInput) as caught:
        parse_cadence(text)
    assert "known words" in caught.value.hint


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4, unique=True))
def test_any_combination_reads_back(words):
    assert parse_cadence(" or ".join(words)) == tuple(words)


@given(at=TIMES, word=st.sampled_from(PERIODIC), zone=ZONES)
def test_the_next_date_is_one_period_later_at_the_same_time_of_day(at, word, zone):
    after = due_after(at, word, zone)
    days = (after - at) / DAY
    assert SHORTEST[word] - HOUR / DAY <= days <= LONGEST[word] + HOUR / DAY
    then, now = moment(after, zone), moment(at, zone)
    turned = abs(timedelta(hours=then.hour, minutes=then.minute) - timedelta(hours=now.hour, minutes=now.minute))
    assert turned <= timedelta(hours=1), "the clock's turn moved the due time by more than itself"


@given(at=TIMES, later=st.integers(0, 400 * DAY), word=st.sampled_from(PERIODIC), zone=ZONES)
def test_done_later_is_never_due_much_earlier(at, later, word, zone):
    # A month from 28 January and from 31 January is the same day: equal dates are allowed, an hour is the clock's turn.
    assert due_after(at + later, word, zone) >= due_after(at, word, zone) - 3 * DAY


@given(day=st.dates(date(2000, 1, 1), date(2100, 1, 1)), months=st.integers(1, 48))
def test_months_are_added_without_spilling_over(day, months):
    after = add_months(day, months)
    assert (after.year * 12 + after.month) - (day.year * 12 + day.month) == months
    assert after.day <= day.day
    assert after.day == day.day or (after + timedelta(days=1)).day == 1


def test_the_last_of_january_is_due_on_the_last_of_february():
    done = int(datetime.fromisoformat("2027-01-31T10:00:00+01:00").timestamp()) * 1000
    assert moment(due_after(done, "monthly", "Europe/Stockholm"), "Europe/Stockholm").date() == date(2027, 2, 28)


def test_words_without_a_period_have_no_date():
    with pytest.raises(ValueError, match="has no period"):
        due_after(0, "as needed", "UTC")
