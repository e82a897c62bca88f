"""Times in months, weeks and days before something."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipkeeper.model.errors import BadInput
from shipkeeper.model.lead import Lead, parse_lead
from shipkeeper.model.time import iso, parse_instant

ZONES = st.sampled_from(["UTC", "Europe/Stockholm", "Africa/Nairobi", "Australia/Lord_Howe", "America/New_York"])
INSTANTS = st.integers(min_value=parse_instant("2020-01-01T00:00:00Z"), max_value=parse_instant("2040-01-01T00:00:00Z"))
LEADS = st.builds(Lead, months=st.integers(0, 13), days=st.integers(0, 90))


@pytest.mark.parametrize(
    ("text", "lead"),
    [
        ("2 months", Lead(months=2)),
        ("1 month and 2 weeks", Lead(months=1, days=14)),
        ("4 weeks", Lead(days=28)),
        ("28d", Lead(days=28)),
        ("10 days", Lead(days=10)),
    ],
)
def test_words_of_a_calendar(text: str, lead: Lead) -> None:
    assert parse_lead(text) == lead
    assert parse_lead(str(lead)) == lead, "what is printed cannot be read again"


@pytest.mark.parametrize("text", ["", "soon", "2", "2 fortnights", "-3 days", "2 months later"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(BadInput, match="months, weeks or days"):
        parse_lead(text)


def test_a_month_before_the_last_of_march_is_the_last_of_february() -> None:
    at = parse_instant("2027-03-31T22:00:00+02:00")
    assert iso(Lead(months=1).before(at, "Europe/Stockholm"), "Europe/Stockholm") == "2027-02-28T22:00:00+01:00"


@given(at=INSTANTS, lead=LEADS, zone=ZONES)
def test_what_is_announced_now_may_begin_after_its_lead_and_not_before(at: int, lead: Lead, zone: str) -> None:
    begins = lead.after(at, zone)
    assert lead.before(begins, zone) >= at, "a window would be called lawful whose notice came too late"
    assert begins >= at
